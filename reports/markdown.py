"""A run for the page of a CI job, as Markdown: verdict, numbers, what is not a pass, what to do next."""

from pathlib import Path

from reports.advice import next_steps, open_findings
from reports.chaos import ChaosSequence, chaos_lines, read_chaos
from reports.evidence import read_run
from reports.model import Overall, Verdict
from reports.record import DrillRecord, drill_folders, read_record
from reports.repeats import Repeats, read_repeats, repeats_lines
from reports.repeats_chart import shown, strip
from reports.tables import markdown, markdown_table
from reports.words import SIGNS, drill_name, failback_words, loss_words, recovery_words, undo_words, worst

# GitHub cuts a step's summary off at 1 MiB, and shows none of it then. Source: [GitHub: adding a job summary]
MOST_BYTES = 1024 * 1024
_CUT = "\n\nCut here: the whole is in the run's `index.html`.\n"
_HEAD = ("", "drill", "recovery time", "data loss", "undo")


def run_markdown(run_folder: Path) -> str:
    """One run. A drill without a verdict is told as such, and so is a run without drills. Never over `MOST_BYTES`."""
    run, records = read_run(run_folder), [read_record(folder) for folder in drill_folders(run_folder)]
    verdicts = [record.verdict for record in records if record.verdict]
    together = read_repeats(run_folder)
    single: list[Overall] = [record.verdict.verdict if record.verdict else "invalid" for record in records]
    overall = worst([*single, *(one.verdict for one in together)])
    of = f" of {run.workload} ({run.environment})" if run else ""
    count = f"{len(records)} drill{'' if len(records) == 1 else 's'}"
    dirty = any(v.undo == "dirty" for v in verdicts)
    parts = [f"## {SIGNS[overall]} {overall.upper()}{', but undo DIRTY' if dirty else ''}: {count}{markdown(of)}"]
    if dirty:
        parts.append("**Something is not proved to be put back.** This goes before everything else.")
    table = markdown_table(_HEAD, [_row(record) for record in records])
    parts.append(table if records else "A run without drills proves nothing.")
    parts += [_together(one) for one in together]
    parts += [_chaos(one, run_folder) for one in read_chaos(run_folder)]
    parts += [text for record in records if (text := _besides(record))]
    parts += _shown_not(verdicts)
    parts.append(f"Evidence: `{run_folder.name}`" + (f", {markdown(run.harness)}" if run else ""))
    return capped("\n\n".join(parts) + "\n")


def capped(text: str) -> str:
    """The text, or as many of its whole lines as fit."""
    if len(text.encode()) <= MOST_BYTES:
        return text
    room = text.encode()[: MOST_BYTES - len(_CUT.encode())].decode(errors="ignore")
    return room.rpartition("\n")[0] + _CUT


def _row(record: DrillRecord) -> tuple[str, ...]:
    verdict = record.verdict
    if verdict is None:
        return (f"{SIGNS['invalid']} NO VERDICT", record.folder.name, "not known", "not known", "not known")
    return (
        f"{SIGNS[verdict.verdict]} {verdict.verdict.upper()}",
        drill_name(verdict.drill, verdict.parameters),
        recovery_words(verdict.recovery_time),
        loss_words(verdict.data_loss),
        verdict.undo if verdict.undo == "clean" else undo_words(verdict),
    )


def _together(found: Repeats) -> str:
    lines = "\n".join(f"- {markdown(line)}" for line in repeats_lines(found))
    strips = "\n".join(strip(name, spread) for name, spread in shown(found))
    picture = f"\n\n```text\n{strips}\n```" if strips else ""  # no such page shows a picture that it is given with it
    return f"**{SIGNS[found.verdict]} {markdown(found.name)}, all runs together**\n\n{lines}{picture}"


def _chaos(sequence: ChaosSequence, run_folder: Path) -> str:
    head, *lines = chaos_lines(sequence, run_folder)
    return "\n".join([f"**{markdown(head)}**", "", *(f"- {markdown(line.strip())}" for line in lines)])


def _besides(record: DrillRecord) -> str:
    """What of a drill is not a pass, and what to do about it; "" where all is."""
    verdict = record.verdict
    if verdict is None:
        return f"**{markdown(record.folder.name)}**: it was ended from outside, or the harness failed. See its log."
    said = [f"{f.verdict}: {f.check}: {f.says}" for f in open_findings(verdict) if _worth(f.verdict, f.check)]
    if verdict.failback is not None and verdict.failback.verdict != "pass":
        said.append(f"failback: {failback_words(verdict.failback)}")
    said += [f"next: {step}" for step in next_steps(verdict)]
    if not said:
        return ""
    lines = "\n".join(f"- {markdown(line)}" for line in said)
    return f"**{markdown(drill_name(verdict.drill, verdict.parameters))}**\n\n{lines}"


def _worth(judged: str, check: str) -> bool:
    return judged != "not judged" or "last release" in check


def _shown_not(verdicts: list[Verdict]) -> list[str]:
    said = dict.fromkeys(text for verdict in verdicts for text in verdict.does_not_show)
    if not said:
        return []
    lines = "\n".join(f"- {markdown(text)}" for text in said)
    return [f"<details><summary>What this does not show</summary>\n\n{lines}\n\n</details>"]
