"""Every fault and every plan step is struck at each point of its way, and has to be put back: `python -m bench.matrix`.

Its process dies before each AWS call and each line of its journal, and after each took effect before anything else was
done; then another one puts it back, from the journal's file, or from its second home on another machine; or the dead
man does, alone, and the undo of the journal after it finds nothing to do. And each call fails once (throttled, a
failure of AWS's own, denied, expired credentials, no answer though it took effect); then the same process puts it back.
In each but the dead man's the undo itself is struck as well, and done again. What AWS says of everything
afterwards has to be what it said before, or the undo has to have said that it is not.
"""

import argparse
import io
import os
import random
import sys
import tempfile
import threading
import time as real_time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stderr, suppress
from dataclasses import dataclass, replace
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal, NamedTuple

from bench import dead_men
from bench.figures import write
from bench.points import DEATHS, FAILURES, Died, Points, Strike
from bench.subjects import BUCKET, BUCKET_REGION, Subject, faults, steps
from fixtures.aws import Cloud
from fixtures.dead_man import dead_man_of
from fixtures.errors import DrillError, Refused
from fixtures.journal import Journal
from fixtures.journal_elsewhere import Elsewhere, join_home
from fixtures.journal_home import JournalHome
from fixtures.journal_records import Home
from fixtures.undo import UndoReport, undo_all
from tests.fixtures.fake_cloud import FakeTime, header

Phase = Literal["doing", "undoing"]
From = Literal["file", "S3", "dead man"]
Worlds = Callable[[], AbstractContextManager[list[Subject]]]
GROUPS: tuple[Worlds, ...] = (faults, steps)
HOME = Home(bucket=BUCKET, region=BUCKET_REGION, key="dr-drills/orders/run-1.jsonl")


class Case(NamedTuple):
    """One run: struck in that phase at that point, and put back from there."""

    phase: Phase
    at: int
    strike: Strike
    source: From

    def __str__(self) -> str:
        return f"{self.strike} at point {self.at} of {self.phase}, put back from {self.source}"


@dataclass(frozen=True)
class Became:
    """What became of it: the name of the point where it was struck, and what the last undo said.

    `wrong` is what is not right, in a sentence, `refused` why it did not begin to change anything, and `after` what
    AWS says at the end.
    """

    struck: str
    clean: bool
    wrong: str = ""
    refused: str = ""
    after: Any = None


class Run:
    """One case of one subject, in a state folder of its own."""

    def __init__(self, subject: Subject, case: Case, folder: Path, before: Any = None) -> None:
        """`before`: what AWS says of everything now; None where that is not known."""
        self._subject, self._case, self._folder, self._before = subject, case, folder, before
        self._time = FakeTime()
        self._strike = Points(case.at, case.strike)
        self._refused = ""

    def became(self) -> Became:
        """Run it to its end."""
        make = self._subject.ready(self._time)
        before = self._subject.state() if self._before is None else self._before
        home = JournalHome(self._subject.cloud, HOME) if self._case.source == "S3" else None
        report = self._run(make, home)
        if self._case.source == "dead man" and self._strike.struck:
            return self._by_dead_man(before)
        after = self._subject.state()
        changed = [name for name, value in before.items() if after[name] != value]
        wrong = f"undo said clean, but not as before: {', '.join(changed)}" if changed and report.clean else ""
        if not changed and not report.clean:
            wrong = f"as before, but the undo said: {report}"
        return Became(self._strike.struck, report.clean, wrong, self._refused, after)

    def _run(self, make: Callable[[Journal], object], home: JournalHome | None) -> UndoReport:
        journal: Journal | None = None
        doing = self._strike if self._case.phase == "doing" else Points()
        with doing.counted(), suppress(Died, DrillError):
            journal = self._open(home)
            try:
                make(journal)
            except Refused as refused:
                self._refused = str(refused)
        self._subject.settled()
        undoing = self._strike if self._case.phase == "undoing" else Points()
        report: UndoReport | None = None
        if journal is not None and not (doing.struck and self._case.strike in DEATHS):
            with journal, undoing.counted(), suppress(Died):
                report = self._undo(journal)
                journal.close()
        elif journal is not None:
            journal.__exit__(None, None, None)  # dead processes hold nothing
        died = self._case.strike in DEATHS
        if self._case.source == "dead man" and died:
            return UndoReport(entries=())  # nobody is left to undo anything
        return self._again(report) if died or report is None or not report.clean else report

    def _open(self, home: JournalHome | None) -> Journal:
        return opened(self._folder, self._time, self._case.source, self._subject.cloud, home)

    def _by_dead_man(self, before: dict[str, Any]) -> Became:
        """It fires, alone; then the journal is undone, and has to find everything as before."""
        ended = dead_men.fired(self._subject.cloud, self._time)
        clean = all(one["status"] == "SUCCEEDED" for one in ended.values())
        after = self._subject.state()
        wrong = [f"not as before: {name}" for name, value in before.items() if after[name] != value]
        wrong += [f"it says {one['told']} in {region}" for region, one in ended.items() if one["status"] != "SUCCEEDED"]
        report = self._again(None)
        if self._subject.state() != after:
            wrong.append("the journal's undo changed something more")
        if not report.clean:
            wrong.append(f"the journal's undo says: {report}")
        wrong += dead_men.left_armed(self._subject.cloud)
        return Became(self._strike.struck, clean and report.clean, "; ".join(wrong), self._refused, after)

    def _again(self, report: UndoReport | None) -> UndoReport:
        """As another process would, from the file, or on another machine."""
        folder = self._folder
        if self._case.source == "S3":
            folder = self._folder / "another machine"
            Elsewhere(self._subject.cloud, BUCKET, BUCKET_REGION, "").bring(folder, "", _silent, forced=True)
        for path in sorted(folder.glob("[!.]*.jsonl")):
            with Journal.take_over(path, stamp=self._time.stamp) as journal:
                join_home(journal, self._subject.cloud, _silent, forced=True)
                dead_man_of(journal, self._subject.cloud)
                report = self._undo(journal)
                journal.close()
        return report or UndoReport(entries=())

    def _undo(self, journal: Journal) -> UndoReport:
        return undo_all(journal, self._subject.cloud, clock=self._time.clock, sleep=self._time.sleep, say=_silent)


