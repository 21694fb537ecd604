"""Sabotage: a drill that needs no lab, says that it is there, and goes on until a file appears."""

import os
import time
from pathlib import Path

import pytest

from fixtures.errors import Refused
from fixtures.sayer import Sayer

GO = Path(os.environ.get("SABOTAGE_GO", "no such folder/go"))


@pytest.fixture
def refused() -> None:
    raise Refused("nothing here may be touched. Nothing was touched.")


@pytest.mark.drill(disruption="az", expects="impact")
def test_is_held_up(request: pytest.FixtureRequest) -> None:
    """If it is let go, it ends."""
    plugins = request.config.pluginmanager
    say = Sayer(plugins.getplugin("terminalreporter"), plugins.getplugin("capturemanager"), "held_up")
    say("waiting for go")
    while not GO.exists():
        time.sleep(0.02)
    say("gone on")


@pytest.mark.drill(disruption="az", expects="impact")
@pytest.mark.usefixtures("refused")
def test_is_refused() -> None:
    """If it is refused, the run's exit code says so."""
