"""Replication stops some seconds before the site is lost, and nobody tells the harness. For `bench.sabotage`."""

import time

import pytest

from fixtures.drill import Drill
from fixtures.faults.lose_site import LoseSite

# More than the RPO of the reference workload, which is 5 s.
SILENT_S = 8.0


@pytest.mark.drill(disruption="region", expects="impact")
def test_replication_stopped(drill: Drill) -> None:
    """If replication stood still before the site is lost, what is lost is found, all of it."""
    drill.steady()
    region = drill.workload.primary_region
    fis = drill.cloud.client("fis", region, "fault")
    template = fis.create_experiment_template(
        clientToken="bench-sabotage",
        description="behind the harness's back",
        stopConditions=[{"source": "none"}],
        actions={"stop": {"actionId": "lab:pause-replication", "parameters": {"region": region}}},
        roleArn="arn:aws:iam::123456789012:role/fis",
        tags=drill.workload.tags,
    )["experimentTemplate"]["id"]
    experiment = fis.start_experiment(experimentTemplateId=template, clientToken="bench-sabotage")["experiment"]["id"]
    time.sleep(SILENT_S)
    with drill.inject(LoseSite(region)):
        drill.recover()
        drill.audit("at failover")
    fis.stop_experiment(id=experiment)
    drill.settle()
    drill.judge()
