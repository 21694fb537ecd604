from bench.pictures import DOCS, drawn


def test_the_docs_hold_what_the_rules_draw_today() -> None:
    held = {path.name: path.read_text(encoding="utf-8") for path in DOCS.glob("*.svg")}
    assert held == drawn(), "run `python -m bench.pictures`, and look at them"


def test_every_picture_says_in_words_what_it_shows() -> None:
    for name, text in drawn().items():
        assert "<title" in text, name
        assert len(text.split("<desc")[1].split("</desc>")[0]) > 100, name
