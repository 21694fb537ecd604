"""A switchover that was planned loses nothing, there and back, whatever a disaster of the same kind may cost.

The RPO is what may be lost with a Region. Who moves a workload with everything in order has no reason to lose any: a
switchover of an Aurora global database has an RPO of 0, and a failover has not.
[Aurora: disaster recovery with global databases]
"""

from reports.declared import Declared
from reports.failback import WayHome
from reports.ledger import Ledger, lost_writes
from reports.model import Finding
from reports.series import names_of

CHECK = "planned switchover"
_SHOWN = 20


def judge_planned(declared: Declared, there: Ledger, home: WayHome | None) -> Finding | None:
    """Fail if an acknowledged write was lost on one of the ways; None where nothing was planned, or nobody looked.

    What was not read back proves nothing here; how much it may be is held against the RPO, as everywhere.
    """
    if declared.fault is not None or declared.expects != "none" or not there.audits.all:
        return None
    books = [there, *([home.book] if home is not None else [])]
    lost = [lost_writes(book.fates) for book in books]
    gone = [write for one in lost for write in one]
    kept = sum(fate.kept and fate.acknowledged for fate in books[-1].fates)
    if gone:
        on_the_way = f", and {len(lost[1])} on the way home" if lost[1:] else ""
        says = (
            f"{len(lost[0])} acknowledged writes were lost by the switchover{on_the_way}. It was planned, so it has "
            "none to lose, whatever the RPO: let the old primary take no more, and the new one have all, before it is "
            "promoted."
        )
        return Finding(check=CHECK, verdict="fail", says=says, operations=names_of(gone[:_SHOWN]))
    unread = max(len(book.of_class("unread")) for book in books)
    if unread or not kept:
        says = f"No acknowledged write was seen to be lost, and {unread} were not read back: that shows nothing."
        return Finding(check=CHECK, verdict="not judged", says=says)
    return Finding(check=CHECK, verdict="pass", says=f"Nothing was lost: {kept} acknowledged writes are there.")
