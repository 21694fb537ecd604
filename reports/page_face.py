"""The first page: what somebody with a minute has to know, in sentences."""

from datetime import date
from typing import NamedTuple

from reports.model import Overall
from reports.page_view import DrillView


class Face(NamedTuple):
    """What stands there.

    `held` says whether the objectives were; `discharged` are the sentences about the period with the drills that each
    is for; `actions` counts the findings by severity, `nobodys` those without owner or due date; `open` are the
    conditions of a final record that are. `dirty`: something is not proved to be put back.
    """

    held: str
    dirty: bool
    discharged: list[tuple[str, list[str]]]
    actions: str
    nobodys: int
    earliest: date | None
    open: list[str]


def face(overall: Overall, views: list[DrillView], worse: list[str]) -> Face:
    """The first page of a run with these drills. `worse` are those whose runs together failed, by their names."""
    discharged: dict[str, list[str]] = {}
    for view in views:
        discharged.setdefault(view.discharge.says, []).append(view.name)
    found = [one for view in views for one in view.actions]
    counts = {severity: sum(one.severity == severity for one in found) for severity in _severities(views)}
    left = dict.fromkeys(one.open for view in views for one in view.conditions if one.open)
    return Face(
        held=_held(overall, views, worse),
        dirty=_dirty(views),
        discharged=list(discharged.items()),
        actions=", ".join(f"{count} {severity}" for severity, count in counts.items()),
        nobodys=sum(not one.owner or not one.due for one in found),
        earliest=min((one.due for one in found if one.due), default=None),
        open=list(left) or ([] if views else ["No drill was run."]),
    )


def _severities(views: list[DrillView]) -> list[str]:
    return list(dict.fromkeys(one.severity for view in views for one in view.actions))


def _dirty(views: list[DrillView]) -> bool:
    return any(view.verdict is not None and view.verdict.undo == "dirty" for view in views)


def _held(overall: Overall, views: list[DrillView], worse: list[str]) -> str:
    missed = sum(view.verdict is not None and view.verdict.verdict == "fail" for view in views)
    if overall == "pass":
        says = "It held: every objective was met."
    elif missed:
        says = f"It did not hold: {missed} of {len(views)} drills missed an objective, or a check failed."
    elif overall == "fail":  # no single run did
        than = f"are proved to be worse than the last release: {', '.join(worse)}"
        says = f"Every objective was met, but all runs together {than}."
    else:
        says = "Not decided: this run shows neither that it holds nor that it does not."
    return f"{says} Something that the drill changed is not proved to be put back." if _dirty(views) else says
