"""What became of the synthetic data that the probes wrote: deleted, or left behind and where."""

from probes.history import History
from reports.model import Finding
from reports.sent import all_changes

CHECK = "synthetic data"


def judge_purge(history: History) -> Finding:
    """By the mark `purged`; without it nothing was deleted. It says nothing of the objectives, and judges nothing."""
    mark = history.mark("purged")
    sent = {o.key for o in all_changes(history)}
    left = int(mark.data.get("left") or 0) if mark is not None else len(sent)
    keys = int(mark.data.get("keys") or 0) if mark is not None else len(sent)
    if not left:
        says = f"All {keys} keys that the probes wrote were deleted." if keys else "The probes wrote nothing."
        return Finding(check=CHECK, verdict="pass", says=says)
    prefixes = ", ".join(sorted({v.header.key_prefix for v in history.vantages}))
    says = (
        f"{left} of {keys} keys that the probes wrote are left behind in the workload; they begin with {prefixes}. "
        f"Delete them, or give the probe a request for it (purge)."
    )
    return Finding(check=CHECK, verdict="not judged", says=says)
