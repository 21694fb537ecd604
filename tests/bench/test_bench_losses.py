import msgspec
import pytest

from bench import simulated_losses
from bench.simulated_losses import Losses, Row, measure, shown


def test_a_run_can_be_repeated_from_its_seed_and_is_sound() -> None:
    found = measure(cases=40, seed=11, workers=1)
    again = measure(cases=40, seed=11, workers=1)
    assert found.rows == again.rows
    assert found.sound, shown(found)
    assert sum(row.cases for row in found.rows) == 40
    assert sum(row.lost for row in found.rows) > 0
    text = shown(found)
    assert "40 drills from seed 11" in text
    assert all(row.mix in text for row in found.rows)


def test_workers_share_the_cases(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated_losses, "_CHUNK", 6)
    assert measure(cases=12, seed=11, workers=2).rows == measure(cases=12, seed=11, workers=1).rows
    assert "100% of 12 cases from seed 11" in capfd.readouterr().err


def test_a_contradiction_is_shown_and_not_sound() -> None:
    row = Row(
        mix="tail", sampled=True, cases=1, changes=9, lost=1, bounded=0, passed=0, failed=1, wrong=0, said=2000,
        missed=100, width_median_s=None,
    )  # fmt: skip
    found = Losses(seed=1, cases=1, took_s=1.0, rows=(row,), problems=())
    assert found.sound
    assert not msgspec.structs.replace(found, rows=(msgspec.structs.replace(row, missed=101),)).sound
    wrong = msgspec.structs.replace(found, problems=("7: it is lost, judged late",))
    assert not wrong.sound
    assert "wrong: 7: it is lost" in shown(wrong)


def test_the_exit_code_says_whether_it_is_sound(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["simulated_losses", "--seed", "5", "--cases", "3"])
    assert simulated_losses.main() == 0
    assert "3 drills from seed 5" in capsys.readouterr().out
