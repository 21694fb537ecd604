"""The rig in a process of its own, and its words."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from bench.rig.names import ADDRESSES, NAME
from bench.rig.script import Script
from bench.rig.truth import Doors, Truth

ROOT = Path(__file__).resolve().parents[2]
# The zone that the dial map is for, and the port of the virtual addresses.
ZONE = "client"
_PORT = 80

_T = TypeVar("_T")


class RigLost(Exception):
    """The rig's process ended by itself; its stderr says why."""


class Rig:
    """A rig that runs. `url` is where it serves; `url_by_name` the same by a name whose address may turn."""

    def __init__(self, process: subprocess.Popen[bytes], script: Script) -> None:
        self._process = process
        self.script = script
        self.doors = self._ask(msgspec.json.encode(script), Doors)
        self.url = f"http://127.0.0.1:{self.doors.first}"
        self.component_url = f"http://127.0.0.1:{self.doors.component}"
        self.control_url = f"http://127.0.0.1:{self.doors.control}"
        self.url_by_name = f"http://{NAME.rstrip('.')}:{_PORT}"
        self.resolver = f"127.0.0.1:{self.doors.names}"

    def begin(self) -> int:
        """Start the script; its zero, in ns of `time.monotonic_ns`."""
        return self._ask(b"begin", int)

    def heal(self) -> int:
        """Give back what was only late; when that was done."""
        return self._ask(b"heal", int)

    def truth(self) -> Truth:
        """What it did up to now."""
        return self._ask(b"truth", Truth)

    def write_dial_map(self, path: Path) -> None:
        """Write where the virtual addresses of the name are, as seen from the zone `client`."""
        doors = zip(ADDRESSES, (self.doors.first, self.doors.second), strict=True)
        path.write_bytes(msgspec.json.encode({f"{ZONE} {ip}:{_PORT}": f"127.0.0.1:{port}" for ip, port in doors}))

    def _ask(self, word: bytes, of: type[_T]) -> _T:
        assert self._process.stdin is not None  # noqa: S101  PIPE was asked for; for the type checker
        assert self._process.stdout is not None  # noqa: S101  the same
        self._process.stdin.write(word + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RigLost(f"the rig ended while it was asked to {word[:20]!r}")
        return msgspec.json.decode(line, type=of)


@contextmanager
def rig(script: Script) -> Iterator[Rig]:
    """Such a rig; the process is gone afterwards. It also ends by itself when its owner dies."""
    command = [sys.executable, "-m", "bench.rig.service"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield Rig(process, script)
        finally:
            process.kill()
