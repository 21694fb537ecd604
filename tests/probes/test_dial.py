import json
from pathlib import Path

import pytest

from probes.dial import DialMap, NoRoute


def write(path: Path, entries: dict[str, str]) -> None:
    """Replace the file as a whole, as the fabric does."""
    new = path.with_suffix(".new")
    new.write_text(json.dumps(entries))
    new.replace(path)


def test_without_a_map_an_address_is_dialled_as_it_is() -> None:
    assert DialMap(None, "client").dial("10.1.0.10", 80) == ("10.1.0.10", 80)


def test_the_zone_decides(tmp_path: Path) -> None:
    path = tmp_path / "dialmap.json"
    write(path, {"client 10.1.0.10:80": "127.0.0.1:4001", "eu-west-1a 10.1.0.10:80": "127.0.0.1:4002"})
    assert DialMap(path, "client").dial("10.1.0.10", 80) == ("127.0.0.1", 4001)
    assert DialMap(path, "eu-west-1a").dial("10.1.0.10", 80) == ("127.0.0.1", 4002)


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "dialmap.json"
    write(path, {"client 10.1.0.10:80": "127.0.0.1:4001"})
    dial_map = DialMap(path, "client")
    dial_map.dial("10.1.0.10", 80)
    write(path, {"client 10.1.0.10:80": "127.0.0.1:4009"})
    assert dial_map.dial("10.1.0.10", 80) == ("127.0.0.1", 4009)


def test_an_address_that_is_not_in_the_map_is_never_dialled(tmp_path: Path) -> None:
    path = tmp_path / "dialmap.json"
    write(path, {})
    with pytest.raises(NoRoute, match=r"10\.1\.0\.10:80: no route from client"):
        DialMap(path, "client").dial("10.1.0.10", 80)
    assert DialMap(path, "client").dial("127.0.0.1", 80) == ("127.0.0.1", 80)


@pytest.mark.parametrize("content", [None, "{", '{"a": 1}'])
def test_a_map_that_cannot_be_read_is_no_route(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "dialmap.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(NoRoute, match=r"dialmap\.json"):
        DialMap(path, "client").dial("10.1.0.10", 80)
