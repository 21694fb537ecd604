"""What recovery from backups rested on: how old the copy was, and whether the stack was made of the right template."""

from collections.abc import Iterable, Iterator

from reports.model import Finding, Judgement
from reports.steps import CopyUsed, StepRecord, TemplateSeen

COPY, TEMPLATE = "restored copy", "deployed template"
# So many digits of a hash tell two templates apart for a reader; all of it is in verdict.json.
_SHOWN = 12


def backup_findings(steps: Iterable[StepRecord]) -> list[Finding]:
    """A finding for each restore from a copy, and for each stack that had to be the same as another."""
    return [finding for step in steps for finding in _of(step)]


def missed(findings: Iterable[Finding]) -> list[Judgement]:
    """Those that decide a drill: what was wrong, and what may have been, by the operations that it names.

    That a copy was there is no objective that was kept, so a pass decides nothing; nor does what shows nothing.
    """
    open_or_wrong = [one for one in findings if one.verdict in ("fail", "inconclusive")]
    return [one.verdict for one in open_or_wrong if one.verdict == "fail" or one.operations]


def _of(step: StepRecord) -> Iterator[Finding]:
    if step.copy is not None:
        yield Finding(check=COPY, verdict="pass" if step.outcome == "done" else "not judged", says=_copied(step.copy))
    if step.template is not None and step.template.source:
        yield _deployed(step, step.template)


def _copied(copy: CopyUsed) -> str:
    others = "the only one" if copy.among == 1 else f"the newest of {copy.among}"
    back = f"copied back from the vault of account {copy.account}, " if copy.account else ""
    return (
        f"Restored from the {copy.kind.replace('-', ' ')} of {copy.taken_utc}, {back}{others} from before the first "
        f"sign of trouble, and {copy.age_s:.1f} s older than that: so much loss was to be expected. The measured one "
        "is judged."
    )


def _deployed(step: StepRecord, seen: TemplateSeen) -> Finding:
    if not seen.source_sha256:
        says = f"What {seen.source} was made of is not known: {seen.says or 'it was not read'}."
        return Finding(check=TEMPLATE, verdict="not judged", says=says)
    if seen.source_sha256 != seen.sha256:
        says = (
            f"Step {step.name} deployed another template (SHA-256 {seen.sha256[:_SHOWN]}) than {seen.source} was made "
            f"of ({seen.source_sha256[:_SHOWN]}): what recovered is not what was lost."
        )
        return Finding(check=TEMPLATE, verdict="fail", says=says)
    same = f"Step {step.name} deployed what {seen.source} was made of (SHA-256 {seen.sha256[:_SHOWN]})."
    if seen.drift == "IN_SYNC":
        return Finding(check=TEMPLATE, verdict="pass", says=f"{same} Its resources were as the template says.")
    if seen.drift:
        says = f"{same} But its resources were not as the template says: CloudFormation calls it {seen.drift}."
        return Finding(check=TEMPLATE, verdict="not judged", says=says)
    return Finding(check=TEMPLATE, verdict="pass", says=f"{same} Its drift is not known: {seen.says or 'not asked'}.")
