"""A history by stream, and what one operation proves."""

from collections.abc import Iterable

import msgspec

from probes.history import History, Operation, Role, Stream

StreamId = tuple[str, str]  # vantage, stream


class Series(msgspec.Struct, frozen=True):
    """All operations of one stream, in the order in which they were sent. Audits are not among them."""

    vantage: str
    stream: Stream
    operations: tuple[Operation, ...]

    @property
    def id(self) -> StreamId:
        """What names this stream in the whole drill."""
        return self.vantage, self.stream.name


def series_of(history: History, role: Role) -> tuple[Series, ...]:
    """Every stream of that role, those without any operation included."""
    return tuple(
        Series(v.header.vantage, stream, history.by_stream.get((v.header.vantage, stream.name), ()))
        for v in history.vantages
        for stream in v.header.streams
        if stream.role == role and stream.kind != "audit"
    )


def settled_ns(operation: Operation, longest_ns: int) -> int:
    """The last moment that the operation says anything about.

    A good one proves that the service was up at some moment of [sent, done]. A bad one proves that it was down at some
    moment of [sent, min(done, sent + longest_ns)]: had it been up all that time, a success would have come by then.
    """
    if operation.good:
        return operation.done_ns
    return min(operation.done_ns, operation.sent_ns + longest_ns)


def region_of(operation: Operation) -> str:
    """The Region that says it answered, "" where none does."""
    return operation.served_by.region if operation.served_by is not None else ""


def name_of(operation: Operation) -> str:
    """`vantage/stream/seq`, by which findings name the operations that prove them."""
    return f"{operation.vantage}/{operation.stream}/{operation.seq}"


def names_of(operations: Iterable[Operation], most: int = 20) -> tuple[str, ...]:
    """The first names, at most `most`."""
    return tuple(name for name, _ in zip(map(name_of, operations), range(most), strict=False))
