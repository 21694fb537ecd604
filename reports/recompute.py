"""The numbers of a run once more, from its operations: what is written must be what they give.

Rules change from version to version. A verdict that this version gives otherwise is judged again by the rules of the
version that gave it (`judged_by`), where they are at hand; what they give, too, is true to its operations. Held against
the very version that gave it, a verdict must have all that this gives: nothing was taken out of it.
"""

import math
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from probes.load import BrokenHistory
from reports.folder import VERDICT, BrokenEvidence, Evidence, judge, load, losses
from reports.losses import losses_csv
from reports.record import LOSSES, PLAN
from reports.rules import NotAtHand, judge_by
from reports.version import harness_version

# Words may get better; who judged is told apart.
_WORDS = ("says", "judged_by", "does_not_show", "operations")
# 1 ns, and what adding floats in another order may differ by.
_LEAST_S, _SHARE = 1e-9, 1e-12


def recompute(run_folder: Path) -> tuple[list[str], list[str]]:
    """Judge each drill of a run again. Problems and notes, a line each, with the drill's folder in front."""
    problems: list[str] = []
    notes: list[str] = []
    for folder in sorted(path.parent for path in run_folder.glob(f"*/{PLAN}")):
        if not (folder / VERDICT).exists():
            notes.append(f"{folder.name}: it has no verdict, so there are no numbers to check.")
            continue
        try:
            _recompute(folder, problems, notes)
        except (BrokenEvidence, BrokenHistory, OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            problems.append(f"{folder.name}: it cannot be judged again: {error}")
    return problems, notes


def _recompute(folder: Path, problems: list[str], notes: list[str]) -> None:
    written: dict[str, Any] = msgspec.json.decode((folder / VERDICT).read_bytes(), type=dict)
    evidence = load(folder)
    by = str(written.get("judged_by", ""))
    here = harness_version()
    again: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(judge(evidence)), type=dict)
    found = differences(written, again, same=by == here)
    if not found:
        problems += _losses(folder, evidence, by)
        return
    if by == here:
        problems += [f"{folder.name}/{VERDICT}: {one}" for one in found]
        if here.endswith("-dirty"):
            notes.append(f"{folder.name}: {here} had changes that are in no commit; its rules may have been others.")
        return
    try:
        by_its_own = judge_by(by, folder)
    except NotAtHand as error:
        problems += [f"{folder.name}/{VERDICT}: {one} by the rules of {here}; {error}" for one in found]
        return
    real = differences(written, by_its_own, same=True)
    problems += [f"{folder.name}/{VERDICT}: {one} by its own rules, those of {by}" for one in real]
    if not real:
        notes.append(
            f"{folder.name}: by the rules of {by}, which judged it, the numbers hold. The rules changed since: "
            f"{len(found)} would be others by those of {here}: {found[0]}"
        )


def _losses(folder: Path, evidence: Evidence, by: str) -> list[str]:
    path = folder / LOSSES
    if not path.exists() or losses_csv(losses(evidence)).encode() == path.read_bytes():
        return []
    changed = "" if by == harness_version() else f" (it was written by {by}; this is {harness_version()})"
    return [f"{folder.name}/{LOSSES}: its rows are not those that the operations give{changed}"]


def differences(written: Any, again: Any, at: str = "", *, same: bool) -> list[str]:
    """What is written and comes out otherwise, a line each: where, what is written, what the operations give.

    `same`: one version gave both, so texts must be the same, too, and nothing may be missing in what is written. Else
    what only `again` has is no difference: a newer version gave it. All fields are written, defaults included, so that
    one that is not there was taken out, or is newer. Of findings of one check the n-th is held against the n-th.
    """
    if isinstance(written, dict) and isinstance(again, dict):
        one, other = (
            {f"{at}.{name}".lstrip("."): value for name, value in given.items() if _is_held(name, same=same)}
            for given in (written, again)
        )
        return _by_name(one, other, same=same)
    if isinstance(written, list) and isinstance(again, list):
        return _lists(written, again, at, same=same)
    return [] if _same(written, again) else [f"{at} is {_shown(written)}, and the operations give {_shown(again)}"]


def _is_held(name: str, *, same: bool) -> bool:
    return name != "judged_by" and (same or name not in _WORDS)


def _by_name(written: dict[str, Any], again: dict[str, Any], *, same: bool) -> list[str]:
    """The same of values by where they are."""
    found = [
        line for at, value in written.items() for line in differences(value, again.get(at, _NOTHING), at, same=same)
    ]
    missing = [at for at in again if at not in written] if same else []
    return [*found, *(f"{at} is missing, and the operations give {_shown(again[at])}" for at in missing)]


def _lists(written: list[Any], again: list[Any], at: str, *, same: bool) -> list[str]:
    if any(isinstance(one, dict) and "check" in one for one in written):  # a newer version may check more
        return _by_name(_by_check(written, at), _by_check(again, at), same=same)
    if len(written) != len(again):
        return [f"{at} has {len(written)} entries, and the operations give {len(again)}"]
    return [
        line
        for number, (one, other) in enumerate(zip(written, again, strict=True))
        for line in differences(one, other, f"{at}[{number}]", same=same)
    ]


def _by_check(findings: list[Any], at: str) -> dict[str, Any]:
    """Findings by where they are: `findings[replication lag]`, and the second of that check `findings[... #2]`.

    Several sites, tables or stacks may each have a finding of one check, in the order in which they are judged.
    """
    counted: Counter[str] = Counter()
    found = {}
    for one in findings:
        check = str(one.get("check", "?")) if isinstance(one, dict) else "?"
        counted[check] += 1
        number = f" #{counted[check]}" if counted[check] > 1 else ""
        found[f"{at}[{check}{number}]"] = one
    return found


class _Nothing:
    def __repr__(self) -> str:
        return "nothing"


_NOTHING = _Nothing()


def _same(written: Any, again: Any) -> bool:
    numbers = (int, float)
    if isinstance(written, bool) or isinstance(again, bool):
        return written is again
    if isinstance(written, numbers) and isinstance(again, numbers):
        return math.isclose(written, again, rel_tol=_SHARE, abs_tol=_LEAST_S)
    return bool(written == again)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."  # noqa: PLR2004  a line is to be read
