"""The house rules that a reader of one file cannot see: who imports whom, and how long things may be.

The floors, from the top: drills, fixtures, reports, probes. A floor imports itself and what lies below it.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = ("probes", "reports", "fixtures", "drills")
HOUSES = (*FLOORS, "tests", "bench")
LAB = "fixtures.lab"

LONGEST_FILE = 399
LONGEST_FUNCTION = 60


def _files() -> list[Path]:
    inside = [path for house in HOUSES for path in (ROOT / house).rglob("*.py") if "out" not in path.parts]
    return sorted(path.relative_to(ROOT) for path in [*inside, ROOT / "conftest.py"])


def _imports(path: Path, source: str) -> Iterator[tuple[int, str]]:
    """Line and full name of everything that a file imports, wherever in the file; `from a import b` gives `a.b`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            around = path.parent.parts[: len(path.parent.parts) + 1 - node.level] if node.level else ()
            module = ".".join((*around, *filter(None, [node.module])))
            for alias in node.names:
                yield node.lineno, f"{module}.{alias.name}"


def broken_imports(path: Path, source: str, lab_public: frozenset[str] = frozenset()) -> list[str]:
    """Every import of a file that a rule forbids, as `path:line: what`."""
    return [
        f"{path}:{line}: {why}"
        for line, name in _imports(path, source)
        for why in (_upward(path, name), _pytest(path, name), _allure(path, name), _lab(path, name, lab_public))
        if why
    ]


def _top(name: str) -> str:
    return name.partition(".")[0]


def _upward(path: Path, name: str) -> str:
    here, there = path.parts[0], _top(name)
    if here not in FLOORS:
        return ""
    if there in ("tests", "bench") or (there in FLOORS and FLOORS.index(there) > FLOORS.index(here)):
        return f"{here} imports {name}, which lies above it"
    return ""


def _pytest(path: Path, name: str) -> str:
    if _top(name) not in ("pytest", "_pytest", "pluggy"):
        return ""
    allowed = path.parts[0] in ("drills", "tests", "conftest.py") or path == Path("fixtures/plugin.py")
    return "" if allowed else "pytest is imported only in drills, fixtures/plugin.py, conftest.py and tests"


def _allure(path: Path, name: str) -> str:
    is_allure = _top(name).startswith("allure")
    return "allure is imported only in reports/allure.py" if is_allure and path != Path("reports/allure.py") else ""


def _lab(path: Path, name: str, public: frozenset[str]) -> str:
    """Outside of the lab only `from fixtures.lab import <a public name>` is allowed, and no module of it.

    But benches may ask for what only the lab knows: they compare with it.
    """
    if path.parts[:2] == ("fixtures", "lab") or path.parts[0] == "tests":
        return ""
    if path.parts[0] == "bench" and name.startswith(f"{LAB}.disks."):
        return ""
    if name == LAB or not name.startswith(f"{LAB}."):
        return ""
    return "" if name.removeprefix(f"{LAB}.") in public else f"{name} is the inside of the lab"


def _public_names_of_the_lab() -> frozenset[str]:
    """What `fixtures/lab/__init__.py` lists in `__all__`."""
    tree = ast.parse((ROOT / "fixtures" / "lab" / "__init__.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            return frozenset(ast.literal_eval(node.value))
    return frozenset()


def too_long(path: Path, source: str) -> list[str]:
    """The file and its functions, if they are longer than a reader can hold."""
    said = []
    lines = len(source.splitlines())
    if lines > LONGEST_FILE:
        said.append(f"{path}: {lines} lines; files are under 400")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LONGEST_FUNCTION:
                said.append(f"{path}:{node.lineno}: {node.name} has {length} lines; functions have at most 60")
    return said


def test_nothing_imports_upward_and_pytest_allure_and_the_lab_stay_where_they_belong() -> None:
    public = _public_names_of_the_lab()
    broken = [
        line for path in _files() for line in broken_imports(path, (ROOT / path).read_text(encoding="utf-8"), public)
    ]
    assert broken == [], "\n".join(broken)


def test_files_and_functions_are_short() -> None:
    long = [line for path in _files() for line in too_long(path, (ROOT / path).read_text(encoding="utf-8"))]
    assert long == [], "\n".join(long)


def test_all_floors_are_looked_at() -> None:
    """A rule that looks at nothing holds always."""
    assert {path.parts[0] for path in _files()} >= {*FLOORS, "tests", "conftest.py"}


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("probes/x.py", "import reports.model"),
        ("probes/x.py", "from fixtures import change"),
        ("probes/x.py", "def f():\n    from drills import a"),
        ("reports/x.py", "from fixtures.change import Plan"),
        ("reports/x.py", "from ..fixtures import change"),
        ("fixtures/x.py", "import drills.test_az_power_loss"),
        ("fixtures/faults/x.py", "from tests import helpers"),
        ("fixtures/x.py", "import pytest"),
        ("reports/x.py", "from pytest import raises"),
        ("bench/x.py", "import pytest"),
        ("reports/page.py", "import allure"),
        ("fixtures/plugin.py", "from allure_commons.types import Severity"),
        ("drills/x.py", "from fixtures.lab.handle import up"),
        ("fixtures/x.py", "import fixtures.lab.cloud.names"),
        ("fixtures/x.py", "from fixtures.lab import handle"),
        ("fixtures/x.py", "from .lab import handle"),
    ],
)
def test_a_forbidden_import_is_found(path: str, source: str) -> None:
    assert len(broken_imports(Path(path), source, frozenset({"up"}))) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("drills/x.py", "import pytest\nfrom fixtures.faults import stop_zone\nfrom reports import model"),
        ("fixtures/plugin.py", "import pytest\nimport reports.verdict\nimport probes.client"),
        ("fixtures/x.py", "from fixtures.lab import up\nimport fixtures.lab"),
        ("fixtures/lab/cloud/x.py", "from fixtures.lab.handle import up\nfrom .. import settings"),
        ("reports/allure.py", "import allure\nfrom allure_commons import model2\nfrom probes.history import Mark"),
        ("tests/lab/x.py", "import pytest\nfrom fixtures.lab.keeper import main"),
        ("conftest.py", "import pytest"),
        ("probes/x.py", "from . import history\nimport json"),
    ],
)
def test_an_allowed_import_is_let_through(path: str, source: str) -> None:
    assert broken_imports(Path(path), source, frozenset({"up"})) == []


def test_a_long_function_and_a_long_file_are_found() -> None:
    assert too_long(Path("x.py"), "def f():\n" + "    pass\n" * 59) == []
    assert len(too_long(Path("x.py"), "def f():\n" + "    pass\n" * 60)) == 1
    assert len(too_long(Path("x.py"), "async def f():\n" + "    pass\n" * 60)) == 1
    assert too_long(Path("x.py"), "x = 1\n" * 399) == []
    assert len(too_long(Path("x.py"), "x = 1\n" * 400)) == 1
