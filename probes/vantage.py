"""The process that asks: `python -m probes.vantage`, a place outside the blast radius that probes are sent from.

It reads a `VantageSpec` from the first line of stdin and commands from the next ones (`probes.commands`), and ends
when it is told to or when stdin ends: its runner died then. It ignores SIGINT, because the runner decides what
Ctrl-C means; SIGTERM ends it in order.
"""

import contextlib
import gc
import os
import platform
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import msgspec

from probes.audit import Audit, AuditContext
from probes.clock import ClockBase, read_clocks, slept_ns, start_clock
from probes.commands import Command, Reply
from probes.deadline import Deadline
from probes.dial import DialMap
from probes.heartbeat import Heartbeats
from probes.history import ClockReading, Header, Operation, Role
from probes.ledger import Ledger
from probes.network import Network
from probes.offset import known_offset
from probes.pacer import Pacer
from probes.probe import Probe, build_probe
from probes.purge import Purge, purging
from probes.record import Recorder, RecordingFailed
from probes.redaction import RedactedText, Redactor
from probes.resolve import NameResolver
from probes.site import NoSiteRequest, SiteProbes
from probes.spec import VantageSpec
from probes.transactions import Transactions

EXIT_OK = 0
EXIT_SPEC = 2
EXIT_RECORDING = 3
EXIT_BUG = 4

# The schedule begins so long after everything is set up.
LEAD_NS = 50_000_000
# How long a thread may keep the interpreter from the others; the default of 5 ms would show as slip.
SWITCH_S = 0.0005
# How often the clocks are read: judging sees a step and a standstill to this.
CLOCKS_S = 1.0


class ClockWatch:
    """Reads the vantage's clocks every second and hands each reading to `note`, from `start` to `stop`.

    Judging sees by it a wall clock that steps (and steps back), a machine that slept, and a vantage that stood still:
    one that was stopped neither sends nor reads its clocks. `on_error` gets what `note` raises: a bug.
    """

    def __init__(
        self, base: ClockBase, note: Callable[[ClockReading], None], on_error: Callable[[BaseException], None]
    ) -> None:
        self._base = base
        self._note = note
        self._on_error = on_error
        self._slept_ns = slept_ns()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clocks", daemon=True)

    def start(self) -> None:
        """Take the first reading soon, and go on."""
        self._thread.start()

    def stop(self) -> None:
        """Take the last reading, and no more when this returns."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def read(self) -> ClockReading:
        """What the clocks say now."""
        now_ns, utc_ns = read_clocks()
        slept = slept_ns()
        asleep_ns = None if slept is None or self._slept_ns is None else slept - self._slept_ns
        return ClockReading(at_ns=now_ns - self._base.mono_ns, utc_ns=utc_ns, asleep_ns=asleep_ns)

    def _run(self) -> None:
        try:
            self._note(self.read())
            while not self._stop.wait(CLOCKS_S):
                self._note(self.read())
            self._note(self.read())
        except BaseException as error:  # noqa: BLE001  a watch that died in silence would look like a standstill
            self._on_error(error)


class Vantage:
    """One vantage at work.

    Making it starts nothing but the recorder; raises `ValueError` for a wrong spec and `OSError` where the history
    cannot be written.
    """

    def __init__(self, spec: VantageSpec, die: Callable[[str, int], None]) -> None:
        self._spec = spec
        self._stop = threading.Event()
        self._ledger = Ledger()
        base = start_clock(known_offset())
        self._now_ns = base.now_ns
        dial_map = DialMap(Path(spec.dial_map) if spec.dial_map else None, spec.zone)
        self._network = network = Network(NameResolver(spec.resolver.server), dial_map)
        self._probes = {name: build_probe(settings, network) for name, settings in spec.probes.items()}
        self._at_sites = SiteProbes(spec.probes, network)
        stale, beating = self._asking_sites("stale"), self._asking_sites("heartbeat")
        transactions = Transactions(spec, self._probes, self._ledger, self._record, base.now_ns, at_sites=stale)
        heartbeats = Heartbeats(spec, beating, self._ledger, self._record, base.now_ns)

        def send(index: int, seq: int, due_ns: int) -> None:
            if spec.streams[index].role == "heartbeat":
                heartbeats.send(spec.streams[index], seq, due_ns)
            else:
                transactions.send(index, seq, due_ns)

        def bug(error: BaseException) -> None:
            die(f"a bug: {error!r}", EXIT_BUG)

        self._pacer = Pacer(spec.streams, send, base.now_ns, bug)
        header = Header(
            vantage=spec.name,
            base=base,
            streams=spec.streams,
            run=spec.run,
            drill=spec.drill,
            key_prefix=spec.key_prefix,
            host=platform.node(),
            audit_share=spec.audit_share,
            audit_whole_s=spec.audit_whole_s,
            audit_trail_s=spec.audit_trail_s,
        )
        path = Path(spec.folder) / f"history-{spec.name}.jsonl"
        redactor = Redactor(spec.redaction)
        self._recorder = Recorder(path, header, lambda error: die(str(error), EXIT_RECORDING), redactor)
        self._clocks = ClockWatch(base, self._recorder.note, bug)

    def _asking_sites(self, role: Role) -> dict[str, Probe]:
        return {s.name: self._at_sites.at(s.probe, s.target) for s in self._spec.streams if s.role == role}

    def _record(self, operation: Operation) -> None:
        self._recorder.add(operation)

    def start(self) -> None:
        """Begin the schedule, and to read the clocks."""
        self._clocks.start()
        self._pacer.start(self._now_ns() + LEAD_NS)

    def audit(self, name: str, deadline_s: float, host: str = "", site: str = "") -> Reply:
        """Read back every write of every probe that wrote. What it found is on the disk when this returns.

        With `host` that host is asked, the own name of `site`. A probe that no host leads to a site for leaves no
        operation: all of its keys are unread there.
        """
        deadline = Deadline(deadline_s)
        context = AuditContext(
            vantage=self._spec.name,
            key_prefix=self._spec.key_prefix,
            ledger=self._ledger,
            record=self._recorder.add,
            now_ns=self._now_ns,
            stop=self._stop,
            share=self._spec.audit_share,
            whole_s=self._spec.audit_whole_s,
            site=site,
        )
        keys = unread = 0
        for probe in self._ledger.probes():
            try:
                sender = self._at_sites.at(probe, host) if host else self._probes[probe]
            except NoSiteRequest:
                left_out = len(self._ledger.keys(probe))
                keys, unread = keys + left_out, unread + left_out
                continue
            asked, missed = Audit(context, name, probe, sender, deadline).run()
            keys += asked
            unread += missed
        self._recorder.flush()
        return Reply(audited=name, keys=keys, unread=unread)

    def purge(self, deadline_s: float) -> Reply:
        """Send nothing more, then delete what was written."""
        self._pacer.stop()
        deadline, keys, left = Deadline(deadline_s), 0, 0
        for name in self._ledger.probes():
            with contextlib.closing(build_probe(purging(self._spec.probes[name]), self._network)) as probe:
                sent, kept = Purge(probe, deadline, self._stop).run(self._ledger, name)
            keys, left = keys + sent, left + kept
        return Reply(purged=True, keys=keys, left=left)

    def end_audits(self) -> None:
        """Make an audit that is under way end soon; what it has not read counts as unread."""
        self._stop.set()

    def end(self) -> Reply:
        """Send nothing more, wait for what is in flight, close the history."""
        self._pacer.stop()
        self._clocks.stop()
        end = self._recorder.end(self._pacer.unsent, start_clock())
        for probe in self._probes.values():
            probe.close()
        self._at_sites.close()
        return Reply(stopped=True, operations=end.operations, unsent=end.unsent)


class Mouth:
    """Says replies on stdout, whole lines whoever speaks. A runner that is gone hears nothing and is not missed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def say(self, reply: Reply) -> None:
        """Say one reply."""
        with self._lock, contextlib.suppress(OSError, ValueError):
            sys.stdout.buffer.write(msgspec.json.encode(reply) + b"\n")
            sys.stdout.buffer.flush()

    def die(self, says: str, code: int) -> NoReturn:
        """End the process at once and loudly: what it would go on doing could not be recorded."""
        self.say(Reply(error=says))
        os._exit(code)


