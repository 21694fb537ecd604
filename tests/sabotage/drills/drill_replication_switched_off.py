"""A bucket's replication is switched off while it is paused, and nobody tells the harness. For `bench.sabotage`.

What is written meanwhile never goes on its way: a rule takes only what comes after it. Until the `undo` of the pause,
so that what is written from then on arrives again, or until the `end` of the drill.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from fixtures.drill import Drill
from fixtures.faults.pause_bucket_replication import PauseBucketReplication


@pytest.mark.drill(disruption="region", expects="none", primary="region", needs="objects")
@pytest.mark.parametrize("until", ["undo", "end"])
def test_replication_switched_off(drill: Drill, until: str) -> None:
    """If what was written meanwhile, or what is written since, does not come to the replica, the drill says so."""
    drill.steady()
    store = drill.workload.stores[0]
    with ExitStack() as end:
        with drill.inject(PauseBucketReplication(store.name)), ExitStack() as undo:
            off = undo if until == "undo" else end
            off.enter_context(switched_off(drill, store.identifier))
            drill.recover()
        drill.settle()
        drill.audit("after heal")
        drill.compare("after heal")
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
