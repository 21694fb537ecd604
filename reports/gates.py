"""A gate: one thing that must hold before a number means anything, and which numbers rest on it."""

from typing import Literal

import msgspec

from reports.model import Finding, Judgement

Objective = Literal["recovery time", "data loss"]
BOTH: tuple[Objective, ...] = ("recovery time", "data loss")


class Gate(msgspec.Struct, frozen=True):
    """One check of validity and its result.

    `spares_fail`: what is wrong can hide a miss but cannot make one up, so that a proven miss stands.
    """

    finding: Finding
    spares_fail: bool = False

    def applied(self, objective: Objective, verdict: Judgement) -> Judgement:
        """The objective's verdict once this gate has spoken."""
        found = self.finding.verdict
        if objective not in self.finding.taints or found not in ("invalid", "inconclusive"):
            return verdict
        if verdict == "fail" and self.spares_fail:
            return verdict
        return "invalid" if "invalid" in (found, verdict) else "inconclusive"


def held(check: str, says: str) -> Gate:
    """A gate that holds."""
    return Gate(Finding(check=check, verdict="pass", says=says))


def broken(
    check: str,
    says: str,
    *,
    verdict: Literal["invalid", "inconclusive"] = "inconclusive",
    taints: tuple[Objective, ...] = BOTH,
    operations: tuple[str, ...] = (),
    spares_fail: bool = False,
) -> Gate:
    """A gate that does not hold, and what it taints."""
    finding = Finding(check=check, verdict=verdict, says=says, taints=taints, operations=operations)
    return Gate(finding, spares_fail)
