"""Reads back from the workload what it still has of a vantage's writes.

Every key of the ledger that was sent before the audit began is asked for, whatever became of it; what is still in
flight then is waited for first. In bulk or in batches where the probe can, then one by one what was not answered. A
sampled audit asks for a share of the keys only, and never in bulk: a listing would read them all.
"""

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from probes.deadline import Deadline, DeadlinePassed
from probes.history import Operation
from probes.ledger import Entry, Ledger, whole_since_ns
from probes.probe import Answer, Asked, Batcher, Listed, Lister, Page, Probe, Sent, operation

# One page or one read may take so long: an audit is not judged by its speed, and a page is heavier than an operation.
ATTEMPT_S = 5.0
# A page that fails so often in a row ends the bulk pass; the deadline belongs to the single reads then.
PAGE_ATTEMPTS = 3
# Readers at a time, and how long one waits before it asks for the same key again.
READERS = 8
PAUSE_S = 0.2


@dataclass(frozen=True, kw_only=True)
class AuditContext:
    """What an audit needs of its vantage. `record` takes the operations, `stop` ends the audit early.

    `share` of the keys is read, chosen by `probes.ledger.in_sample`, and every key that was last sent within `whole_s`
    before the audit began. `site` is the site whose own name is asked, empty for the workload's public name.
    """

    vantage: str
    key_prefix: str
    ledger: Ledger
    record: Callable[[Operation], None]
    now_ns: Callable[[], int]
    stop: threading.Event
    share: float = 1.0
    whole_s: float = 0.0
    site: str = ""


@dataclass
class _Found:
    """What a listing says of one key, and when the pages that say it were asked for and read."""

    sent_ns: int
    done_ns: int
    answer: Answer
    items: list[Listed] = field(default_factory=list)


