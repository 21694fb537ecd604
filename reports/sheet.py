"""A picture with tables below it as one HTML file, without scripts or requests."""

from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reports.tables import Row


class Sheet(NamedTuple):
    """One table, with sentences below it."""

    name: str
    head: Row
    rows: Sequence[Row]
    says: Sequence[str] = ()


def sheet_html(title: str, svg: str, sheets: Sequence[Sheet]) -> str:
    """The file's text."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    image = f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"
    return environment.get_template("sheet.html.j2").render(title=title, image=image, sheets=sheets)
