"""What each of the other tools leaves behind, on fixed samples of it: no tool is needed here."""

import json
from pathlib import Path

import pytest

from bench.others import blackbox, chaos_toolkit, locust_headless, loop, until_up
from bench.others.asked import Asked, rows_of
from bench.others.observation import Sample, Wait
from bench.others.scripts.scrape import success_of
from bench.others.started import Started, ToolFailed
from bench.others.tools import version_in

S = 1_000_000_000
# 2026-11-23 12:00:00 UTC.
NOON = 1_795_435_200 * S


def chaos_run(second: str, *, met: bool | None) -> dict[str, object]:
    run: dict[str, object] = {"start": f"2026-11-23T12:00:{second}", "end": f"2026-11-23T12:00:{second}"}
    return run if met is None else run | {"tolerance_met": met}


def test_chaos_toolkits_journal_is_read_by_its_probes() -> None:
    # A probe that could not connect has no tolerance_met at all.
    runs = [chaos_run("00.500000", met=True), chaos_run("01.250000+00:00", met=None), chaos_run("02", met=False)]
    journal = {"steady_states": {"before": {}, "after": {}, "during": [{"probes": [run]} for run in runs]}}
    assert chaos_toolkit.parsed(json.dumps(journal).encode()) == [
        Sample(NOON + S // 2, NOON + S // 2, ok=True),
        Sample(NOON + 5 * S // 4, NOON + 5 * S // 4, ok=False),
        Sample(NOON + 2 * S, NOON + 2 * S, ok=False),
    ]


def test_a_journal_without_probes_is_no_record() -> None:
    with pytest.raises(ToolFailed, match="no probe"):
        chaos_toolkit.parsed(b'{"steady_states": {"during": []}}')


def test_chaos_toolkit_is_told_the_url_and_how_long(tmp_path: Path) -> None:
    with Started() as started:
        asked = Asked(url="http://127.0.0.1:1/x", seconds=12.5, rate=10.0, folder=tmp_path, started=started)
        told = chaos_toolkit.experiment_of(asked)
    probe = told["steady-state-hypothesis"]["probes"][0]["provider"]
    assert (probe["url"], probe["timeout"]) == ("http://127.0.0.1:1/x", 1.0)
    assert told["method"][0]["provider"]["arguments"] == "12.5"


def test_locusts_request_events() -> None:
    said = (
        'Type Name # reqs\n{"start": 10.5, "took_ms": 250, "ok": true}\n{"start": 11.5, "took_ms": 1000, "ok": false}\n'
    )
    assert locust_headless.parsed(said) == [
        Sample(10 * S + S // 2, 10 * S + 3 * S // 4, ok=True),
        Sample(11 * S + S // 2, 12 * S + S // 2, ok=False),
    ]


def test_scrapes() -> None:
    rows = [{"time": at, "over": at + 0.25, "success": success} for at, success in ((1.0, 1), (2.0, 0), (3.0, -1))]
    said = "\n".join(map(json.dumps, rows))
    assert [sample.ok for sample in blackbox.parsed(said)] == [True, False, False]
    assert blackbox.parsed(said)[0] == Sample(S, S + S // 4, ok=True)


def test_probe_success_is_read_from_the_metrics() -> None:
    metrics = "# HELP probe_success Whether it was a success\nprobe_duration_seconds 0.1\nprobe_success {}\n"
    assert (success_of(metrics.format(1)), success_of(metrics.format(0))) == (1, 0)
    with pytest.raises(ValueError, match="no probe_success"):
        success_of("probe_duration_seconds 0.1\n")


def test_the_loops_log() -> None:
    assert loop.parsed('{"time": 4.0, "asked": 3.0, "ok": false}') == [Sample(3 * S, 4 * S, ok=False)]


def test_the_log_of_whoever_waits() -> None:
    said = '{"good": 1.0}\n{"down": 2.0, "up": 5.0}\n{"good": 6.0}\n'
    found = until_up.parsed(said, shift_ns=-S)
    assert found.waits == (Wait(S, 4 * S),)
    assert found.checks == (0, 5 * S)


@pytest.mark.parametrize("said", ["", "Traceback (most recent call last):\n", "{half a li"])
def test_a_tool_that_left_no_record_is_said_so(said: str) -> None:
    with pytest.raises(ToolFailed, match="no record"):
        rows_of(said)


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("chaos, version 1.19.0", "1.19.0"),
        ("locust 2.47.0 from /x/python3.11/site-packages", "2.47.0"),
        ("blackbox_exporter, version 0.23.0 (branch: debian/sid, revision: 0.23.0-4+b4)", "0.23.0"),
        ("unknown", ""),
    ],
)
def test_versions(said: str, version: str) -> None:
    assert version_in(said) == version
