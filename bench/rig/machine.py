"""Whether the machine itself held a drill up: then what clients saw is not what the rig did, and proves nothing.

Some seconds on a machine that is busy with other things can hold anybody up for longer than an operation may take. The
client then truly sees bad service that no script knows of. Such a drill is void, right or wrong, and counted as that.
"""

from pathlib import Path

from bench.rig.cases import Case
from bench.rig.drilling import NS_PER_S, Drilled, drill
from bench.rig.truth import Down
from probes.history import Operation
from reports.folder import load

# Nothing on this machine takes so long by itself: the control is answered at once, and a thread wakes within ms.
STALL_S = 0.2
ATTEMPTS = 3


def held_up(drilled: Drilled) -> str:
    """What shows that the machine held the drill up; "" if nothing does.

    An operation that was bad though the rig was up from its sending to its end; one that was sent late; a control that
    was answered late.
    """
    history = load(drilled.folder).history
    for operation in history.operations:
        if operation.kind == "audit":
            continue
        late_ns = (operation.done_ns if operation.stream == "control" else operation.sent_ns) - operation.due_ns
        if late_ns > STALL_S * NS_PER_S:
            return f"{operation.stream} {operation.seq} was {late_ns / NS_PER_S:.3f} s late"
        if _judged(operation) and not operation.good and not _met(operation, drilled, history.base.mono_ns):
            return f"{operation.stream} {operation.seq} failed while the rig was up: {operation.error}"
    return ""


def drill_in_peace(case: Case, folder: Path) -> tuple[Drilled, str]:
    """Play a case until the machine did not hold it up, a few times at most; the last, and what held it up then."""
    for attempt in range(ATTEMPTS):
        drilled = drill(case, folder / f"drill-{attempt}")
        said = held_up(drilled)
        if not said:
            break
    return drilled, said


def _judged(operation: Operation) -> bool:
    return operation.stream not in ("witness", "control")


def _met(operation: Operation, drilled: Drilled, zero_ns: int) -> bool:
    return any(_hit(operation, down, zero_ns) for down in drilled.truth.down) or bool(drilled.case.script.losses)


def _hit(operation: Operation, down: Down, zero_ns: int) -> bool:
    """Whether the operation was on its way while an outage was on that is for its kind."""
    before_end = down.ended_ns is None or operation.sent_ns + zero_ns <= down.ended_ns
    kinds: tuple[str, ...] = down.outage.kinds
    return operation.kind in kinds and before_end and operation.done_ns + zero_ns >= down.begin_ns
