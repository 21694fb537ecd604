"""The dead man of a struck run: armed in moto as on AWS, and run by moto's interpreter once its process is dead."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from botocore.exceptions import ClientError

from bench.subjects import BUCKET_REGION
from fixtures.aws import Cloud
from fixtures.dead_man import dead_man_of
from fixtures.journal import Journal
from fixtures.journal_records import DeadManPlace
from fixtures.undo_program import empty
from tests.fixtures.fake_cloud import FakeTime
from tests.fixtures.interpreter import executed, interpreter
from tests.fixtures.moto_regions import AWAY
from tests.fixtures.moto_world import ACCOUNT, REGION

AFTER_S = 600.0
PLACE = DeadManPlace(name="dr-drills-undo", account=ACCOUNT, region=BUCKET_REGION, after_s=AFTER_S)
REGIONS = (REGION, AWAY, BUCKET_REGION)
SCHEDULE = "dr-drills-orders"


@contextmanager
def deployed(cloud: Cloud) -> Iterator[None]:
    """What its template makes, in each Region; gone at the end, with whatever is armed."""
    for region in REGIONS:
        cloud.client("stepfunctions", region, "plan").create_state_machine(
            name=PLACE.name, definition=empty(""), roleArn=f"arn:aws:iam::{ACCOUNT}:role/undo"
        )
    try:
        yield
    finally:
        for region in REGIONS:
            cloud.client("stepfunctions", region, "plan").delete_state_machine(stateMachineArn=_arn(region))
            with suppress(ClientError):
                cloud.client("scheduler", region, "plan").delete_schedule(Name=SCHEDULE)


def arm(journal: Journal, cloud: Cloud, time: FakeTime) -> None:
    """Have the journal's changes guarded by it, as a drill does."""
    last = dead_man_of(journal, cloud, now=lambda: time.stamp()[0] / 1e9, clock=time.clock)
    if last is None:
        raise ValueError("the journal's header names no dead man")
    journal.guarded_by(lambda: last.check(journal.tracked, journal.bound))


def fired(cloud: Cloud, time: FakeTime) -> dict[str, Any]:
    """What came of each Region's program, where its schedule was armed: by Region, as `executed` gives it."""
    found: dict[str, Any] = {}
    time.sleep(AFTER_S)
    with interpreter(cloud, time) as backends:
        for region in REGIONS:
            scheduler = cloud.client("scheduler", region, "plan")
            try:
                schedule = scheduler.get_schedule(Name=SCHEDULE)
            except ClientError:
                continue
            scheduler.delete_schedule(Name=SCHEDULE)  # as ActionAfterCompletion says
            definition = _definition(cloud, region, schedule["Target"]["Arn"])
            found[region] = executed(backends, region, ACCOUNT, definition)
    return found


def program(cloud: Cloud, region: str) -> str:
    """The program that is in the state machine now."""
    return _definition(cloud, region, _arn(region))


def left_armed(cloud: Cloud) -> list[str]:
    """In sentences, what of it is still there."""
    told = []
    for region in REGIONS:
        if cloud.client("scheduler", region, "plan").list_schedules()["Schedules"]:
            told.append(f"a schedule is left in {region}")
        if json.loads(program(cloud, region))["StartAt"] != "Nothing":
            told.append(f"the program in {region} is not empty")
    return told


def _definition(cloud: Cloud, region: str, arn: str) -> str:
    return str(cloud.client("stepfunctions", region, "plan").describe_state_machine(stateMachineArn=arn)["definition"])


def _arn(region: str) -> str:
    return f"arn:aws:states:{region}:{ACCOUNT}:stateMachine:{PLACE.name}"
