"""The comparison: all askers ask one rig at the same time, so that each outage is the same for all."""

import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import msgspec

from bench.others import blackbox, chaos_toolkit, locust_headless, loop, ours, until_up
from bench.others.asked import TIMEOUT_S, Asked
from bench.others.calm import LATE_S, Calm
from bench.others.errors import Answer, Asker, Demand, Row, demands, rows_of
from bench.others.families import FAMILIES, over_s, script_of, true_outages, window_of
from bench.others.losses import Lost, lost
from bench.others.observation import NothingSeen, Observation, Window
from bench.others.started import Started, ToolFailed
from bench.others.tools import Tools, got
from bench.rig.process import rig
from bench.rig.script import Script
from bench.rig.truth import TrueOutage
from reports.bounds import NS_PER_S

RATE = 10.0
FAST = 100.0
PER_FAMILY = 5
LOSSES = 5
# The slowest of the tools asks 2 to 3 s after it was started, where all of them start at once on two cores.
LEAD_S = 5.0
# So often in all is a family tried where the machine was too busy.
_TRIES = 2
_USERS = 10
# At ten a second Prometheus allows no longer timeout: it must not exceed the interval.
_SHORT_TIMEOUT_S = 0.1

Observe = Callable[[Asked], Observation]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All that was measured. `not_run`: tools that were not there, and why. `losses`: ours only, see there."""

    python: str
    cores: int | None
    load_average: tuple[float, float, float]
    seed: int
    timeout_s: float
    versions: dict[str, str]
    not_run: dict[str, str]
    askers: list[Asker]
    answers: list[Answer]
    rows: list[Row]
    demands: list[Demand]
    losses: list[Lost]
    # How late the machine woke a thread while each family was asked about, at worst, in s; and how often it was tried.
    late_s: dict[str, float]
    tries: dict[str, int]


class Played(msgspec.Struct, frozen=True):
    """One family's answers, and how late the machine woke a thread meanwhile."""

    answers: list[Answer]
    late_s: float


def measure(
    per_family: int = PER_FAMILY, seed: int = 1, families: Sequence[str] = tuple(FAMILIES), losses: int = LOSSES
) -> Report:
    """Ask everybody about so many outages of each family; less than six minutes for five of all."""
    tools = got()
    askers = askers_of(tools)
    played: dict[str, list[Played]] = {}
    for family in families:
        played[family] = _calmly(family, script_of(family, per_family, seed), askers)
        print(f"others: {family} done; a thread was woken {played[family][-1].late_s:.3f} s late at worst", flush=True)
    told = [asker for asker, _ in askers]
    answers = [one for tries in played.values() for one in tries[-1].answers]
    rows = rows_of(answers)
    # Where the machine was not there, nobody was measured, and nothing is concluded.
    calm = [row for row in rows if played[row.family][-1].late_s <= LATE_S]
    return Report(
        python=platform.python_version(), cores=os.cpu_count(), load_average=os.getloadavg(), seed=seed,
        timeout_s=TIMEOUT_S, versions=tools.versions, not_run=tools.missing, askers=told, answers=answers, rows=rows,
        demands=demands(calm, told), losses=lost(losses, seed),
        late_s={family: tries[-1].late_s for family, tries in played.items()},
        tries={family: len(tries) for family, tries in played.items()},
    )  # fmt: skip


def askers_of(tools: Tools) -> list[tuple[Asker, Observe]]:
    """Everybody who can be asked on this machine, and how."""
    found: list[tuple[Asker, Observe]] = [
        (_asker("ours", ours.SETTINGS, is_ours=True), ours.observe),
        (_asker("ours, 100/s", ours.SETTINGS, is_ours=True, rate=FAST), ours.observe),
        (_asker("hand-written loop", loop.SETTINGS), loop.observe),
        (_asker("tenacity", until_up.SETTINGS), until_up.observe),
    ]
    if tools.python is not None:
        found += _from_environment(tools.python)
    if tools.exporter is not None:
        found += _from_exporter(tools.exporter)
    return found