def serve(vantage: Vantage, mouth: Mouth) -> None:
    """Obey commands until told to stop or until stdin ends."""
    with ThreadPoolExecutor(1, thread_name_prefix="audits") as audits:
        try:
            for line in sys.stdin.buffer:
                command = msgspec.json.decode(line, type=Command)
                if command.stop:
                    break
                if command.audit is not None or command.purge:
                    audits.submit(_obey, vantage, mouth, command)
        except msgspec.MsgspecError as error:
            mouth.die(f"a command that is none: {error}", EXIT_SPEC)
        except _Terminated:
            pass
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            vantage.end_audits()


def _obey(vantage: Vantage, mouth: Mouth, command: Command) -> None:
    try:
        if command.audit is not None:
            mouth.say(vantage.audit(command.audit, command.deadline_s, command.host, command.site))
        else:
            mouth.say(vantage.purge(command.deadline_s))
    except BaseException as error:  # noqa: BLE001  a thread pool would keep it to itself
        mouth.die(f"audit {command.audit}: {error!r}" if command.audit else f"purge: {error!r}", EXIT_BUG)


class _Terminated(BaseException):
    """SIGTERM came."""


def _terminate(_signum: int, _frame: object) -> None:
    raise _Terminated


def main() -> int:
    """Run one vantage; the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    mouth = Mouth()
    try:
        spec = msgspec.json.decode(sys.stdin.buffer.readline(), type=VantageSpec)
        sys.stderr = RedactedText(sys.stderr, Redactor(spec.redaction))
        vantage = Vantage(spec, mouth.die)
    except (ValueError, OSError) as error:
        mouth.say(Reply(error=str(error)))
        return EXIT_RECORDING if isinstance(error, RecordingFailed) else EXIT_SPEC
    sys.setswitchinterval(SWITCH_S)
    # What is there now stays: the collector need not walk it again and again while operations are timed.
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGTERM, _terminate)
    vantage.start()
    mouth.say(Reply(ready=True))
    serve(vantage, mouth)
    mouth.say(vantage.end())
    return EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
