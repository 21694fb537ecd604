"""A picture with tables below it as one HTML file, without scripts or requests."""

from base64 import b64encode
from collections.abc import Sequence
from typing import NamedTuple

from reports.tables import Row
from reports.templates import templates


class Sheet(NamedTuple):
    """One table, with sentences below it."""

    name: str
    head: Row
    rows: Sequence[Row]
    says: Sequence[str] = ()


def sheet_html(title: str, svg: str, sheets: Sequence[Sheet]) -> str:
    """The file's text."""
    image = f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"
    return templates().get_template("sheet.html.j2").render(title=title, image=image, sheets=sheets)