class Audit:
    """One audit of one probe's keys.

    Leaves one `audit` operation for each key: `ok` with what was seen, also where the workload says that it does not
    have the key; or `fail`/`in-doubt` where no attempt was answered, so that the key counts as unread. It carries the
    version and checksum that the workload should have. Keys that start with the prefix and were never sent are recorded
    too (version 0, no checksum). Each is due when the audit began: only writes that were sent before are judged by it.
    """

    def __init__(self, context: AuditContext, name: str, probe_name: str, probe: Probe, deadline: Deadline) -> None:
        self._context = context
        self._stream = f"audit {name} at {context.site}" if context.site else f"audit {name}"
        self._probe_name = probe_name
        self._probe = probe
        self._deadline = deadline
        self._seq = itertools.count()
        self._began_ns = 0

    def run(self) -> tuple[int, int]:
        """Do it: how many keys were asked for, and how many of them remain unread."""
        # Before the keys are taken: a write that is sent from here on may be among them or not, and is not asked for.
        self._began_ns = self._context.now_ns()
        ledger = self._context.ledger
        since_ns = whole_since_ns(self._began_ns, self._context.whole_s)
        keys = ledger.keys(self._probe_name, since_ns, self._context.share)
        self._wait(ledger.in_flight(self._probe_name))
        left = {entry.key: entry for entry in ledger.expected(self._probe_name, keys)}
        if self._context.share >= 1.0 and isinstance(self._probe, Lister) and self._probe.lists:
            self._bulk(self._probe, left)
        if left and isinstance(self._probe, Batcher):
            self._batches(self._probe, left)
        return len(keys), self._one_by_one(list(left.values()))

    def _wait(self, entries: list[Entry]) -> None:
        """Wait for operations in flight: they end at their own total deadlines, which are short."""
        while not self._over() and not self._context.ledger.wait_done(entries, PAUSE_S):
            pass

    def _over(self) -> bool:
        return self._deadline.passed or self._context.stop.is_set()

    def _attempt(self) -> Deadline:
        return Deadline(min(ATTEMPT_S, self._deadline.remaining_s()))

    # In bulk

    def _bulk(self, probe: Lister, left: dict[str, Entry]) -> None:
        """Read all pages; take what they answer out of `left`. Absence is only believed of a complete listing."""
        began_ns = self._context.now_ns()
        found, complete = self._listing(probe)
        for key, seen in found.items():
            entry = left.pop(key, None)
            if entry is not None:
                self._add(entry, seen.sent_ns, seen.done_ns, self._observed(seen, entry))
        for key in self._context.ledger.unknown(found):
            stranger = Entry(probe=self._probe_name, key=key, version=0, checksum="")
            self._add(stranger, found[key].sent_ns, found[key].done_ns, self._observed(found[key], stranger))
        if complete is not None:
            ended_ns = self._context.now_ns()
            for entry in left.values():
                self._add(entry, began_ns, ended_ns, Answer(outcome="ok", status=404, resolved_ip=complete.resolved_ip))
            left.clear()

    def _listing(self, probe: Lister) -> tuple[dict[str, _Found], Answer | None]:
        """What the pages hold, by key; and the last page's answer if every page was read, else None."""
        found: dict[str, _Found] = {}
        cursor, seen = "", {""}
        while True:
            sent_ns = self._context.now_ns()
            page = self._page(probe, cursor)
            done_ns = self._context.now_ns()
            if page is None:
                return found, None
            for item in page.items:
                entry = found.setdefault(item.key, _Found(sent_ns, done_ns, page.answer))
                entry.items.append(item)
                entry.done_ns = done_ns
            if not page.cursor:
                return found, page.answer
            if page.cursor in seen:
                # A listing that goes in circles is never complete.
                return found, None
            seen.add(page.cursor)
            cursor = page.cursor

    def _page(self, probe: Lister, cursor: str) -> Page | None:
        for _ in range(PAGE_ATTEMPTS):
            if self._over():
                return None
            page = probe.page(self._context.key_prefix, cursor, self._attempt())
            if page.answer.outcome == "ok":
                return page
            self._context.stop.wait(PAUSE_S)
        return None

    # Many at once

    def _batches(self, probe: Batcher, left: dict[str, Entry]) -> None:
        """Ask for `left` in batches, once each; take what is answered out of it."""
        entries = list(left.values())
        size = max(1, probe.batch_size)
        batches = [entries[start : start + size] for start in range(0, len(entries), size)]
        with ThreadPoolExecutor(READERS, thread_name_prefix="audit") as readers:
            for read in readers.map(lambda batch: self._batch(probe, batch), batches):
                for key in read:
                    del left[key]

    def _batch(self, probe: Batcher, entries: list[Entry]) -> list[str]:
        """Ask for some keys at once; those that were answered."""
        if self._over():
            return []
        sent_ns = self._context.now_ns()
        try:
            answers = probe.batch([_asked(entry) for entry in entries], self._attempt())
        except DeadlinePassed:
            return []
        done_ns = self._context.now_ns()
        read = [(e, a) for e, a in zip(entries, answers, strict=True) if a.outcome == "ok"]
        for entry, answer in read:
            self._add(entry, sent_ns, done_ns, answer)
        return [entry.key for entry, _ in read]

    # One by one

    def _one_by_one(self, entries: list[Entry]) -> int:
        """Read each key until it is answered or time is up; how many are unread."""
        if not entries:
            return 0
        with ThreadPoolExecutor(READERS, thread_name_prefix="audit") as readers:
            return sum(not read for read in readers.map(self._read, entries))

    def _read(self, entry: Entry) -> bool:
        sent_ns = self._context.now_ns()
        answer = Answer(outcome="fail", error="not read: the audit's time was up")
        while not self._over():
            sent_ns = self._context.now_ns()
            try:
                answer = self._ask(entry)
            except DeadlinePassed:
                break
            if answer.outcome == "ok":
                break
            self._context.stop.wait(PAUSE_S)
        self._add(entry, sent_ns, self._context.now_ns(), answer)
        return answer.outcome == "ok"

    def _ask(self, entry: Entry) -> Answer:
        return self._probe.send(_asked(entry), self._attempt())

    def _observed(self, found: _Found, entry: Entry) -> Answer:
        """What a listing says of one key: the newest version; of several of it, one with a wrong checksum."""
        newest = max(item.version if item.version is not None else entry.version for item in found.items)
        items = [item for item in found.items if item.version in (newest, None)]
        wanted = self._context.ledger.checksum(self._probe_name, entry.key, newest)
        chosen = next((item for item in items if item.checksum != wanted), items[0])
        return Answer(
            outcome="ok",
            status=found.answer.status,
            observed_version=newest,
            observed_checksum=chosen.checksum,
            effects=_effects(items),
            served_by=found.answer.served_by,
            resolved_ip=found.answer.resolved_ip,
        )

    def _add(self, entry: Entry, sent_ns: int, done_ns: int, answer: Answer) -> None:
        sent = Sent(
            vantage=self._context.vantage,
            probe=self._probe_name,
            stream=self._stream,
            seq=next(self._seq),
            due_ns=self._began_ns,
            sent_ns=sent_ns,
            done_ns=done_ns,
            site=self._context.site,
        )
        self._context.record(operation(sent, _asked(entry), answer))


def _asked(entry: Entry) -> Asked:
    return Asked(kind="audit", connection="pooled", key=entry.key, version=entry.version, checksum=entry.checksum)


def _effects(items: list[Listed]) -> int:
    """How often the store holds the key: as it says itself, or how often it lists it."""
    said = [item.effects for item in items if item.effects is not None]
    return max(said) if said else len(items)
