"""Plain tables, for a terminal and for Markdown."""

from collections.abc import Sequence

Row = Sequence[str]


def text_table(head: Row, rows: Sequence[Row]) -> str:
    """Columns under each other, as wide as they must be; the last one is not filled up."""
    lines = [_plain(head), *(_plain(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def markdown_table(head: Row, rows: Sequence[Row]) -> str:
    """A table as GitHub and GitLab read it. What stands in a cell can neither end it nor become markup."""
    lines = [head, ["---"] * len(head), *([markdown(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def markdown(text: str) -> str:
    """Text that says in Markdown what it says, in one line: no markup, no HTML, no mention of anybody."""
    plain = _one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "&#64;")
    return "".join(f"\\{c}" if c in "\\`*_[]|#~$" else c for c in plain)


def _plain(row: Row) -> list[str]:
    return [_one_line(cell) for cell in row]


def _one_line(text: str) -> str:
    # Control characters out of an error message must reach neither a terminal nor a page.
    return "".join(c if c.isprintable() else " " for c in text)
