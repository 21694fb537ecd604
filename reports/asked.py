"""What only some drills ask: it is what they were run for, so that it is told where it holds, too."""

from reports import backups, capacity, convergence, old_primary, passive, readiness, standstill, staying
from reports.model import Finding, Verdict

_CHECKS = (backups.COPY, backups.TEMPLATE, convergence.CHECK, old_primary.CHECK, standstill.CHECK, staying.CHECK)
# What a reader has to see first, whatever it says: a standby that is back is not yet what production was.
_FIRST = (capacity.CHECK, passive.CHECK, passive.TRAFFIC)


def was_asked(finding: Finding) -> bool:
    """Whether only some drills ask it, and this one did."""
    return finding.check in (*_CHECKS, *_FIRST) or finding.check.startswith(readiness.PREFIX)


def seen_first(verdict: Verdict) -> list[Finding]:
    """What stands on a report's first screen, also where it is a pass or is not judged."""
    return [finding for finding in verdict.findings if finding.check in _FIRST]


def in_full(verdict: Verdict) -> list[Finding]:
    """The same, and every readiness check: for a reader who wants each by its name."""
    ready = [finding for finding in verdict.findings if finding.check.startswith(readiness.PREFIX)]
    return [*seen_first(verdict), *ready]
