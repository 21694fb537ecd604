"""The rig's DNS responder: one name, whose address turns. It remembers when it said what."""

import asyncio
import time
from typing import cast

import dns.flags
import dns.message
import dns.rdataclass
import dns.rdatatype
import dns.rrset

NAME = "orders.rig."
# Virtual addresses; the dial map says where they are.
ADDRESSES = ("10.9.0.1", "10.9.0.2")


class Names(asyncio.DatagramProtocol):
    """Answers A queries for the name over UDP. `said` holds (ns before it left, which address)."""

    def __init__(self, ttl_s: int) -> None:
        self._ttl_s = ttl_s
        self._transport: asyncio.DatagramTransport | None = None
        self._turned = False
        self.said: list[tuple[int, int]] = []

    def turn(self) -> None:
        """From here on say the second address."""
        self._turned = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = dns.message.make_response(dns.message.from_wire(data))
        reply.flags |= dns.flags.AA
        asked = reply.question[0]
        if asked.name.to_text() == NAME and asked.rdtype == dns.rdatatype.A:
            reply.answer.append(
                dns.rrset.from_text(NAME, self._ttl_s, dns.rdataclass.IN, dns.rdatatype.A, ADDRESSES[self._turned])
            )
        self.said.append((time.monotonic_ns(), int(self._turned)))
        if self._transport is not None:
            self._transport.sendto(reply.to_wire(), addr)

    def forgotten_ns(self) -> tuple[int, int] | None:
        """When the old answer was forgotten: from the last one of it + TTL to the first new one. None: not yet."""
        old = [at_ns for at_ns, which in self.said if which == 0]
        new = [at_ns for at_ns, which in self.said if which == 1]
        if not old or not new:
            return None
        return min(max(old) + self._ttl_s * 1_000_000_000, *new), min(new)
