"""Reads histories back: whole, or as they grow."""

import bisect
from operator import attrgetter
from pathlib import Path
from typing import TypeVar

import msgspec

from probes.clock import ClockBase, shift_ns
from probes.history import SCHEMA, End, Header, History, Mark, MarksHeader, Operation, VantageRecord

MARKS = "marks.jsonl"
_END = b'{"type":"end"'
_sent = attrgetter("sent_ns")
_at = attrgetter("at_ns")
_T = TypeVar("_T")


class BrokenHistory(Exception):
    """A history file is not what its writer leaves behind, even after a crash."""


def load_history(folder: Path) -> History:
    """All of a drill: every `history-*.jsonl` of `folder` and its marks, on the axis of the marks.

    A torn last line, which a crash leaves, is dropped and counted in its `VantageRecord` (one of the marks is dropped
    too). Raises `BrokenHistory` for anything else that cannot be read, and for a folder without a header of marks.
    """
    follower = Follower(folder)
    history = follower.poll()
    for path in follower.without_header():
        raise BrokenHistory(f"{path.name}: no header; its vantage ended before it could record anything")
    return msgspec.structs.replace(history, vantages=follower.final())


class Follower:
    """Reads the growing files of a drill. Each `poll` reads only what was added since the last one.

    A line is read once its end is there, so what `poll` gives is always whole; files may appear later.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._marks = _Marks(folder / MARKS)
        self._files: dict[Path, _Vantage] = {}
        self._operations: list[Operation] = []

    def poll(self) -> History:
        """Everything so far: operations in the order in which they were sent, marks in time order."""
        base = self._marks.read()
        added: list[Operation] = []
        for path in sorted(self._folder.glob("history-*.jsonl")):
            vantage = self._files.setdefault(path, _Vantage(path, base))
            added += vantage.read()
        self._merge(added)
        return History(
            base=base,
            vantages=tuple(record for v in self._vantages() if (record := v.record(torn=0))),
            operations=tuple(self._operations),
            marks=tuple(sorted(self._marks.marks, key=_at)),
        )

    def final(self) -> tuple[VantageRecord, ...]:
        """The vantages, given that nothing is going to be added: what is half a line now is a torn one."""
        return tuple(record for v in self._vantages() if (record := v.record(torn=v.lines.torn)))

    def without_header(self) -> list[Path]:
        """History files that hold no whole header (yet)."""
        return [path for path, vantage in self._files.items() if vantage.header is None]

    def _vantages(self) -> list["_Vantage"]:
        return [self._files[path] for path in sorted(self._files)]

    def _merge(self, added: list[Operation]) -> None:
        """Operations arrive in the order in which they were done, so only the tail has to be sorted again."""
        if not added:
            return
        first = min(operation.sent_ns for operation in added)
        start = bisect.bisect_left(self._operations, first, key=_sent)
        self._operations[start:] = sorted(self._operations[start:] + added, key=_sent)


class _Lines:
    """The whole lines of a growing file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0
        self._rest = 0
        self._spoilt = 0

    @property
    def torn(self) -> int:
        """Lines that were begun and not ended, or ended in what is no JSON: 0 or 1."""
        return int(bool(self._rest or self._spoilt))

    def new(self) -> list[bytes]:
        """Lines that were ended since the last call."""
        if self.path.stat().st_size == self._offset:
            return []
        with self.path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        end = data.rfind(b"\n") + 1
        self._offset += end
        self._rest = len(data) - end
        if end and self._spoilt:
            raise BrokenHistory(f"{self.path.name}: a line in its middle cannot be read")
        return data[:end].split(b"\n")[:-1]

    def decode(self, lines: list[bytes], decoder: "msgspec.json.Decoder[_T]") -> list[_T]:
        """Decode lines. The last one of the file may be spoilt: a machine that died can leave zeros there."""
        decoded = []
        for number, line in enumerate(lines):
            try:
                decoded.append(decoder.decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                if number < len(lines) - 1 or self._rest:
                    raise BrokenHistory(f"{self.path.name}: {error}") from error
                self._spoilt = 1
        return decoded


class _Vantage:
    """One vantage's file."""

    _header = msgspec.json.Decoder(Header)
    _operation = msgspec.json.Decoder(Operation)
    _end = msgspec.json.Decoder(End)

    def __init__(self, path: Path, reference: ClockBase) -> None:
        self.lines = _Lines(path)
        self.header: Header | None = None
        self.end: End | None = None
        self._reference = reference
        self._shift_ns = 0

    def read(self) -> list[Operation]:
        """The operations that were added, on the reference's axis."""
        lines = self.lines.new()
        if lines and self.header is None:
            self._begin(lines.pop(0))
        if lines and self.end is not None:
            raise BrokenHistory(f"{self.lines.path.name}: goes on after its end")
        if lines and lines[-1].startswith(_END):
            ends = self.lines.decode([lines.pop()], self._end)
            self.end = ends[0] if ends else None
        shift_ns = self._shift_ns
        added = self.lines.decode(lines, self._operation)
        if self.end is not None and self.lines.torn:
            raise BrokenHistory(f"{self.lines.path.name}: a line before its end cannot be read")
        return added if shift_ns == 0 else [_shifted(operation, shift_ns) for operation in added]

    def record(self, torn: int) -> VantageRecord | None:
        """What is known of the vantage; None before its header."""
        return None if self.header is None else VantageRecord(header=self.header, end=self.end, torn=torn)

    def _begin(self, line: bytes) -> None:
        name = self.lines.path.name
        try:
            self.header = self._header.decode(line)
        except msgspec.DecodeError as error:
            raise BrokenHistory(f"{name}: its first line is no header: {error}") from error
        if self.header.schema != SCHEMA:
            raise BrokenHistory(f"{name}: schema {self.header.schema}, this version reads {SCHEMA}")
        self._shift_ns = shift_ns(self.header.base, self._reference)


class _Marks:
    """The runner's file of marks."""

    _header = msgspec.json.Decoder(MarksHeader)
    _mark = msgspec.json.Decoder(Mark)

    def __init__(self, path: Path) -> None:
        self._lines = _Lines(path)
        self._base: ClockBase | None = None
        self.marks: list[Mark] = []

    def read(self) -> ClockBase:
        """Read what was added; the base of the marks, which is the reference of the whole history."""
        if not self._lines.path.exists():
            raise BrokenHistory(f"{self._lines.path.name} is missing in {self._lines.path.parent.name}")
        lines = self._lines.new()
        if lines and self._base is None:
            try:
                self._base = self._header.decode(lines.pop(0)).base
            except msgspec.DecodeError as error:
                raise BrokenHistory(f"{self._lines.path.name}: its first line is no header: {error}") from error
        if self._base is None:
            raise BrokenHistory(f"{self._lines.path.name}: no header")
        self.marks += self._lines.decode(lines, self._mark)
        return self._base


def _shifted(operation: Operation, by_ns: int) -> Operation:
    return msgspec.structs.replace(
        operation,
        due_ns=operation.due_ns + by_ns,
        sent_ns=operation.sent_ns + by_ns,
        done_ns=operation.done_ns + by_ns,
    )
