"""How a vantage reaches an address: resolver, dial map, deadline."""

import ipaddress
import socket
from dataclasses import dataclass

from probes.deadline import Deadline, DeadlineSocket
from probes.dial import DialMap, NoRoute
from probes.resolve import NameResolver, ResolveError


class NotConnected(Exception):
    """No connection came to be, so nothing of the operation can have been done.

    `ip` is empty where the name itself did not resolve.
    """

    def __init__(self, says: str, ip: str = "") -> None:
        super().__init__(says)
        self.ip = ip


@dataclass(frozen=True)
class Network:
    """The vantage's way out."""

    resolver: NameResolver
    dial_map: DialMap

    def locate(self, host: str, port: int, deadline: Deadline) -> tuple[str, int, str]:
        """Where to dial `host` within the deadline: real address and port, and the address that the name stood for.

        Raises `NotConnected`.
        """
        ip = ""
        try:
            ip = self.resolver.address(host, deadline)
            real_host, real_port = self.dial_map.dial(ip, port)
        except (ResolveError, NoRoute) as error:
            raise NotConnected(str(error), ip) from error
        # The map may say "localhost", which has no address family of its own.
        return "127.0.0.1" if real_host == "localhost" else real_host, real_port, ip

    def connect(self, host: str, port: int, deadline: Deadline) -> tuple[DeadlineSocket, str]:
        """Open a TCP connection to `host` within the deadline: the socket, and the address that the name stood for.

        One address is tried, once. Raises `NotConnected`.
        """
        real_host, real_port, ip = self.locate(host, port, deadline)
        try:
            return _open(real_host, real_port, deadline), ip
        except TimeoutError as error:
            raise NotConnected(f"connect {ip}:{port}: no answer within {deadline.timeout_s:g} s", ip) from error
        except ConnectionRefusedError as error:
            raise NotConnected(f"connect {ip}:{port}: refused", ip) from error
        except OSError as error:
            raise NotConnected(f"connect {ip}:{port}: {error.strerror or error}", ip) from error


def _open(host: str, port: int, deadline: Deadline) -> DeadlineSocket:
    family = socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET  # noqa: PLR2004  IPv6
    sock = DeadlineSocket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(deadline.remaining_s())
        sock.connect((host, port))
        sock.deadline = deadline
        # What wraps the socket before its first read (the TLS handshake) must not start with a spent timeout.
        sock.settimeout(deadline.remaining_s())
    except BaseException:
        sock.close()
        raise
    return sock
