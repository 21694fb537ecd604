"""The pictures that explain the numbers, by file name."""

from pathlib import Path

from bench.pictures import edges, loss

DOCS = Path(__file__).resolve().parents[2] / "docs" / "pictures"


def drawn() -> dict[str, str]:
    """Every picture as SVG. The same every time: a test compares them with what `docs/` holds."""
    return {"edges.svg": edges.picture(), "loss.svg": loss.picture()}
