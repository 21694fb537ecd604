"""What AWS says again and again is one row of the page; a course of events and every other mark keep their own."""

from reports.marks_table import OFTEN, MarkLine, mark_lines
from reports.model import MarkRow


def row(at_s: float, says: str, *, name: str = "sign", source: str = "Auto Scaling activity, eu-central-1") -> MarkRow:
    return MarkRow(name=name, at_s=at_s, utc="", source=source, uncertainty_s=0.5, says=says)


def test_a_sign_that_is_said_too_often_is_one_row_with_how_often_and_when_last() -> None:
    often = [row(float(n), "no capacity") for n in range(OFTEN + 1)]
    marks = [often[0], row(0.5, "ALARM"), *often[1:], row(9.0, "", name="end", source="runner")]
    assert mark_lines(marks) == [
        MarkLine(often[0], more=OFTEN, last_s=float(OFTEN)),
        MarkLine(marks[1]),
        MarkLine(marks[-1]),
    ]


def test_what_comes_a_few_times_is_a_course_of_events() -> None:
    marks = [row(float(n), says) for n, says in enumerate(["healthy", "unhealthy"] * OFTEN)]
    assert [line.mark for line in mark_lines(marks)] == marks


def test_other_sources_words_and_marks_are_never_folded() -> None:
    apart = [row(float(n), "no capacity", source=f"Auto Scaling activity, Region {n}") for n in range(OFTEN + 2)]
    decided = [row(float(n), "bad for 5 s", name="decided", source="runner") for n in range(OFTEN + 2)]
    assert mark_lines([*apart, *decided]) == [MarkLine(mark) for mark in (*apart, *decided)]
