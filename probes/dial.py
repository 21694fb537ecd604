"""Where to dial an address.

In the lab a virtual address is reached through a relay on this machine; on AWS an address is dialled as it is.
"""

import ipaddress
import threading
from pathlib import Path

import msgspec


class NoRoute(Exception):
    """The dial map has no way from this zone to that address; nothing was sent."""


class DialMap:
    """Looks up `(ip, port)` as seen from `zone` in a JSON file of `{"<zone> <ip>:<port>": "<host>:<port>"}`.

    The file is read again whenever it changed; it must be replaced as a whole (renamed into place). With no file
    every address is dialled as it is. With one, an address that it does not hold is not dialled at all: a virtual
    address may exist for real in somebody's network. Loopback is dialled as it is.
    """

    def __init__(self, path: Path | None, zone: str) -> None:
        self._path = path
        self._zone = zone
        self._seen: tuple[int, int, int] | None = None
        self._map: dict[str, str] = {}
        self._lock = threading.Lock()

    def dial(self, ip: str, port: int) -> tuple[str, int]:
        """Host and port to dial for `ip` and `port`. Raises `NoRoute`."""
        if self._path is None or ipaddress.ip_address(ip).is_loopback:
            return ip, port
        found = self._current(self._path).get(f"{self._zone} {ip}:{port}")
        if found is None:
            raise NoRoute(f"connect {ip}:{port}: no route from {self._zone}")
        host, _, real = found.rpartition(":")
        return host, int(real)

    def _current(self, path: Path) -> dict[str, str]:
        try:
            now = path.stat()
            seen = (now.st_mtime_ns, now.st_ino, now.st_size)
            with self._lock:
                if seen != self._seen:
                    self._map = msgspec.json.decode(path.read_bytes(), type=dict[str, str])
                    self._seen = seen
                return self._map
        except (OSError, msgspec.MsgspecError) as error:
            raise NoRoute(f"dial map {path.name}: {error}") from error
