"""Draws the pictures of `docs/`: `python -m bench.pictures`."""

from bench.pictures import DOCS, drawn


def main() -> None:
    """Write them."""
    DOCS.mkdir(exist_ok=True)
    for name, text in drawn().items():
        (DOCS / name).write_text(text, encoding="utf-8")
        print(DOCS.name, name)


if __name__ == "__main__":
    main()
