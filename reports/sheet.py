"""Pictures with tables below them as one HTML file, without scripts or requests."""

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


class Picture(NamedTuple):
    """An SVG, and what it is a picture of."""

    title: str
    svg: str

    @property
    def source(self) -> str:
        """The picture itself as an address."""
        return f"data:image/svg+xml;base64,{b64encode(self.svg.encode()).decode()}"


def sheet_html(title: str, pictures: Sequence[Picture], sheets: Sequence[Sheet]) -> str:
    """The file's text. The tables say what the pictures show."""
    return templates().get_template("sheet.html.j2").render(title=title, pictures=pictures, sheets=sheets)