def opened(folder: Path, time: FakeTime, source: From, cloud: Cloud, home: JournalHome | None) -> Journal:
    """A journal, with what is to put it back."""
    fields = {"dead_man": dead_men.PLACE} if source == "dead man" else {}
    journal = Journal.open(folder, header(**fields), stamp=time.stamp, home=home)
    if source == "dead man":
        dead_men.arm(journal, cloud, time)
    return journal


def _silent(_says: str) -> None:
    """Nobody listens."""


def cases_of(subject: Subject, strikes: Sequence[Strike], sources: Sequence[From]) -> Iterator[Case]:
    """Every such case: the subject is run once for each source, to count the points on its way."""
    for source in sources:
        time = FakeTime()
        doing, undoing = Points(), Points()
        with tempfile.TemporaryDirectory() as folder, _deployed(subject, source):
            home = JournalHome(subject.cloud, HOME) if source == "S3" else None
            make = subject.ready(time)
            with doing.counted():
                journal = opened(Path(folder), time, source, subject.cloud, home)
                make(journal)
            subject.settled()
            with journal, undoing.counted():
                undo_all(journal, subject.cloud, clock=time.clock, sleep=time.sleep, say=_silent)
                journal.close()
        counted: tuple[tuple[Phase, Points], ...] = (("doing", doing), ("undoing", undoing))
        for phase, points in counted:
            for strike in strikes:
                for at in range(len(points.passed if strike in DEATHS else points.calls)):
                    yield Case(phase, at, strike, source)


def all_cases(subject: Subject) -> list[Case]:
    """Deaths, put back in both ways; and failures, those of the second home's own calls among them."""
    return [*cases_of(subject, DEATHS, ("file", "S3")), *cases_of(subject, FAILURES, ("S3",))]


def dead_man_cases(subject: Subject) -> list[Case]:
    """Deaths, put back by the dead man. None where it refuses to be armed for what it cannot put back."""
    try:
        return list(cases_of(subject, DEATHS, ("dead man",)))
    except Refused as refused:
        print(f"{subject.name:28} no case of the dead man: {refused}", flush=True)
        return []


def _deployed(subject: Subject, source: From) -> AbstractContextManager[None]:
    return dead_men.deployed(subject.cloud) if source == "dead man" else nullcontext()


def struck(subject: Subject, case: Case, before: Any = None) -> Became:
    """Run one case; `before` as Run has it."""
    silent = redirect_stderr(io.StringIO())
    with tempfile.TemporaryDirectory() as folder, silent, _deployed(subject, case.source):
        became = Run(subject, case, Path(folder), before).became()
    with suppress(Exception):
        subject.cloud.client("s3", BUCKET_REGION, "plan").delete_object(Bucket=BUCKET, Key=HOME.key)
    return became


