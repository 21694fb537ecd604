"""The TCP probe: does something listen and let go at a stream's target? A witness for databases."""

import socket

from probes.deadline import Deadline
from probes.history import Kind
from probes.network import Network, NotConnected
from probes.probe import Answer, Asked
from probes.spec import TcpProbe


class TcpSender:
    """Connects, says that it has nothing to say, and waits until the other side speaks or closes as well.

    Waiting is what tells a live server from a relay, proxy or kernel that accepts in place of a dead or frozen one:
    that resets the connection, or stays silent until the deadline. It needs a server that closes when its client
    does, as database servers do.
    """

    def __init__(self, settings: TcpProbe, network: Network) -> None:
        self._port = settings.port
        self._network = network

    def by_key(self, kind: Kind) -> bool:
        """Never: it only reads whether somebody is there. Raises `ValueError` for any kind but `read`."""
        if kind != "read":
            raise ValueError(f"a tcp probe has nothing to {kind}; its streams are of kind read")
        return False

    def send(self, asked: Asked, deadline: Deadline) -> Answer:
        """Connect and close once."""
        try:
            sock, ip = self._network.connect(asked.target, self._port, deadline)
        except NotConnected as error:
            return Answer(outcome="fail", error=str(error), resolved_ip=error.ip)
        with sock:
            try:
                sock.shutdown(socket.SHUT_WR)
                sock.recv(1)
            except TimeoutError:
                says = f"connected, then silent for {deadline.timeout_s:g} s"
                return Answer(outcome="in-doubt", error=says, resolved_ip=ip)
            except OSError as error:
                says = f"connected, then {error.strerror or error}"
                return Answer(outcome="in-doubt", error=says, resolved_ip=ip)
        return Answer(outcome="ok", resolved_ip=ip)

    def close(self) -> None:
        """Nothing is kept between operations."""


def build(settings: TcpProbe, network: Network) -> TcpSender:
    """Make the probe."""
    return TcpSender(settings, network)
