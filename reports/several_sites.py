"""What a workload that serves at several sites at once has to show for being one, and what a fault did at each.

Before the fault every site serves its own clients, or the drill shows a failover of something else. Where the workload
file says that an order is changed in its home Region only (`writes = "partitioned"`), or that one Region takes all
writes (`writes = "global"`), it is so, while nothing is broken.
"""

from collections import Counter
from collections.abc import Sequence

from probes.history import History, Operation
from reports.bounds import seconds
from reports.declared import Declared
from reports.effects import corrupt_reads
from reports.gates import Gate, broken, held
from reports.model import Finding
from reports.one_writer import GLOBAL, reading, served, writing
from reports.phases import phases_of
from reports.sent import judged_changes
from reports.series import names_of, region_of

PATTERN, CORRUPT = "home Regions", "corrupt at every site"
STRATEGY = "active-active"


def site_gates(history: History, declared: Declared) -> list[Gate]:
    """All as findings; none for another strategy, or where the workload file names no home of its clients."""
    since_ns = phases_of(history, declared).since_ns
    if declared.strategy != STRATEGY or not declared.homes or since_ns is None:
        return []
    before = [o for o in judged_changes(history) if o.good and o.done_ns < since_ns]
    if declared.writes == GLOBAL:
        return [reading(history, declared, since_ns), writing(before, declared)]
    gates = [_serving(before, declared)]
    if declared.writes == "partitioned":
        gates.append(_at_home(before, declared))
    return gates


def _serving(before: Sequence[Operation], declared: Declared) -> Gate:
    """Whether each home Region took writes."""
    took = Counter(region_of(o) for o in before)
    return served(took, declared, none="took no write", some="writes taken")


def _at_home(before: Sequence[Operation], declared: Declared) -> Gate:
    """Whether each write was taken in the home Region of its clients."""
    away = [o for o in before if o.probe in declared.homes and region_of(o) != declared.homes[o.probe]]
    if away:
        where = region_of(away[0]) or "no Region"
        says = (
            f"{len(away)} of {len(before)} writes before the fault were not taken in their home Region, as the "
            f'workload file says (writes = "partitioned"); the first is {away[0].key}, in {where}.'
        )
        return broken(PATTERN, says, verdict="invalid", operations=names_of(away))
    return held(PATTERN, f"Each of {len(before)} writes before the fault was taken in its home Region.")


def judge_corrupt_sites(history: History, declared: Declared) -> Finding | None:
    """Where corrupt data was served. Corruption is replicated like anything else, so another site is no way back.

    None for other faults, and for a workload that does not serve at several sites.
    """
    phases, fault = phases_of(history, declared), declared.fault
    if declared.strategy != STRATEGY or fault is None or fault.proved_by != "corrupt reads" or phases.since_ns is None:
        return None
    served = corrupt_reads(history, phases.since_ns, phases.until_ns)
    homes = sorted(set(declared.homes.values()) or {region_of(o) for o in served})
    found = {region: [o for o in served if region_of(o) == region] for region in homes}
    proof = names_of(o for reads in found.values() for o in reads[:5])
    said = "; ".join(_seen(region, reads, phases.since_ns) for region, reads in found.items())
    if all(found.values()) and len(found) > 1:
        says = f"Every site served corrupt data ({said}): no replica was a way back."
    else:
        says = f"Not every site was seen to serve corrupt data ({said})."
    return Finding(check=CORRUPT, verdict="not judged", says=says, operations=proof)


def _seen(region: str, reads: Sequence[Operation], since_ns: int) -> str:
    if not reads:
        return f"{region}: none of its reads"
    first_s = seconds(reads[0].done_ns - since_ns)
    return f"{region}: {len(reads)} reads, the first {first_s:.1f} s after the fault was asked for"
