"""The fields of the record beside the drill's own numbers: what was looked at before, what warned, who vouches."""

from pathlib import Path

import msgspec

from reports.audit_field import Field, listed, never, says
from reports.completeness import discharge
from reports.facts import Facts
from reports.manifest import ATTESTATION
from reports.model import Finding, Verdict
from reports.readiness import PREFIX
from reports.record import VERDICT
from reports.timestamp import ASKED, REPLY, Asked

# The drill that breaks nothing and looks at the recovery site; it may be this one, or another of the same run.
_READINESS = "readiness-*"
_ALARM = "CloudWatch alarm"


class _Signed(msgspec.Struct, frozen=True):
    """What is read of an envelope's signature."""

    keyid: str


class _Envelope(msgspec.Struct, frozen=True):
    """What is read of an envelope."""

    signatures: list[_Signed] = []


def _run_folder(facts: Facts) -> Path:
    return facts.record.folder.parent


def _checks(facts: Facts) -> list[Finding]:
    """What readiness drills of this run found of this workload."""
    verdicts = [facts.record.verdict] if facts.record.verdict is not None else []
    for path in sorted(_run_folder(facts).glob(f"{_READINESS}/{VERDICT}")):
        if path.parent == facts.record.folder:
            continue
        try:
            verdicts.append(msgspec.json.decode(path.read_bytes(), type=Verdict))
        except (OSError, msgspec.MsgspecError):
            continue  # its own record says so
    mine = facts.record.declared.workload if facts.record.declared is not None else ""
    return [one for told in verdicts if told.workload == mine for one in told.findings if one.check.startswith(PREFIX)]


def _readiness(facts: Facts) -> str | None:
    """How many held, and each that did not."""
    found = _checks(facts)
    if not found:
        return None
    counted = [one for one in found if one.verdict != "not judged"]
    held = sum(one.verdict == "pass" for one in counted)
    rest = [f"{one.check.removeprefix(PREFIX)}: {one.verdict}" for one in counted if one.verdict != "pass"]
    return listed([f"{held} of {len(counted)} hold", *rest])


def _quotas(facts: Facts) -> str | None:
    found = [one for one in _checks(facts) if one.check.startswith(f"{PREFIX}quotas ")]
    return listed([f"{one.verdict}: {one.says}" for one in found]) if found else None


def _capacity(facts: Facts) -> str | None:
    """The check's own figures; where there is none, whether the objective for it was kept."""
    declared, verdict = facts.record.declared, facts.record.verdict
    if (told := says(facts, "capacity")) is not None:
        return told
    if declared is None or verdict is None or declared.objectives.capacity is None:
        return None
    share = f"at least {declared.objectives.capacity:.0%} of the baseline's rate was a part of good service"
    return f"{share}: {verdict.recovery_time.verdict}"


def _alarms(facts: Facts) -> str | None:
    """Each alarm that AWS says went off while the drill ran, with when; "none" where it was asked and said so."""
    verdict = facts.record.verdict
    if verdict is None:
        return None
    signs = [mark for mark in verdict.marks if mark.name == "sign"]
    fired = [
        f"{mark.says.split(' is ALARM')[0]} ({mark.source.removeprefix(_ALARM).lstrip(', ')}), {mark.utc}"
        for mark in signs
        if mark.source.startswith(_ALARM) and " is ALARM" in mark.says
    ]
    return listed(list(dict.fromkeys(fired))) if signs else None


def _period(facts: Facts) -> str:
    return discharge(facts.record.verdict).says


def _signature(facts: Facts) -> str | None:
    """Who signed, by the key's id; whether it holds is for `verify` to say."""
    if not facts.of_run.attested:
        return None
    try:
        envelope = msgspec.json.decode((_run_folder(facts) / ATTESTATION).read_bytes(), type=_Envelope)
    except (OSError, msgspec.MsgspecError):
        return "attestation.json, which cannot be read"
    return f"attestation.json, key {', '.join(one.keyid for one in envelope.signatures) or 'not named'}"


def _timestamp(facts: Facts) -> str | None:
    """Whose server of time vouches for the manifest; whether it holds is for `verify` to say."""
    if not (_run_folder(facts) / REPLY).exists():
        return None
    try:
        asked = msgspec.json.decode((_run_folder(facts) / ASKED).read_bytes(), type=Asked)
    except (OSError, msgspec.MsgspecError):
        return f"{REPLY}; who was asked cannot be read"
    return f"{REPLY}, of {asked.url}"


BESIDE_FIELDS: tuple[Field, ...] = (
    Field("preconditions", "readiness checks", "verdict.json", _readiness),
    Field("capacity", "rate at recovery beside the baseline", "verdict.json", _capacity, mandatory=False),
    Field("capacity", "quota headroom", "verdict.json", _quotas, mandatory=False),
    Field("capacity", "peak volume", "by hand", never, mandatory=False),
    Field("communication", "alarms that went off", "marks.jsonl", _alarms, mandatory=False),
    Field("communication", "who outside was told, within which time", "by hand", never, mandatory=False),
    Field("verdict", "counts for the period", "verdict.json", _period),
    Field("integrity", "signature and key id", "attestation.json", _signature),
    Field("integrity", "timestamp of another's", "the run's folder", _timestamp, mandatory=False),
)  # fmt: skip
