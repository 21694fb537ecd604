"""The journal as a reader sees it: each change, what was called, what puts it back, and how far its undo came."""

from pathlib import Path
from typing import Any

import msgspec

JOURNAL = "journal.jsonl"


class StateRow(msgspec.Struct, frozen=True, kw_only=True):
    """One state that a change reached, with its UTC."""

    state: str
    at_utc: str = ""
    says: str = ""


class ChangeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One change that a fault or a plan made. `undo` are the calls that put it back, in words."""

    id: str
    seq: int
    kind: str
    says: str
    call: str
    before: str
    expect: str
    undo: tuple[str, ...]
    states: tuple[StateRow, ...]

    @property
    def last(self) -> str:
        """The state that it ended in; `planned` where nothing was ever done."""
        return self.states[-1].state if self.states else "planned"

    @property
    def put_back(self) -> bool:
        """Whether its undo is proved (`verified`)."""
        return self.last == "verified"


def read_changes(folder: Path) -> list[ChangeRow]:
    """The changes of one drill's folder, in order. No journal gives none.

    A torn or foreign line is left out here: the judge, not this view, decides whether undo was clean.
    """
    path = folder / JOURNAL
    if not path.exists():
        return []
    records = [record for line in path.read_bytes().splitlines() if (record := _decode(line)) is not None]
    states: dict[str, list[StateRow]] = {}
    for record in records:
        if record.get("type") == "state":
            row = StateRow(
                state=_text(record.get("state")), at_utc=_text(record.get("at_utc")), says=_text(record.get("says"))
            )
            states.setdefault(_text(record.get("id")), []).append(row)
    changes = [record["change"] for record in records if record.get("type") == "change" and "change" in record]
    return [_change(change, tuple(states.get(_text(change.get("id")), ()))) for change in changes]


def call_words(call: dict[str, Any]) -> str:
    """One AWS API call in one line: `ec2 StopInstances in eu-west-1 {"InstanceIds":["i-1"]}`."""
    parameters = msgspec.json.encode(call.get("parameters", {})).decode()
    return f"{call.get('service', '?')} {call.get('operation', '?')} in {call.get('region', '?')} {parameters}"


def changes_text(changes: list[ChangeRow]) -> str:
    """The journal with its undo proof as plain text, for people and viewers that cannot show JSON lines."""
    if not changes:
        return "The journal holds no change: nothing was changed.\n"
    return "\n".join(_change_text(change) for change in changes)


def _change_text(change: ChangeRow) -> str:
    proof = "PUT BACK AND VERIFIED" if change.put_back else f"NOT PROVED TO BE PUT BACK (last state: {change.last})"
    lines = [
        f"{change.seq}. [{change.kind}] {change.says}",
        f"   call    {change.call}",
        f"   before  {change.before}",
        f"   expect  {change.expect}",
        *[f"   undo    {call}" for call in change.undo or ("nothing to call: the workload puts itself back",)],
        *[f"   {state.at_utc}  {state.state:<9} {state.says}".rstrip() for state in change.states],
        f"   {proof}",
        "",
    ]
    return "\n".join(lines)


def _decode(line: bytes) -> dict[str, Any] | None:
    try:
        record = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return None
    return record if isinstance(record, dict) else None


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _change(change: dict[str, Any], states: tuple[StateRow, ...]) -> ChangeRow:
    return ChangeRow(
        id=_text(change.get("id")),
        seq=int(change.get("seq", 0)),
        kind=_text(change.get("kind")),
        says=_text(change.get("says")),
        call=call_words(change.get("call", {})),
        before=msgspec.json.encode(change.get("before")).decode(),
        expect=msgspec.json.encode(change.get("expect")).decode(),
        undo=tuple(call_words(call) for call in change.get("undo", ())),
        states=states,
    )
