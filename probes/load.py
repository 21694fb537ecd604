"""Reads histories back: whole, or as they grow."""

import bisect
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from pathlib import Path
from typing import TypeVar

import msgspec

from probes.clock import ClockBase, shift_ns
from probes.history import (
    SCHEMA,
    ClockReading,
    End,
    Header,
    History,
    Mark,
    MarksHeader,
    Operation,
    ServedBy,
    VantageRecord,
)  # fmt: skip

MARKS = "marks.jsonl"
# What is not an operation says what it is, first of all.
_TAGGED = b'{"type":'
# A file is read in pieces, so that its bytes and its operations are never all in memory at once.
PIECE_BYTES = 1024 * 1024
# Texts that operations have in common: with each other, or a write with those that read it back.
_COMMON = ("vantage", "probe", "stream", "key", "checksum", "observed_checksum", "error", "resolved_ip", "site")
_TIMES = ("due_ns", "sent_ns", "done_ns")
_sent = attrgetter("sent_ns")
_at = attrgetter("at_ns")
_T = TypeVar("_T")


class BrokenHistory(Exception):
    """A history file is not what its writer leaves behind, even after a crash."""


def load_history(folder: Path) -> History:
    """All of a drill: every `history-*.jsonl` of `folder` and its marks, on the axis of the marks.

    A torn last line, which a crash leaves, is dropped and counted: in its `VantageRecord`, or in `torn_marks`. Raises
    `BrokenHistory` for anything else that cannot be read, and for a folder without a header of marks.
    """
    follower = Follower(folder)
    history = follower.poll()
    for path in follower.without_header():
        raise BrokenHistory(f"{path.name}: no header; its vantage ended before it could record anything")
    return msgspec.structs.replace(history, vantages=follower.final(), torn_marks=follower.torn_marks())


