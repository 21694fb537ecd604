from hypothesis import given
from hypothesis import strategies as st

from reports.labels import Label, Place, place

EDGE = 996.0
LABELS = st.lists(st.builds(Label, x=st.floats(190, 965), width=st.floats(20, 170)), max_size=25)


def _box(label: Label, spot: Place) -> tuple[float, float]:
    return (label.x - label.width, label.x) if spot.left else (label.x, label.x + label.width)


@given(LABELS)
def test_no_label_covers_another_label_or_a_leader(labels: list[Label]) -> None:
    placed = list(zip(labels, place(labels, EDGE), strict=True))
    for i, (label, spot) in enumerate(placed):
        start, end = _box(label, spot)
        for j, (other, there) in enumerate(placed):
            if i == j:
                continue
            other_start, other_end = _box(other, there)
            if there.row == spot.row:
                assert end <= other_start or other_end <= start, (label, other)
            # A leader comes down from its own row, through every row below it.
            if there.row > spot.row:
                assert not start < other.x < end, (label, other)


@given(LABELS)
def test_no_label_runs_out_of_the_picture(labels: list[Label]) -> None:
    for label, spot in zip(labels, place(labels, EDGE), strict=True):
        start, end = _box(label, spot)
        assert start >= 0
        assert end <= EDGE


def test_labels_that_are_far_apart_share_the_lowest_row() -> None:
    assert place([Label(200, 100), Label(400, 100), Label(600, 100)], EDGE) == [Place(0, left=False)] * 3
