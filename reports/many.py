"""Many runs: every judged drill below some folders, in the order in which they began."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from reports.chaos import is_again, is_random
from reports.declared import Declared
from reports.evidence import RUN, RunInfo, read_run
from reports.folder import PLAN, VERDICT, BrokenEvidence, read_verdict
from reports.model import Verdict
from reports.words import drill_name, loss_words

# A drill's folder, a run's, a folder of runs, and a folder of those: what a release's evidence is kept in.
_DEPTH = 3
NOT_MEASURED, NOT_BOUNDED = "not measured", "not bounded from above"


class Kept(NamedTuple):
    """One judged drill as it is kept: its verdict, and what its plan and its run say of it, where these can be read."""

    folder: Path
    verdict: Verdict
    declared: Declared | None
    run: RunInfo | None

    @property
    def began_utc(self) -> str:
        """When it began, as ISO 8601 in UTC; by the run's id where no mark says it."""
        return self.verdict.marks[0].utc if self.verdict.marks else self.verdict.run_id

    @property
    def name(self) -> str:
        """The drill with its parameters."""
        return drill_name(self.verdict.drill, self.verdict.parameters)

    @property
    def broke(self) -> bool:
        """Whether anything was broken: where nothing was, no recovery from it is proved.

        "no fault" only looks, and "none" without a fault in its plan is a switchover with everything in order. Else
        there was a fault, whatever clients were to see of it ("impact", "any", "no failover", "none" with a fault).
        """
        quiet = self.verdict.expects in ("no fault", "none")
        return not quiet or (self.declared is not None and self.declared.fault is not None)

    @property
    def key(self) -> tuple[str, str, str]:
        """What runs of the same drill have in common: workload, environment, drill with its parameters."""
        return (self.verdict.workload, self.verdict.environment, self.name)


def kept_below(paths: Iterable[Path]) -> list[Kept]:
    """Every judged drill below these folders, each once, the earliest first.

    Raises BrokenEvidence for a folder that is not there or has no judged drill in it, and for a verdict that cannot be
    read: a run that is left out would change what the others prove.
    """
    found: dict[Path, Kept] = {}
    for path in paths:
        folders = _folders(path)
        if not folders:
            raise BrokenEvidence(f"{path}: no judged drill in it ({VERDICT}). Give the folder of a run, or of runs.")
        found |= {folder: _kept(folder) for folder in folders}
    return sorted(found.values(), key=lambda kept: (kept.began_utc, kept.verdict.run_id, str(kept.folder)))


def _folders(path: Path) -> list[Path]:
    patterns = ("*/" * depth + VERDICT for depth in range(_DEPTH + 1))
    return sorted({found.parent.resolve() for pattern in patterns for found in path.glob(pattern)})


def _kept(folder: Path) -> Kept:
    try:
        run = read_run(folder.parent)
    except msgspec.DecodeError as error:
        raise BrokenEvidence(f"{folder.parent.name}/{RUN}: {error}") from error
    return Kept(folder, read_verdict(folder), _declared(folder / PLAN), run)


def _declared(path: Path) -> Declared | None:
    if not path.exists():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Declared)
    except msgspec.DecodeError as error:
        raise BrokenEvidence(f"{path.parent.name}/{PLAN}: {error}") from error


def by_drill(kept: Iterable[Kept]) -> dict[tuple[str, str, str], list[Kept]]:
    """The runs of each drill, in their order."""
    found: dict[tuple[str, str, str], list[Kept]] = {}
    for one in kept:
        found.setdefault(one.key, []).append(one)
    return found


def newest_of_each(kept: Iterable[Kept]) -> list[Kept]:
    """The newest run of each drill; `kept` in the order in which they began.

    A random fault is one drill, whatever seed drew it and at which place: else its fail would stand until that seed is
    given again. Of the newest sequence that broke it each time counts. Parts of a sequence that were run again to find
    its shortest failing one are no new drills, and are left out.
    """
    found: dict[tuple[str, ...], list[Kept]] = {}
    for one in kept:
        told = one.verdict
        if not is_random(told.parameters):
            found[one.key] = [one]
        elif not is_again(told.parameters):
            same = found.setdefault((told.workload, told.environment, told.drill, told.parameters["fault"]), [])
            if same and same[0].verdict.run_id != told.run_id:
                same.clear()
            same.append(one)
    return [one for runs in found.values() for one in runs]


def slowness(kept: Kept) -> tuple[bool, float]:
    """By which the slowest of many is found: one whose recovery was not seen is slower than all."""
    recovery = kept.verdict.recovery_time
    return recovery.lower_s is not None and recovery.upper_s is None, recovery.upper_s or recovery.lower_s or -1.0


def lossiness(kept: Kept) -> tuple[bool, float, int]:
    """By which the one that lost most is found: s of writes, then their number.

    One that nothing bounds from above goes before all that is bounded, so that no milder figure hides it; so does one
    of which no audit read anything back, after those of which a least is known.
    """
    loss = kept.verdict.data_loss
    if loss.lower_s is None or loss.upper_s is None:
        return True, -1.0 if loss.lower_s is None else loss.lower_s, loss.gone
    return False, loss.upper_s, loss.gone


def lossiest_words(kept: Sequence[Kept]) -> str:
    """The data loss of the one that lost most, in words; of nothing that is not known they say that it was not lost."""
    loss = max(kept, key=lossiness).verdict.data_loss
    if loss.lower_s is None:
        return NOT_MEASURED
    said = loss_words(loss)
    bounded = loss.upper_s is not None or "at least" in said
    return said if bounded else f"{said}; {NOT_BOUNDED}"
