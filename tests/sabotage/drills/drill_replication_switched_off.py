"""A bucket's replication is switched off while it is paused, and nobody tells the harness. For `bench.sabotage`.

What was written before goes on its way once the pause is over; what is written since never does.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from fixtures.drill import Drill
from fixtures.faults.pause_bucket_replication import PauseBucketReplication


@pytest.mark.drill(disruption="region", expects="none", primary="region", needs="objects")
def test_replication_switched_off(drill: Drill) -> None:
    """If replication does not go on once its pause is over, the drill says so."""
    drill.steady()
    store = drill.workload.stores[0]
    with ExitStack() as meanwhile:
        with drill.inject(PauseBucketReplication(store.name)):
            meanwhile.enter_context(switched_off(drill, store.identifier))
            drill.recover()
        drill.settle()
        drill.audit("after heal")
    drill.judge()


@contextmanager
def switched_off(drill: Drill, bucket: str) -> Iterator[None]:
    client = drill.cloud.client("s3", drill.workload.primary_region, "plan")
    found = client.get_bucket_replication(Bucket=bucket)["ReplicationConfiguration"]
    rules = [rule | {"Status": "Disabled"} for rule in found["Rules"]]
    client.put_bucket_replication(Bucket=bucket, ReplicationConfiguration=found | {"Rules": rules})
    try:
        yield
    finally:
        client.put_bucket_replication(Bucket=bucket, ReplicationConfiguration=found)
