"""What can be done with a run that is over.

`python -m reports rejudge RUN` judges it again by its recorded operations; `show RUN` prints what was judged; `schema`
prints the JSON Schema of `verdict.json`, `schema history` that of a line of the history. `verify RUN` proves that its
evidence is what it left, `verify --all` the whole chain of runs; `sign RUN --key KEY` signs it, `timestamp RUN --url
URL` has it timestamped. `compare`, `trend`, `scorecard`, `markdown`, `page` and `allure` make more of one run or of
many.
"""

import argparse
import sys
from pathlib import Path

from probes.load import BrokenHistory
from reports import evidence_commands
from reports.commands import add, add_objectives, other_objectives
from reports.folder import BrokenEvidence, drill_folders, judge, load, read_verdict
from reports.model import Verdict
from reports.other_objectives import OtherObjectives
from reports.schema import history_schema, verdict_schema
from reports.words import drill_name, verdict_sentence


def main(arguments: list[str] | None = None) -> int:
    """Run one command. 0: done, and a verdict that is judged again is the same; 1: it is not; 2: it cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m reports", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (("rejudge", "judge a run again; changes nothing"), ("show", "print a run's verdicts")):
        command = commands.add_parser(name, help=text)
        command.add_argument("run", type=Path, help="the folder of a run, or of one of its drills")
        if name == "rejudge":
            add_objectives(command)
    schema = commands.add_parser("schema", help="print a JSON Schema")
    schema.add_argument("of", nargs="?", choices=("verdict", "history"), default="verdict")
    more = add(commands) | evidence_commands.add(commands)
    given = parser.parse_args(arguments)
    if given.command in more:
        return more[given.command](given)
    if given.command == "schema":
        sys.stdout.write(history_schema() if given.of == "history" else verdict_schema())
        return 0
    try:
        folders = drill_folders(given.run)
        other = other_objectives(given)
        if other.asked:
            return _otherwise(folders, other)
        same = [_rejudge(folder) if given.command == "rejudge" else _show(folder) for folder in folders]
    except (BrokenEvidence, BrokenHistory, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0 if all(same) else 1


def _rejudge(folder: Path) -> bool:
    again = judge(folder)
    _print(again)
    try:
        before = read_verdict(folder)
    except BrokenEvidence:
        sys.stdout.write("  It was not judged before.\n")
        return True
    if _numbers(before) == _numbers(again) and _checks(before) <= _checks(again):
        sys.stdout.write(f"  The same as {before.judged_by} judged.\n")
        return True
    sys.stdout.write(f"  {before.judged_by} judged otherwise: {verdict_sentence(before)}\n")
    return False


def _otherwise(folders: list[Path], other: OtherObjectives) -> int:
    """Say what each drill would have been, and what it was. There is nothing that it must be the same as."""
    for folder in folders:
        evidence, differs = other.applied(load(folder))
        sys.stdout.write(f"WITH OTHER OBJECTIVES ({differs}); nothing is kept of this:\n")
        _print(judge(evidence))
        sys.stdout.write(f"  by its own objectives: {verdict_sentence(judge(folder))}\n")
    return 0


def _numbers(verdict: Verdict) -> tuple[object, ...]:
    """What must come out the same; the words beside the numbers may get better."""
    recovery, loss = verdict.recovery_time, verdict.data_loss
    return (
        verdict.verdict,
        verdict.undo,
        (recovery.lower_s, recovery.upper_s, recovery.confidence, recovery.verdict),
        (loss.lower_s, loss.upper_s, loss.lost, loss.late, loss.rolled_back, loss.corrupt, loss.unread, loss.verdict),
    )


def _checks(verdict: Verdict) -> set[tuple[str, str]]:
    """Every check that there was must be there and come out the same; a newer version may check more."""
    return {(f.check, f.verdict) for f in verdict.findings}


def _show(folder: Path) -> bool:
    _print(read_verdict(folder))
    return True


def _print(verdict: Verdict) -> None:
    sys.stdout.write(f"{drill_name(verdict.drill, verdict.parameters)}  {verdict_sentence(verdict)}\n")
    for finding in verdict.findings:
        sys.stdout.write(f"  {finding.verdict:<12} {finding.check}: {finding.says}\n")


if __name__ == "__main__":
    sys.exit(main())
