"""Convergence: whether every site, asked by its own name, holds the same data.

The same audit is made at each site while clients go on writing, so only keys are compared that nothing was sent for in
the time from `QUIET_NS` before the first of these audits began to the end of the last: a replica may trail that far.
"""

from collections.abc import Iterable, Mapping

import msgspec

from probes.history import History, Operation
from probes.ledger import in_sample
from reports.bounds import NS_PER_S
from reports.gates import Gate
from reports.ledger import Audit, all_audits
from reports.model import Convergence, Finding, Judgement
from reports.sent import all_changes
from reports.series import names_of

CHECK = "convergence"
QUIET_NS = 5 * NS_PER_S
# Keys that the sentence names; the operations name more.
_SHOWN = 5
_ABSENT = "not there"

State = tuple[int | None, str | None, int | None]  # version, checksum, effects; a version of None: the key is not there


class Compared(msgspec.Struct, frozen=True):
    """One audit at several sites. `differing` and `unread` have, by key, each site's answer (None: it gave none)."""

    name: str
    sites: tuple[str, ...]
    keys: int
    differing: dict[str, dict[str, Operation | None]]
    unread: dict[str, dict[str, Operation | None]]

    @property
    def verdict(self) -> Judgement:
        """Fail if anything differs, inconclusive if something was not read or nothing was compared."""
        if self.differing:
            return "fail"
        return "inconclusive" if self.unread or not self.keys else "pass"


def comparisons(history: History) -> list[Compared]:
    """Each audit that was made at two sites or more, in time order: the last one says how the drill has left them."""
    several = [(name, audits) for name, audits in _site_audits(history).items() if len(audits) > 1]
    several.sort(key=lambda one: min(audit.began_ns for audit in one[1].values()))
    return [_compare(history, name, audits) for name, audits in several]


def _site_audits(history: History) -> dict[str, dict[str, Audit]]:
    sites = sorted({o.site for o in history.operations if o.kind == "audit" and o.site})
    found: dict[str, dict[str, Audit]] = {}
    for site in sites:
        for audit in all_audits(history, site):
            name = audit.name.removeprefix("audit ").removesuffix(f" at {site}")
            found.setdefault(name, {})[site] = audit
    return found


def _compare(history: History, name: str, audits: Mapping[str, Audit]) -> Compared:
    differing: dict[str, dict[str, Operation | None]] = {}
    unread: dict[str, dict[str, Operation | None]] = {}
    keys = _quiet(history, audits.values())
    for key in sorted(keys):
        answers = {site: audit.answers.get(key) for site, audit in audits.items()}
        states = {_state(o) for o in answers.values() if o is not None}
        if len(states) > 1:
            differing[key] = answers
        elif None in answers.values():
            unread[key] = answers
    return Compared(name, tuple(audits), len(keys), differing, unread)


def _quiet(history: History, audits: Iterable[Audit]) -> set[str]:
    """The keys to compare: sent long enough before, not touched since, in the sample; and those that nobody sent."""
    audits = list(audits)
    cut_ns = min(a.began_ns for a in audits) - QUIET_NS
    end_ns = max(a.ended_ns for a in audits)
    share = {v.header.vantage: v.header.audit_share for v in history.vantages}
    sent: set[str] = set()
    busy: set[str] = set()
    known: set[str] = set()
    for change in all_changes(history):
        known.add(change.key)
        if change.sent_ns <= end_ns and in_sample(change.key, share.get(change.vantage, 1.0)):
            sent.add(change.key)
            if change.done_ns > cut_ns:
                busy.add(change.key)
    strangers = {key for a in audits for key in a.answers if key not in known}
    return (sent - busy) | strangers


def _state(answer: Operation) -> State:
    return answer.observed_version, answer.observed_checksum, answer.effects


def convergence(found: Compared) -> Convergence:
    """The comparison for the verdict."""
    return Convergence(
        audit=found.name,
        sites=list(found.sites),
        keys=found.keys,
        differing=len(found.differing),
        unread=len(found.unread),
        only={site: sum(_only(answers) == site for answers in found.differing.values()) for site in found.sites},
        verdict=found.verdict,
        says=_says(found),
    )


def _only(answers: Mapping[str, Operation | None]) -> str:
    """The one site that has the key, or empty where several have it or nobody knows."""
    there = [site for site, o in answers.items() if o is not None and o.observed_version is not None]
    return there[0] if len(there) == 1 and None not in answers.values() else ""


def _says(found: Compared) -> str:
    where = " and ".join(found.sites)
    if found.differing:
        shown = "; ".join(f"{key}: {_told(answers)}" for key, answers in list(found.differing.items())[:_SHOWN])
        more = f"; and {len(found.differing) - _SHOWN} more" if len(found.differing) > _SHOWN else ""
        return f"{len(found.differing)} of {found.keys} keys are not the same at {where} ({shown}{more})."
    if not found.keys:
        return f"There was no key to compare at {where}."
    if found.unread:
        return f"{len(found.unread)} of {found.keys} keys were not read at {where}; the others are the same."
    return f"All {found.keys} keys are the same at {where}."


def _told(answers: Mapping[str, Operation | None]) -> str:
    return ", ".join(f"{site} {_answer_words(answer)}" for site, answer in answers.items())


def _answer_words(answer: Operation | None) -> str:
    if answer is None:
        return "not read"
    if answer.observed_version is None:
        return _ABSENT
    twice = f" {answer.effects} times" if (answer.effects or 1) > 1 else ""
    return f"version {answer.observed_version} checksum {answer.observed_checksum or 'not said'}{twice}"


def convergence_gates(found: Iterable[Compared]) -> list[Gate]:
    """Each comparison as a finding with the operations that prove it; the last one goes by the check's name alone."""
    told = list(found)
    names = [*(f"{CHECK} {one.name}" for one in told[:-1]), CHECK]
    return [_gate(one, name) for one, name in zip(told, names, strict=False)]


def _gate(found: Compared, check: str) -> Gate:
    shown = found.differing or found.unread
    proof = [o for answers in shown.values() for o in answers.values() if o is not None]
    return Gate(Finding(check=check, verdict=found.verdict, says=_says(found), operations=names_of(proof)))
