"""Names to addresses, asked of the resolver that the workload file names, each answer kept for its own TTL.

An operating system's client honours the TTL even when it opens a fresh connection each time, so both connection
styles share one cache. Failed look-ups are not kept.
"""

import ipaddress
import itertools
import threading
import time

import dns.exception
import dns.rdatatype
import dns.resolver

from probes.deadline import Deadline

# One lost datagram must not cost the whole of an operation's deadline; stub resolvers ask again after seconds.
ASK_AGAIN_S = 0.4
# RFC 6761, section 6.3: never asked of a server.
LOCALHOST = ("localhost", "localhost.")
# What is said of a name that the resolver knows of for certain that it leads nowhere.
NO_SUCH_NAME = "no such name"
NO_ADDRESS = "no address"


class ResolveError(Exception):
    """The name has no address now; nothing was sent."""


class NameResolver:
    """A caching stub resolver. `server` is `host:port`, or `system` for the servers of /etc/resolv.conf.

    The machine's hosts file is not read: a name stands for what DNS says of it.
    """

    def __init__(self, server: str) -> None:
        self._resolver = dns.resolver.Resolver(configure=server == "system")
        self._resolver.timeout = ASK_AGAIN_S
        if server != "system":
            host, _, port = server.rpartition(":")
            self._resolver.nameservers = [host.strip("[]")]
            self._resolver.port = int(port)
        self._kept: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._lock = threading.Lock()
        self._turn = itertools.count()

    def address(self, name: str, deadline: Deadline) -> str:
        """One address of `name`.

        Of several, each look-up takes the next in turn, so that a part of the addresses failing shows as that part
        of the operations failing. Raises `ResolveError`, also when the deadline passes first.
        """
        if _is_address(name):
            return name
        if name in LOCALHOST:
            return "127.0.0.1"
        addresses = self._addresses(name, deadline)
        return addresses[next(self._turn) % len(addresses)]

    def _addresses(self, name: str, deadline: Deadline) -> tuple[str, ...]:
        with self._lock:
            until_s, kept = self._kept.get(name, (0.0, ()))
        if time.monotonic() < until_s:
            return kept
        addresses, ttl_s = self._ask(name, deadline)
        with self._lock:
            self._kept[name] = (time.monotonic() + ttl_s, addresses)
        return addresses

    def _ask(self, name: str, deadline: Deadline) -> tuple[tuple[str, ...], float]:
        """Ask for IPv4 addresses, and for IPv6 ones where there are none.

        dnspython turns to TCP for an answer that UDP cut short.
        """
        try:
            try:
                answer = self._resolver.resolve(name, "A", lifetime=deadline.remaining_s())
            except dns.resolver.NoAnswer:
                answer = self._resolver.resolve(name, "AAAA", lifetime=deadline.remaining_s())
        except dns.resolver.NXDOMAIN:
            raise ResolveError(f"resolve {name}: {NO_SUCH_NAME}") from None
        except dns.resolver.NoAnswer:
            raise ResolveError(f"resolve {name}: {NO_ADDRESS}") from None
        except (dns.exception.Timeout, TimeoutError):
            raise ResolveError(f"resolve {name}: no answer from the resolver") from None
        except (dns.exception.DNSException, OSError) as error:
            raise ResolveError(f"resolve {name}: {_first_line(error)}") from error
        return tuple(str(record.address) for record in answer), float(answer.chaining_result.minimum_ttl)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
