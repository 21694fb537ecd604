"""How far the lab's follower is behind: never less than it is, and what CloudWatch is told of it."""

import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import boto3
import pytest
from moto import mock_aws

from fixtures.lab.cloud.metrics import LAG, Metrics, lags_ms
from fixtures.lab.cloud.replication_lag import LagMeter, number_of
from fixtures.lab.cloud.world import World
from fixtures.lab.machines.postgres import Progress
from tests.lab.test_global_database import Scene


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_who_has_what_the_primary_had_is_behind_by_the_time_since_then(clock: list[float]) -> None:
    meter = LagMeter()
    for at, position in ((100.0, "0/10"), (101.0, "0/20"), (102.0, "0/30")):
        meter.primary_was(position, at)
    clock[0] = 102.5
    assert meter.lag_s(Progress("0/1F", streaming=True)) == 2.5
    assert meter.lag_s(Progress("0/20", streaming=True)) == 1.5
    clock[0] = 110.0
    assert meter.lag_s(Progress("0/20", streaming=False)) == 9.0  # nothing arrives any more
    assert meter.lag_s(Progress("1/0", streaming=True)) == 8.0


def test_the_age_of_the_last_commit_counts_where_it_proves_more(clock: list[float]) -> None:
    meter = LagMeter()
    meter.primary_was("0/10", 100.0)
    clock[0] = 103.0
    assert meter.lag_s(Progress("0/10", streaming=True, replayed_s=0.4)) == 0.4
    assert meter.lag_s(Progress("0/10", streaming=True, replayed_s=40.0)) == 3.0  # an idle primary is no lag
    assert meter.lag_s(Progress("0/5", streaming=True, replayed_s=40.0)) == 40.0


def test_nothing_is_told_that_nothing_proves() -> None:
    meter = LagMeter()
    assert meter.lag_s(Progress("0/10", streaming=True)) is None
    meter.primary_was("0/20", 100.0)
    assert meter.lag_s(Progress("0/10", streaming=True)) is None


def test_a_position_has_two_halves() -> None:
    assert number_of("1/0") == number_of("0/FFFFFFFF") + 1


def test_a_follower_s_lag_is_known_once_it_follows_and_while_both_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fixtures.lab.cloud.global_database.ASK_S", 0.0)
    monkeypatch.setattr("fixtures.lab.cloud.global_database.LOOK_S", 0.0)
    scene = Scene()
    scene.follow()
    known = []
    for one, two in (("one-1", "two-1"), ("", "two-1"), ("one-1", "two-1"), ("one-1", "")):
        scene.one.serving, scene.two.serving = one, two
        scene.look()
        known.append((scene.one.lag_s is not None, scene.two.lag_s is not None))
    assert known == [(False, True), (False, False), (False, True), (False, False)]


def worlds(**lags: float | None) -> list[World]:
    """A Region that is the primary, and one whose clusters are so far behind."""
    found = {name: SimpleNamespace(lag_s=lag_s) for name, lag_s in lags.items()}
    made: list[Any] = [
        SimpleNamespace(region=SimpleNamespace(name=name), clusters=clusters, lost=False, settings={"cw_period_s": 5.0})
        for name, clusters in (("eu-west-1", {}), ("eu-central-1", found))
    ]
    return cast("list[World]", made)


def test_a_region_without_power_tells_nothing() -> None:
    lit, dark = worlds(away=1.5, new=None)[1], worlds(away=1.5)[1]
    dark.lost = True
    assert lags_ms(lit) == {"away": 1500.0}
    assert lags_ms(dark) == {}


def test_cloudwatch_is_told_once_a_period_in_the_secondary_s_region(clock: list[float]) -> None:
    metrics = Metrics(worlds(away=1.5))
    with mock_aws():
        for at in (100.0, 101.0, 104.9, 105.0):
            clock[0] = at
            metrics.observe()
        clients = [boto3.client("cloudwatch", region_name=region) for region in ("eu-west-1", "eu-central-1")]
        home, away = (client.list_metrics(Namespace="AWS/RDS")["Metrics"] for client in clients)
        now = datetime.now(UTC)
        counted = clients[1].get_metric_statistics(
            Namespace="AWS/RDS", MetricName=LAG, Dimensions=away[0]["Dimensions"], Period=3600,
            StartTime=now - timedelta(hours=1), EndTime=now + timedelta(hours=1), Statistics=["SampleCount", "Average"],
        )["Datapoints"]  # fmt: skip
        assert home == []
        assert sum(point["SampleCount"] for point in counted) == 2
        assert {point["Average"] for point in counted} == {1500.0}
        assert {d["Name"]: d["Value"] for d in away[0]["Dimensions"]} == {
            "DBClusterIdentifier": "away", "SourceRegion": "eu-west-1"
        }  # fmt: skip
