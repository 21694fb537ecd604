"""Everything here runs real drills in real labs, and must leave none."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import gettempdir

import pytest

from fixtures import lab


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No lab, process or temporary file of a lab is left by a test."""
    labs = {one.id for one in lab.running()}
    folders = set(Path(gettempdir()).glob("dr-drills-*"))
    yield
    assert {one.id for one in lab.running()} == labs
    assert set(Path(gettempdir()).glob("dr-drills-*")) - folders == set()
