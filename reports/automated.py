"""What an automation was seen to do of its plan: a recovery that it did not make is not its own."""

from probes.history import History, Mark, MarkName
from reports.bounds import NS_PER_S
from reports.declared import Declared
from reports.gates import Gate, broken, held
from reports.phases import main_mark

CHECK = "automation"


def automated(history: History) -> tuple[Mark, ...]:
    """The steps that were seen to be done, each at the moment at which it was seen."""
    return _marks(history, "automated")


def automation_gate(history: History, declared: Declared) -> Gate | None:
    """Hold if the automation did every step of its plan; None where no automation was watched, or none was to act.

    As with a plan that the drill runs: recovery although a step is missing is not the plan's, so it cannot pass, and a
    miss stays the miss that it is.
    """
    done, missing = automated(history), _marks(history, "not automated")
    if declared.expects != "impact" or not (done or missing):
        return None
    if missing:
        counted = f"{len(missing)} of the plan's {len(missing) + len(done)} steps"
        left = " ".join(f"{mark.says}." for mark in missing)
        says = f"The automation was not seen to do {counted}. {left}"
        return broken(CHECK, says, taints=("recovery time",), spares_fail=True)
    requested = main_mark(history, "requested")
    since_ns = requested.at_ns if requested is not None else 0
    names = ", ".join(f"{step_of(mark.says)} after {(mark.at_ns - since_ns) / NS_PER_S:.1f} s" for mark in done)
    return held(CHECK, f"The automation was seen to do the plan's {len(done)} steps: {names}.")


def step_of(says: str) -> str:
    """Which step a mark of it is about."""
    return says.partition(":")[0]


def _marks(history: History, name: MarkName) -> tuple[Mark, ...]:
    return tuple(mark for mark in history.marks if mark.name == name)