class Follower:
    """Reads the growing files of a drill. Each `poll` reads only what was added since the last one.

    A line is read once its end is there, so what `poll` gives is always whole; files may appear later.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._marks = _Marks(folder / MARKS)
        self._files: dict[Path, _Vantage] = {}
        self._operations: list[Operation] = []
        self._shared = _Shared()

    def poll(self) -> History:
        """Everything so far: operations in the order in which they were sent, marks in time order."""
        base = self._marks.read()
        added: list[Operation] = []
        for path in sorted(self._folder.glob("history-*.jsonl")):
            vantage = self._files.setdefault(path, _Vantage(path, base, self._shared))
            for operations in vantage.read():
                added += operations
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

    def torn_marks(self) -> int:
        """Half a line at the end of the marks, given that nothing is going to be added: 0 or 1."""
        return self._marks.torn

    def without_header(self) -> list[Path]:
        """History files that hold no whole header (yet)."""
        return [path for path, vantage in self._files.items() if vantage.header is None]

    def _vantages(self) -> list["_Vantage"]:
        return [self._files[path] for path in sorted(self._files)]

    def _merge(self, added: list[Operation]) -> None:
        """Operations arrive in the order in which they were done, so only the tail has to be sorted again."""
        if not added:
            return
        added.sort(key=_sent)
        start = bisect.bisect_left(self._operations, added[0].sent_ns, key=_sent)
        tail = self._operations[start:]
        self._operations[start:] = added
        if tail:
            self._operations[start:] = sorted(tail + added, key=_sent)


class _Shared:
    """Keeps one copy of what the operations of a history have in common: without it a million of them need 300 MB more.

    A decoder makes every string anew. The fields are set before anybody else has seen the operation.
    """

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._served_by: dict[ServedBy, ServedBy] = {}

    def share(self, operation: Operation) -> None:
        """Let the operation use the copies that there are."""
        texts = self._texts
        for name in _COMMON:
            text = getattr(operation, name)
            if text:
                msgspec.structs.force_setattr(operation, name, texts.setdefault(text, text))
        served_by = operation.served_by
        if served_by is not None:
            msgspec.structs.force_setattr(operation, "served_by", self._served_by.setdefault(served_by, served_by))


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

    def pieces(self) -> Iterator[list[bytes]]:
        """Lines that were ended since the last call, some at a time, without their line feeds.

        Bytes are read, then cut into lines: its writer may go on at any moment, and `readlines` takes what it adds to
        a half line for a line of its own.
        """
        if self.path.stat().st_size == self._offset:
            return
        with self.path.open("rb") as file:
            file.seek(self._offset)
            self._rest = 0
            while not self._rest and (piece := file.read(PIECE_BYTES) + file.readline()):
                *lines, rest = piece.split(b"\n")
                self._rest = len(rest)
                if self._spoilt:
                    raise BrokenHistory(f"{self.path.name}: a line in its middle cannot be read")
                self._offset += len(piece) - len(rest)
                if lines:
                    yield lines

    def decode(self, lines: Sequence[bytes], decode: Callable[[bytes], _T]) -> Iterator[_T]:
        """Decode lines. The last one of the file may be spoilt: a machine that died can leave zeros there."""
        for number, line in enumerate(lines, start=1):
            try:
                yield decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                if number < len(lines) or self._rest:
                    raise BrokenHistory(f"{self.path.name}: {error}") from error
                self._spoilt = 1


class _Vantage:
    """One vantage's file."""

    _header = msgspec.json.Decoder(Header)
    _operation = msgspec.json.Decoder(Operation)
    _tagged = msgspec.json.Decoder(ClockReading | End)

    def __init__(self, path: Path, reference: ClockBase, shared: _Shared) -> None:
        self.lines = _Lines(path)
        self.header: Header | None = None
        self.end: End | None = None
        self.clocks: list[ClockReading] = []
        self._reference = reference
        self._shared = shared
        self._shift_ns = 0

    def read(self) -> Iterator[list[Operation]]:
        """The operations that were added, on the reference's axis, some at a time."""
        for lines in self.lines.pieces():
            if self.header is None:
                self._begin(lines.pop(0))
            yield list(self._operations(lines))
            if self.end is not None and self.lines.torn:
                raise self._after_end()

    def _operations(self, lines: list[bytes]) -> Iterator[Operation]:
        for found in self.lines.decode(lines, self._decode):
            if self.end is not None:
                raise self._after_end()
            if isinstance(found, Operation):
                yield self._placed(found)
            elif isinstance(found, ClockReading):
                self.clocks.append(msgspec.structs.replace(found, at_ns=found.at_ns + self._shift_ns))
            else:
                self.end = found

    def _decode(self, line: bytes) -> Operation | ClockReading | End:
        return self._tagged.decode(line) if line.startswith(_TAGGED) else self._operation.decode(line)

    def _after_end(self) -> BrokenHistory:
        return BrokenHistory(f"{self.lines.path.name}: goes on after its end")

    def _placed(self, operation: Operation) -> Operation:
        """The operation on the reference's axis."""
        self._shared.share(operation)
        by_ns = self._shift_ns
        for name in _TIMES if by_ns else ():
            msgspec.structs.force_setattr(operation, name, getattr(operation, name) + by_ns)
        return operation

    def record(self, torn: int) -> VantageRecord | None:
        """What is known of the vantage; None before its header."""
        if self.header is None:
            return None
        return VantageRecord(header=self.header, end=self.end, torn=torn, clocks=tuple(self.clocks))

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

    @property
    def torn(self) -> int:
        """Marks that were begun and not ended: 0 or 1."""
        return self._lines.torn

    def read(self) -> ClockBase:
        """Read what was added; the base of the marks, which is the reference of the whole history."""
        if not self._lines.path.exists():
            raise BrokenHistory(f"{self._lines.path.name} is missing in {self._lines.path.parent.name}")
        for lines in self._lines.pieces():
            if self._base is None:
                self._base = self._begin(lines.pop(0))
            self.marks += self._lines.decode(lines, self._mark.decode)
        if self._base is None:
            raise BrokenHistory(f"{self._lines.path.name}: no header")
        return self._base

    def _begin(self, line: bytes) -> ClockBase:
        try:
            return self._header.decode(line).base
        except msgspec.DecodeError as error:
            raise BrokenHistory(f"{self._lines.path.name}: its first line is no header: {error}") from error