@contextmanager
def world_of(group: Worlds, name: str) -> Iterator[Subject]:
    """A fresh world with the subject of that name."""
    with group() as subjects:
        yield next(one for one in subjects if one.name == name)


class Share(NamedTuple):
    """A part of one subject's cases: every `of`th from number `at` on, of a sample of them where `sample` is not 0."""

    group: Worlds
    name: str
    at: int
    of: int
    sample: int
    seed: int

    def cases(self) -> list[Case]:
        """Its cases, found by running its subject once for each way to put it back."""
        with world_of(self.group, self.name) as subject:
            cases = [*all_cases(subject), *dead_man_cases(subject)]
        if self.sample:
            chance = random.Random(f"{self.seed} {self.name}")  # a choice of cases, nothing secret
            cases = chance.sample(cases, min(self.sample, len(cases)))
        return cases[self.at :: self.of]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all cases, or a sample of each subject's; 1 if one of them is not right."""
    parser = argparse.ArgumentParser(prog="python -m bench.matrix", description=__doc__)
    parser.add_argument("--sample", type=int, default=0, help="so many cases of each subject (default: all)")
    parser.add_argument("--seed", type=int, default=1, help="by which a sample is chosen")
    parser.add_argument("--only", default="", help="subjects whose names hold this")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one for each core)")
    given = parser.parse_args(arguments)
    shares, rows = [], []
    for group in GROUPS:
        with group() as subjects:
            names = [one.name for one in subjects if given.only in one.name]
        shares += [
            [Share(group, name, at, given.jobs, given.sample, given.seed) for at in range(given.jobs)] for name in names
        ]
    with ProcessPoolExecutor(given.jobs, get_context("spawn"), _ends_with, (os.getpid(),)) as pool:
        began = [[pool.submit(_run, share) for share in of] for of in shares]
        for of, running in zip(shares, began, strict=True):
            rows.append(_row(of[0].name, [one.result() for one in running]))
    path = write("matrix", subjects=rows, sample=given.sample, seed=given.seed)
    wrong = sum(len(row["wrong"]) for row in rows)
    print(f"{sum(row['cases'] for row in rows)} cases, {wrong} of them not right; {path}")
    return 1 if wrong else 0


def _ends_with(parent: int) -> None:
    """Have this process end when its parent has, however that one ended."""

    def watch() -> None:
        while os.getppid() == parent:
            real_time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _row(name: str, shares: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One subject's line, of all its shares."""
    said = sum((Counter(one["said"]) for one in shares), Counter[str]())
    row = {
        "subject": name,
        "cases": sum(one["cases"] for one in shares),
        "said": dict(said),
        "wrong": [wrong for one in shares for wrong in one["wrong"]],
        "took_s": round(sum(one["took_s"] for one in shares), 1),
    }
    for told in (told for one in shares for told in one["told"]):
        print(f"   {told}", flush=True)
    wrong = len(row["wrong"])
    print(f"{name:28} {row['cases']:5} cases  {dict(said)}  {wrong} wrong  {row['took_s']:.0f} s", flush=True)
    return row


def _run(share: Share) -> dict[str, Any]:
    began, ran, wrong, told, said = real_time.monotonic(), 0, [], [], Counter[str]()
    cases = share.cases()
    left = iter(cases)
    for case in left:
        with world_of(share.group, share.name) as subject:  # a fresh one after each that went wrong
            before = None
            for one in chain([case], left):
                became = struck(subject, one, before)
                before = became.after if subject.lasts else None
                if not became.struck:
                    became = replace(became, wrong=f"it was never struck; {became.wrong}")
                ran += 1
                said["clean" if became.clean else "dirty"] += 1
                if became.wrong:
                    wrong.append(f"{one} ({became.struck}): {became.wrong}")
                    told.append(wrong[-1])
                    break
                if not became.clean:
                    told.append(f"dirty, and says so: {one} ({became.struck})")
                    break
    took_s = real_time.monotonic() - began
    if ran != len(cases):
        raise RuntimeError(f"{ran} of {len(cases)} cases of {share.name} were run")
    return {"cases": ran, "said": dict(said), "wrong": wrong, "told": told, "took_s": took_s}


if __name__ == "__main__":
    sys.exit(main())
