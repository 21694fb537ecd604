"""How the edges of an outage are found: a simulated outage, judged by the product's own rules, and drawn."""

from collections.abc import Iterator
from random import Random

from bench.pictures.axis import BAD, DARK, GOOD, GREY, UNSURE, WIDTH, Axis, row
from probes.history import Operation
from reports.recovery import Recovery, recovery
from reports.steady import baseline
from reports.svg import crosses, document, dots, line, rect, words
from tests.truth.simulated import MS, NS, Asked, Outage, Script, declared_of, history_of

BEGIN, END = 2 * NS + 240 * MS, 3 * NS + 130 * MS
SHOWN = (1.9, 4.0)
SERVICE_Y, ASKED_Y, JUDGED_Y, AXIS_Y, HEIGHT = 60.0, 110.0, 262.0, 330.0, 362.0


def picture() -> str:
    """The SVG."""
    operations, found = _drill()
    axis = Axis(*SHOWN)
    truth_s = (END - BEGIN) / NS
    lower_s, upper_s = found.lower_ns / NS, (found.upper_ns or 0) / NS
    parts = [*_service(axis, truth_s), *_asked(axis, operations), *_judged(axis, found), *axis.drawn(AXIS_Y, 0.2)]
    return document(
        parts, width=WIDTH, height=HEIGHT, title="How the edges of an outage are found",
        desc=f"A service that swallows requests for {truth_s:.2f} s is asked every 0.1 s. The impact lies between the "
        f"sending of the last good operation and the latest moment at which the first bad one met it; the end between "
        f"the sending of the last bad one and the answer to the first good one. So the recovery time is "
        f"{lower_s:.2f} to {upper_s:.2f} s.",
    )  # fmt: skip


def _drill() -> tuple[tuple[Operation, ...], Recovery]:
    latencies = tuple(range(20 * MS, 50 * MS, 5 * MS))
    asked = Asked("s", [Outage(BEGIN, END, "swallow")], period=100 * MS, timeout=600 * MS, latencies=latencies)
    history = history_of(Script([asked], requested=2 * NS, undo=6 * NS, end=6 * NS), Random(3))
    return history.operations, recovery(history, declared_of(hold_s=1.0), baseline(history))


def _service(axis: Axis, truth_s: float) -> Iterator[str]:
    yield from row(SERVICE_Y + 13, "service", "the truth")
    spans = ((SHOWN[0], BEGIN / NS, GOOD), (BEGIN / NS, END / NS, BAD), (END / NS, SHOWN[1], GOOD))
    for begin_s, end_s, colour in spans:
        yield rect(axis.x(begin_s), SERVICE_Y, axis.x(end_s) - axis.x(begin_s), 18, colour, extra='opacity="0.85"')
    yield words(axis.x((BEGIN + END) / 2 / NS), SERVICE_Y - 8, f"down for {truth_s:.3f} s", anchor="middle", bold=True)
    yield words(axis.x(SHOWN[0]), SERVICE_Y - 8, "up", fill=GOOD)
    yield words(axis.x(SHOWN[1]), SERVICE_Y - 8, "up", fill=GOOD, anchor="end")


def _asked(axis: Axis, operations: tuple[Operation, ...]) -> Iterator[str]:
    yield from row(ASKED_Y + 50, "operations", "one every 0.1 s,", "sent to answered", "or given up")
    shown = [o for o in operations if SHOWN[0] * NS <= o.sent_ns < (SHOWN[1] - 0.05) * NS]
    ends: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    for k, o in enumerate(shown):
        y = ASKED_Y + 6 * (k % 21)
        done_s = min(o.done_ns / NS, SHOWN[1])
        yield line(axis.x(o.sent_ns / NS), y, axis.x(done_s), y, GOOD if o.good else BAD, width=2)
        ends[o.good].append((axis.x(done_s), y))
    yield dots(ends[True], GOOD, 6)
    yield crosses(ends[False], BAD, 8)


def _judged(axis: Axis, found: Recovery) -> Iterator[str]:
    group = found.groups[0]
    stable_upper_ns = group.stable_upper_ns or 0
    yield from row(JUDGED_Y + 12, "what is proved", "striped: it lies", "in here")
    edges = ((group.impact.lower_ns, group.impact.upper_ns), (group.stable_lower_ns, stable_upper_ns))
    for name, (lower_ns, upper_ns) in zip(("impact", "stable again"), edges, strict=True):
        x, width = axis.x(lower_ns / NS), (upper_ns - lower_ns) / NS
        yield rect(x, JUDGED_Y, axis.x(lower_ns / NS + width) - x, 16, UNSURE)
        yield words(x, JUDGED_Y - 6, name, size=12)
        for at_ns in (lower_ns, upper_ns):
            yield line(axis.x(at_ns / NS), SERVICE_Y, axis.x(at_ns / NS), JUDGED_Y + 16, GREY, dash="3 3")
    for y, begin_ns, end_ns, name in (
        (JUDGED_Y + 24, group.impact.upper_ns, group.stable_lower_ns, "at least"),
        (JUDGED_Y + 48, group.impact.lower_ns, stable_upper_ns, "at most"),
    ):
        yield line(axis.x(begin_ns / NS), y, axis.x(end_ns / NS), y, DARK, width=1.5)
        says = f"{name} {(end_ns - begin_ns) / NS:.3f} s"
        yield words(axis.x((begin_ns + end_ns) / 2 / NS), y - 5, says, size=12, anchor="middle", bold=True)
