import stat
from pathlib import Path

import pytest

from probes import offset
from probes.offset import known_offset, of_chrony, of_ntpd, of_timesyncd, reach_s

CHRONY = """Reference ID    : CB00710F (203.0.113.15)
Stratum         : 3
System time     : 0.000012000 seconds {} of NTP time
Last offset     : -0.000001632 seconds
Root delay      : 0.001000000 seconds
Root dispersion : 0.000200000 seconds
Leap status     : {}
"""
NTPD = """associd=0 status=0615 leap_none, sync_ntp, 1 event, clock_sync,
version="ntpd 4.2.8", leap=00, stratum=2, rootdelay=10.000, rootdisp=2.500, offset=-0.250, frequency=1.2
"""
TIMESYNCD = """       Server: 203.0.113.15 (time.example)
 Root distance: 13.5ms (max: 5s)
        Offset: +1.25ms
         Delay: 20.1ms
"""


def test_chrony_says_fast_or_slow() -> None:
    assert of_chrony(CHRONY.format("fast", "Normal")) == pytest.approx((0.000012, 0.000712))
    assert of_chrony(CHRONY.format("slow", "Normal")) == pytest.approx((-0.000012, 0.000712))


def test_a_server_that_is_ahead_leaves_this_machine_behind() -> None:
    assert of_ntpd(NTPD) == pytest.approx((0.00025, 0.00775))
    assert of_timesyncd(TIMESYNCD) == pytest.approx((-0.00125, 0.01475))


@pytest.mark.parametrize("says", ["", "506 Cannot talk to daemon\n", CHRONY.format("fast", "Not synchronised")])
def test_a_chrony_that_knows_nothing(says: str) -> None:
    assert of_chrony(says) is None


@pytest.mark.parametrize(
    "says",
    [
        "",
        "refused",
        NTPD.replace("leap=00", "leap=11"),
        NTPD.replace("leap_none", "leap_alarm"),
        NTPD.replace("rootdisp", "x"),
    ],
)
def test_an_ntpd_that_knows_nothing(says: str) -> None:
    assert of_ntpd(says) is None


@pytest.mark.parametrize("says", ["", TIMESYNCD.replace("Offset", "Packet"), TIMESYNCD.replace("+1.25ms", "+1min 2s")])
def test_a_timesyncd_that_knows_nothing(says: str) -> None:
    assert of_timesyncd(says) is None


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only program on the path: a chronyc, empty yet."""
    monkeypatch.setenv("PATH", str(tmp_path))
    path = tmp_path / "chronyc"
    path.write_text("#!/bin/sh\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_what_a_daemon_says_is_told_with_its_name(program: Path) -> None:
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{CHRONY.format('fast', 'Normal')}END\n")
    assert known_offset() == "chrony: +0.000012 s, ±0.000712 s"
    assert reach_s(known_offset()) == pytest.approx(0.000712)


def test_how_far_a_clock_may_be_off_is_read_from_what_was_told() -> None:
    assert reach_s("ntpd: -2.500000 s, ±0.100000 s") == pytest.approx(2.5)
    assert reach_s("unknown") is None


def test_no_daemon_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert known_offset() == "unknown"


@pytest.mark.parametrize("body", ["exit 1", "echo nonsense", "exec sleep 60"])
def test_one_that_fails_or_hangs_is_none_either(program: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    monkeypatch.setattr(offset, "ASK_S", 0.3)
    program.write_text(f"#!/bin/sh\n{body}\n")
    assert known_offset() == "unknown"
