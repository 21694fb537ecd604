"""Every site holds the same, or it is said which keys it does not."""

import msgspec
import pytest

from probes.history import History, Operation
from reports.convergence import CHECK, QUIET_NS, Compared, convergence
from reports.model import Verdict
from reports.verdict import Undoing, judge
from tests.truth.simulated import NS, Stored, declared_of, kept, with_operations, writes_of
from tests.truth.two_sites import acknowledged, at_sites, compared, journey

HISTORY = journey()
THERE = kept(writes_of(HISTORY))
OLD = acknowledged(HISTORY, 10 * NS, 12 * NS)
FRESH = acknowledged(HISTORY, 40 * NS, 42 * NS)


def sites(recovery: dict[str, Stored], **changes: object) -> History:
    return at_sites(HISTORY, {"primary": THERE, "recovery": recovery}, **changes)  # type: ignore[arg-type]  # shorthand


def found(history: History) -> Compared:
    result = compared(history)
    assert result is not None
    return result


def without(*keys: str) -> dict[str, Stored]:
    return {key: row for key, row in THERE.items() if key not in keys}


def judged(history: History) -> Verdict:
    return judge(history, declared_of(), Undoing("clean", ""), "1")


def test_the_same_everywhere_has_converged() -> None:
    row = convergence(found(sites(THERE)))
    assert (row.verdict, row.differing, row.unread, row.sites) == ("pass", 0, 0, ["primary", "recovery"])
    assert row.keys > len(OLD)
    verdict = judged(sites(THERE))
    assert verdict.verdict == "pass"
    assert verdict.convergence == row


def test_without_an_audit_at_two_sites_nothing_is_said() -> None:
    assert compared(HISTORY) is None
    assert compared(at_sites(HISTORY, {"primary": THERE})) is None
    assert judged(HISTORY).convergence is None
    names = [compared(at_sites(at_sites(HISTORY, {"a": THERE}, name="one"), {"b": THERE}, name="two"))]
    assert names == [None]


def test_keys_that_only_one_site_has_are_listed_with_their_proof() -> None:
    verdict = judged(sites(without(*OLD[:2])))
    assert (verdict.verdict, verdict.data_loss.verdict) == ("fail", "pass")
    row = verdict.convergence
    assert row is not None
    assert (row.differing, row.only) == (2, {"primary": 2, "recovery": 0})
    finding = next(f for f in verdict.findings if f.check == "convergence")
    assert finding.verdict == "fail"
    assert f"{OLD[0]}: primary version 1 checksum c, recovery not there" in finding.says
    assert len(finding.operations) == 4
    assert {name.split("/")[1] for name in finding.operations} == {
        "audit after failback at primary", "audit after failback at recovery",
    }  # fmt: skip


@pytest.mark.parametrize("row", [Stored(version=2), Stored(checksum="spoilt"), Stored(effects=2)])
def test_another_version_checksum_or_number_of_effects_differs(row: Stored) -> None:
    result = found(sites({**THERE, OLD[0]: row}))
    assert set(result.differing) == {OLD[0]}
    assert convergence(result).only == {"primary": 0, "recovery": 0}


def test_what_was_not_read_is_neither_the_same_nor_different() -> None:
    result = found(sites(THERE, unread=OLD[:3]))
    assert (result.verdict, len(result.unread), len(result.differing)) == ("inconclusive", 3, 0)
    verdict = judged(sites(THERE, unread=OLD[:3]))
    assert verdict.verdict == "inconclusive"
    both = found(sites(without(OLD[5]), unread=OLD[:3]))
    assert both.verdict == "fail"


def test_a_replica_may_trail_what_was_just_written() -> None:
    assert found(sites(without(*FRESH))).verdict == "pass"
    late = sites(without(*acknowledged(HISTORY, 44 * NS - QUIET_NS - NS, 44 * NS - QUIET_NS)))
    assert found(late).verdict == "fail"


def test_a_key_that_is_changed_meanwhile_is_left_out() -> None:
    change = next(w for w in writes_of(HISTORY) if w.key == OLD[0])
    update = msgspec.structs.replace(
        change, kind="update", version=2, seq=99_999, sent_ns=44 * NS, due_ns=44 * NS, done_ns=44 * NS + 1000
    )
    history = with_operations(sites({**THERE, OLD[0]: Stored(version=2)}), [update])
    assert found(history).verdict == "pass"


def test_a_key_that_nobody_sent_counts_where_both_sites_speak_of_it() -> None:
    def stranger(site: str, version: int | None) -> Operation:
        some = next(o for o in sites(THERE).operations if o.site == site)
        return msgspec.structs.replace(some, key="k-stranger", seq=99_999, observed_version=version)

    alone = with_operations(sites(THERE), [stranger("primary", 1)])
    assert set(found(alone).unread) == {"k-stranger"}
    both = with_operations(alone, [stranger("recovery", None)])
    assert set(found(both).differing) == {"k-stranger"}


def test_nothing_to_compare_is_no_convergence() -> None:
    early = at_sites(HISTORY, {"primary": {}, "recovery": {}}, began=QUIET_NS // 2)
    assert (found(early).keys, found(early).verdict) == (0, "inconclusive")


def test_the_last_comparison_is_the_one_that_is_told_and_each_decides() -> None:
    first = sites(without(OLD[0]), name="one", began=42 * NS)
    assert found(first).verdict == "fail"
    again = at_sites(first, {"primary": THERE, "recovery": THERE}, name="two")
    assert (found(again).name, found(again).verdict) == ("two", "pass")
    verdict = judged(again)
    told = {finding.check: finding.verdict for finding in verdict.findings if finding.check.startswith(CHECK)}
    assert told == {"convergence one": "fail", "convergence": "pass"}
    assert verdict.convergence is not None
    assert (verdict.convergence.verdict, verdict.verdict) == ("pass", "fail")


def test_an_audit_at_a_site_is_none_of_the_two_that_judge() -> None:
    early = at_sites(HISTORY, {"primary": {}, "recovery": {}}, name="early", began=15 * NS)
    assert judged(early).data_loss == judged(HISTORY).data_loss
    at_home = judged(at_sites(HISTORY, {"primary": {}, "recovery": {}}))
    assert at_home.failback is not None
    assert at_home.failback.data_loss.lost == 0
