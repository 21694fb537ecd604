"""What a verdict says of a zone has the zone's id beside its name; runs that have kept none are judged as they were."""

import msgspec

from reports.verdict import judge
from tests.reports.test_verdict import CLEAN, finding
from tests.truth.simulated import declared_of, drill


def test_findings_name_each_zone_with_its_id_where_the_drill_has_kept_them() -> None:
    declared = declared_of(rto_s=20.0, rpo_s=0.0)
    assert declared.fault is not None
    (bitten,) = declared.fault.bites
    plain = judge(drill(), declared, CLEAN, "1")
    verdict = judge(drill(), msgspec.structs.replace(declared, zones={bitten: "euw1-az3"}), CLEAN, "1")
    said, before = finding(verdict, "fault effective").says, finding(plain, "fault effective").says
    assert before.startswith(f"{bitten} was seen down")
    assert said == f"{bitten} (euw1-az3){before.removeprefix(bitten)}"
    assert [one.verdict for one in verdict.findings] == [one.verdict for one in plain.findings]
