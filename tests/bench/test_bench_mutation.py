import pytest

from bench.mutation import ROOT, Mutant, Tried, mutants, mutated, shown


def test_every_rule_stands_where_its_mutant_says() -> None:
    found = mutants()
    assert len(found) > 30
    assert len({m.rule for m in found}) == len(found), "each rule has a name of its own"
    for mutant in found:
        source = (ROOT / mutant.file).read_text(encoding="utf-8")
        compile(mutated(mutant, source), mutant.file, "exec")


def test_a_text_that_is_not_there_once_is_no_mutant() -> None:
    mutant = Mutant(rule="r", file="f", find="a", put="b")
    for source in ("", "a a"):
        with pytest.raises(ValueError, match="must stand there once"):
            mutated(mutant, source)
    assert mutated(mutant, "x = a") == "x = b"


def test_the_score_names_each_rule_that_nobody_missed() -> None:
    found = [
        Tried(rule="kept", file="f.py", fate="red", by="t", took_s=1.0),
        Tried(rule="forgotten", file="g.py", fate="GREEN", by="", took_s=1.0),
    ]
    text = shown(found)
    assert "1 of 2" in text
    assert "GREEN without: forgotten (g.py)" in text
    assert "kept" not in text
