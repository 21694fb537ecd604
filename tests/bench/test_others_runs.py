"""Processes on their leash, the scripts that are drawn, and our own reading of a whole run."""

import os
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from bench.others.compared import Report, askers_of
from bench.others.families import FAMILIES, SAYS, over_s, script_of, window_of
from bench.others.observation import NothingSeen, Window
from bench.others.ours import Judged
from bench.others.started import Started, ToolFailed
from bench.others.table import shown
from bench.others.tools import Tools
from bench.rig.script import Script
from bench.rig.truth import Span, TrueOutage
from probes.clock import ClockBase
from probes.history import Header, History, Operation, Stream, VantageRecord

MS = 1_000_000
S = 1000 * MS
# A machine that is busy gets a minute for what takes some ms.
LONG_S = 60.0


def gone(pid: int) -> bool:
    until_s = time.monotonic() + LONG_S
    while time.monotonic() < until_s:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


def talker(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_what_a_tool_started_is_gone_with_the_comparison(tmp_path: Path) -> None:
    child = "import subprocess, sys; c = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
    text = child + "print(c.pid, 'begun', flush=True); c.wait()"
    with Started() as started:
        running = started.start(talker(text), tmp_path / "log")
        pid = int(running.said("begun", LONG_S).split()[0])
        os.kill(pid, 0)
    assert gone(pid)
    assert running.process.poll() is not None


def test_a_leash_that_is_told_to_end_takes_its_tool_along(tmp_path: Path) -> None:
    text = "import os, time; print(os.getpid(), 'begun', flush=True); time.sleep(600)"
    with Started() as started:
        running = started.start(talker(text), tmp_path / "log")
        pid = int(running.said("begun", LONG_S).split()[0])
        running.process.terminate()
        assert gone(pid)


def test_a_tool_that_fails_is_told_with_its_last_words(tmp_path: Path) -> None:
    with Started() as started:
        with pytest.raises(ToolFailed, match=r"ended with 3: no such thing"):
            started.run(talker("print('no such thing'); raise SystemExit(3)"), tmp_path / "log", LONG_S)
        assert started.run(talker("print('fine'); raise SystemExit(1)"), tmp_path / "log", LONG_S, (0, 1)) == "fine\n"
        with pytest.raises(ToolFailed, match="did not end"):
            started.start(talker("import time; time.sleep(600)"), tmp_path / "log").wait(0.05)
    with pytest.raises(ToolFailed, match="is over"):
        started.start(talker("0"), tmp_path / "log")


def true_of(script: Script) -> list[TrueOutage]:
    """The outages as they are scripted, a hold of a second joining them."""
    found: list[TrueOutage] = []
    for outage in script.outages:
        begin, end = (Span(at, at) for at in (round(outage.begin_s * S), round(outage.end_s * S)))
        if found and begin.lower_ns - found[-1].end.upper_ns < S:
            begin = found.pop().begin
        found.append(TrueOutage(begin, end))
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_each_outage_has_a_window_of_its_own_and_the_seed_draws_it_again(family: str) -> None:
    script = script_of(family, 5, seed=3)
    assert script == script_of(family, 5, seed=3) != script_of(family, 5, seed=4)
    true = true_of(script)
    windows = [window_of(one, true[0], 0) for one in true]
    assert len(windows) == 5
    assert all(a.end_ns < b.begin_ns for a, b in pairwise(windows))
    assert 0 == windows[0].quiet_ns[0] < windows[0].quiet_ns[1] <= windows[0].requested_ns < true[0].begin.lower_ns
    assert windows[-1].end_ns <= round(over_s(script) * S)
    assert SAYS[family]


def test_lengths_are_spread_over_a_timeout() -> None:
    lengths = sorted(o.end_s - o.begin_s for o in script_of("swallowed", 5, seed=1).outages)
    assert all(2.0 + at / 5 <= length <= 2.0 + (at + 1) / 5 for at, length in enumerate(lengths))


def history_of(bad_ns: tuple[int, int], period_ns: int = 100 * MS) -> History:
    """A read every period for 20 s, at 5 ms each, refused while the service is down; its base is at 7 s."""
    stream = Stream(
        name="read fresh", probe="orders", role="workload", kind="read", connection="fresh", period_ns=period_ns,
        timeout_ns=S,
    )  # fmt: skip
    base = ClockBase(mono_ns=7 * S, utc_ns=0, boot="test")
    operations = tuple(
        Operation(
            vantage="ours", probe="orders", stream=stream.name, seq=seq, kind="read", due_ns=at, sent_ns=at,
            done_ns=at + 5 * MS, outcome="fail" if bad_ns[0] <= at < bad_ns[1] else "ok",
        )
        for seq, at in enumerate(range(0, 20 * S, period_ns))
    )  # fmt: skip
    header = Header(vantage="ours", base=base, streams=(stream,), run="others", drill="ours", key_prefix="x")
    return History(base=base, vantages=(VantageRecord(header=header, end=None),), operations=operations, marks=())


def window(begin_ns: int, end_ns: int) -> Window:
    """Around an outage, on the monotonic axis."""
    at = 7 * S
    return Window(
        begin_ns=at + begin_ns - 11 * S // 10, requested_ns=at + begin_ns - S // 5, end_ns=at + end_ns + 17 * S // 10,
        quiet_ns=(at, at + 2 * S),
    )  # fmt: skip


def test_ours_is_the_middle_of_what_was_seen_in_an_interval_that_holds_the_truth() -> None:
    begin_ns, end_ns = 10 * S + 40 * MS, 12 * S + 570 * MS
    found = Judged(history_of((begin_ns, end_ns))).read(window(begin_ns, end_ns))
    assert found.lower_s is not None
    assert found.upper_s is not None
    # How wide it is, judging decides; here it must only be the interval of this outage and of no other.
    assert found.lower_s <= 2.53 <= found.upper_s <= found.lower_s + 1.0
    # Bad were 10.1 to 12.5 s; good before and after, a period away.
    assert found.length_s == pytest.approx(2.5, abs=0.01)
    assert found.outages == 1


def test_ours_says_how_long_what_it_did_not_meet_may_have_lasted() -> None:
    found = Judged(history_of((0, 0))).read(window(10 * S, 10 * S + 50 * MS))
    assert found.length_s is None
    assert found.upper_s is not None
    assert 0.1 <= found.upper_s <= 0.2


def test_ours_that_came_late_or_saw_no_end_says_nothing() -> None:
    with pytest.raises(NothingSeen, match="before"):
        Judged(history_of((0, 0))).read(window(40 * S, 42 * S))
    with pytest.raises(NothingSeen, match="recover"):
        Judged(history_of((10 * S, 20 * S))).read(window(10 * S, 12 * S))


def test_a_tool_that_is_not_there_is_named_and_not_asked() -> None:
    there = [asker.name for asker, _ in askers_of(Tools(None, None, {"Locust": "no pip"}, {}))]
    assert there == ["ours", "ours, 100/s", "hand-written loop", "tenacity"]
    report = Report(
        python="3", cores=2, load_average=(0, 0, 0), seed=1, timeout_s=1.0, versions={}, not_run={"Locust": "no pip"},
        askers=[], answers=[], rows=[], demands=[], losses=[], late_s={}, tries={},
    )  # fmt: skip
    assert "not run: Locust: no pip" in shown(report)