def _from_environment(python: Path) -> list[tuple[Asker, Observe]]:
    users = f"-u {_USERS} -r {_USERS}"
    return [
        (_asker("Chaos Toolkit", chaos_toolkit.SETTINGS), partial(chaos_toolkit.observe, python=python)),
        (_asker("Locust, 1 user", locust_headless.SETTINGS, users=1), partial(locust_headless.observe, python=python)),
        (
            _asker(
                f"Locust, {_USERS} users", locust_headless.SETTINGS, users=_USERS, how=f", {users}",
                every_s=_USERS / RATE,
            ),
            partial(locust_headless.observe, python=python, users=_USERS),
        ),
        (
            _asker(
                "Locust, staggered", locust_headless.SETTINGS, users=_USERS, tuned=True,
                how=", each user made to begin a period after the one before",
            ),
            partial(locust_headless.observe, python=python, users=_USERS, staggered=True),
        ),
    ]  # fmt: skip


def _from_exporter(exporter: Path) -> list[tuple[Asker, Observe]]:
    return [
        (_asker("blackbox_exporter", blackbox.SETTINGS), partial(blackbox.observe, exporter=exporter)),
        (
            _asker("blackbox_exporter, 0.1 s", blackbox.SETTINGS, tuned=True, timeout_s=_SHORT_TIMEOUT_S),
            partial(blackbox.observe, exporter=exporter, timeout_s=_SHORT_TIMEOUT_S),
        ),
    ]


def _asker(
    name: str, settings: str, *, is_ours: bool = False, tuned: bool = False, rate: float = RATE, users: int = 1,
    how: str = "", timeout_s: float = TIMEOUT_S, every_s: float = 0.0,
) -> Asker:  # fmt: skip
    said = settings.format(timeout=timeout_s, period=1 / rate, users=users, how=how, hold=ours.HOLD_S)
    return Asker(name=name, settings=said, ours=is_ours, tuned=tuned, rate=rate, every_s=every_s or 1 / rate)


def _calmly(family: str, script: Script, askers: Sequence[tuple[Asker, Observe]]) -> list[Played]:
    """Play it; again where the machine was not there for so long that nobody was measured. The last one counts."""
    found: list[Played] = []
    while not found or (found[-1].late_s > LATE_S and len(found) < _TRIES):
        found.append(play(family, script, askers))
    return found


def play(family: str, script: Script, askers: Sequence[tuple[Asker, Observe]]) -> Played:
    """One script, asked about by all at the same time. Raises what the rig raises; a tool that fails is named."""
    folder = Path(tempfile.mkdtemp(prefix="dr-drills-others-"))
    seconds = LEAD_S + over_s(script) + 1.0
    try:
        # The threads end because their tools do: leaving `started` first ends these, also after Ctrl-C.
        with ThreadPoolExecutor(len(askers)) as threads, rig(script) as scripted, Calm() as calm, Started() as started:
            url = f"{scripted.url}/orders?prefix=none"
            waiting = [
                threads.submit(observe, _asked(url, seconds, asker, folder / str(number), started))
                for number, (asker, observe) in enumerate(askers)
            ]
            time.sleep(LEAD_S)
            scripted.begin()
            calm.begin()
            seen = [_seen(one) for one in waiting]
            truth = scripted.truth()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    true = true_outages(truth)
    answers = [
        answer(family, asker.name, found, window_of(one, true[0], truth.zero_ns), one)
        for (asker, _), found in zip(askers, seen, strict=True)
        for one in true
    ]
    return Played(answers, calm.late_s)


def _asked(url: str, seconds: float, asker: Asker, folder: Path, started: Started) -> Asked:
    folder.mkdir()
    return Asked(url=url, seconds=seconds, rate=asker.rate, folder=folder, started=started)


def _seen(waiting: "Future[Observation]") -> Observation | str:
    try:
        return waiting.result()
    except (ToolFailed, OSError) as error:
        return str(error)


def answer(family: str, asker: str, found: Observation | str, window: Window, true: TrueOutage) -> Answer:
    """What an asker says of one outage, beside the truth."""
    lasted = true.lasted
    said = Answer(
        family=family, asker=asker, true_lower_s=lasted.lower_ns / NS_PER_S, true_upper_s=lasted.upper_ns / NS_PER_S
    )  # fmt: skip
    if isinstance(found, str):
        return msgspec.structs.replace(said, failed=found)
    try:
        return msgspec.structs.replace(said, read=found.read(window))
    except NothingSeen as error:
        return msgspec.structs.replace(said, failed=str(error))
