"""Every workload against every disruption: what was proved last, what was not, and what was never tried."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import msgspec

from reports.advice import open_findings
from reports.chaos import is_again
from reports.folder import BrokenEvidence
from reports.many import Kept, lossiest_words, newest_of_each, slowness
from reports.model import Disruption, Overall
from reports.sheet import Picture, Sheet, sheet_html
from reports.tables import markdown, markdown_table, text_table
from reports.words import SIGNS, recovery_words, worst

WORKLOAD = "workload.json"
State = Literal["pass", "fail", "inconclusive", "invalid", "aborted", "no drill", "no objective"]
STATE_SIGNS: Mapping[str, str] = SIGNS | {"no drill": "○", "no objective": "·"}
_HEAD = ("workload", "disruption", "state", "recovery time", "data loss", "drills", "oldest, UTC", "why")


class Cell(NamedTuple):
    """One workload and one disruption, by the newest run of each of its drills: the worst of them.

    Only drills that broke something make it a pass. The numbers are theirs, in s; `drills` is how many they are, and
    `oldest_utc` the day on which the one of them that is longest ago began: what the cell says is no newer than that.
    One that broke nothing counts where it is no pass: it makes the cell worse. `why` says what is missing where it is
    no pass, or that it was not put back (`dirty`). How random faults count is said at `newest_of_each`.
    """

    workload: str
    disruption: Disruption
    state: State
    recovery_time: str
    data_loss: str
    drills: int
    oldest_utc: str
    why: str
    dirty: bool = False


def cells(kept: Sequence[Kept]) -> list[Cell]:
    """A cell for every disruption of every workload in its environment."""
    rows: dict[tuple[str, str], list[Kept]] = {}
    for one in kept:
        rows.setdefault((one.verdict.workload, one.verdict.environment), []).append(one)
    return [
        _cell(f"{name} ({where})", disruption, rows[name, where])
        for name, where in sorted(rows)
        for disruption in get_args(Disruption)
    ]


def _cell(workload: str, disruption: Disruption, kept: Sequence[Kept]) -> Cell:
    ours = [one for one in kept if one.verdict.disruption == disruption]
    newest = newest_of_each(ours)
    broke = [one for one in newest if one.broke]
    # Nothing of a disruption is proved by looking; that something is amiss may well be.
    amiss = [one for one in newest if not one.broke and one.verdict.verdict != "pass"]
    dirty = [one.name for one in newest + _again(ours, newest) if one.verdict.undo == "dirty"]
    cell = _tried(workload, disruption, broke) if broke else _gap(workload, disruption, kept)
    why = [f"NOT PUT BACK: {', '.join(dirty)}"] if dirty else []
    why += [said for said in (*map(_why, amiss), cell.why) if said]
    if amiss:
        cell = cell._replace(state=worst(one.verdict.verdict for one in (*broke, *amiss)))
    return cell._replace(why=_sentences(why), dirty=bool(dirty))


def _again(ours: Sequence[Kept], newest: Sequence[Kept]) -> list[Kept]:
    """The random faults that were run again in the runs that count: they prove nothing, and may have left something."""
    runs = {one.verdict.run_id for one in newest}
    return [one for one in ours if one.verdict.run_id in runs and is_again(one.verdict.parameters)]


def _tried(workload: str, disruption: Disruption, broke: Sequence[Kept]) -> Cell:
    """What the drills prove that broke something, without any other."""
    state = worst(one.verdict.verdict for one in broke)
    return Cell(
        workload, disruption, state, recovery_words(max(broke, key=slowness).verdict.recovery_time),
        lossiest_words(broke), len(broke), min(one.began_utc for one in broke)[:10],
        _why(next(one for one in broke if one.verdict.verdict == state)),
    )  # fmt: skip


def _why(of: Kept) -> str:
    """Why it is no pass; "" for one."""
    if of.verdict.verdict == "pass":
        return ""
    if of.verdict.verdict == "aborted":
        return f"{of.name}: ended before its end"
    found = [f for f in open_findings(of.verdict) if f.verdict != "not judged"]
    return f"{of.name}: {found[0].check}: {found[0].says}" if found else of.name


def _sentences(said: Sequence[str]) -> str:
    """One after the other, each but the last with a full stop."""
    return ". ".join([*(one.rstrip(".") for one in said[:-1]), *said[-1:]])


def _gap(workload: str, disruption: Disruption, kept: Sequence[Kept]) -> Cell:
    """Nothing was broken: because nothing is promised, or although something is."""
    promised = _promised(kept[-1].folder / WORKLOAD)
    state: State = "no drill" if promised is None or disruption in promised else "no objective"
    why = {
        "no objective": "the workload file promises nothing for it",
        "no drill": "promised, and never tried" if promised is not None else "never tried",
    }[state]
    return Cell(workload, disruption, state, "", "", 0, "", why)


def _promised(path: Path) -> set[str] | None:
    """The disruptions that the workload of the newest run has an objective for; None where its file is not there."""
    if not path.exists():
        return None
    try:
        tables: dict[str, Any] = msgspec.json.decode(path.read_bytes())
        return {name for name, objective in tables["objectives"].items() if objective is not None}
    except (msgspec.DecodeError, KeyError, AttributeError) as error:
        raise BrokenEvidence(f"{path.parent.name}/{WORKLOAD}: {error!r}") from error


def overall(found: Sequence[Cell]) -> Overall:
    """The worst of all cells. What is promised and never tried proves nothing."""
    states = (cell.state for cell in found if cell.state != "no objective")
    return worst("inconclusive" if state == "no drill" else state for state in states)


def scorecard_text(found: Sequence[Cell], *, as_markdown: bool = False) -> str:
    """A row for each cell."""
    rows = [_row(cell) for cell in found]
    table = markdown_table(_HEAD, rows) if as_markdown else text_table(_HEAD, rows)
    word = overall(found)
    head = f"{SIGNS[word]} {word.upper()}{_not_put_back(found)}"
    return f"## {markdown(head)}\n\n{table}\n" if as_markdown else f"{head}\n\n{table}\n"


def _row(cell: Cell) -> tuple[str, ...]:
    return (
        cell.workload, cell.disruption, f"{STATE_SIGNS[cell.state]} {cell.state}", cell.recovery_time, cell.data_loss,
        str(cell.drills) if cell.drills else "", cell.oldest_utc, cell.why,
    )  # fmt: skip


def scorecard_html(found: Sequence[Cell], pictures: Sequence[Picture], more: Sequence[Sheet] = ()) -> str:
    """The same with pictures, the scorecard's own first, as one HTML file; below it what else there is to say."""
    return sheet_html(title_of(found), pictures, [Sheet("", _HEAD, [_row(cell) for cell in found]), *more])


def title_of(found: Sequence[Cell]) -> str:
    """The worst of all, in a few words."""
    word = overall(found)
    return f"Scorecard: {SIGNS[word]} {word}{_not_put_back(found)}"


def _not_put_back(found: Sequence[Cell]) -> str:
    """What goes before every verdict, where there is any of it."""
    return ", but NOT PUT BACK" if any(cell.dirty for cell in found) else ""
