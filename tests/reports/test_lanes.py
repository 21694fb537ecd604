from reports.lanes import Lane, columns_of, lanes_of
from tests.reports.synthetic import make


def test_every_stream_has_its_lane_in_the_order_of_importance() -> None:
    made = make("pass", 400, lost=3)
    lanes = lanes_of(made.history, made.declared, made.losses, 0)
    assert [lane.title for lane in lanes] == [
        "writes", "reads", "witness eu-west-1a", "witness eu-west-1b", "control",
    ]  # fmt: skip
    assert [lane.note for lane in lanes][2:4] == ["must go bad", "must stay good"]
    assert len(lanes[0].lost_s) == 3
    assert sum(lane.count(outcome) for lane in lanes for outcome in lane.sent_s) == len(made.history.operations)


def test_a_single_failure_among_many_operations_is_still_drawn() -> None:
    lane = Lane(title="writes")
    lane.sent_s["ok"].extend(i / 1000 for i in range(100_000))
    lane.sent_s["fail"].append(50.0)
    cells = columns_of(lane, start_s=0, end_s=100, count=155, up=6, down=5)
    assert sum(cells.failed.values()) == 1
    assert cells.counts == {"ok": 100_000, "fail": 1, "in-doubt": 0}
    assert max(cells.good.values()) <= 6


def test_marks_never_leave_their_lane() -> None:
    lane = Lane(title="writes")
    lane.sent_s["fail"].extend([1.0] * 997)
    lane.sent_s["in-doubt"].extend([1.0] * 3)
    cells = columns_of(lane, start_s=0, end_s=10, count=10, up=6, down=5)
    assert cells.failed[1] + cells.in_doubt[1] <= 5
    assert cells.in_doubt[1] == 1
    assert cells.unit == 300


def test_operations_outside_the_axis_are_not_drawn() -> None:
    lane = Lane(title="reads")
    lane.sent_s["ok"].extend([0.0, 5.0, 10.0, 11.0])
    cells = columns_of(lane, start_s=5, end_s=10, count=5, up=6, down=5)
    assert cells.good == {0: 1, 4: 1}
