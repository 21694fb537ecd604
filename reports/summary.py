"""The verdict for a terminal, and the one line that says how a running drill stands."""

from pathlib import Path
from textwrap import wrap

from reports.advice import next_steps, open_findings
from reports.asked import was_asked
from reports.model import Verdict
from reports.words import SIGNS, drill_name, failback_words, lag_words, loss_words, recovery_words, undo_words

_LABEL = 15  # the longest label and two blanks
_LEAST = 40


def summary_lines(verdict: Verdict, folder: Path, *, width: int = 100) -> list[str]:
    """One drill in lines of at most `width` characters: verdict, numbers, findings, evidence, what to do next.

    Only a path or another word without blanks may stick out: it must stay whole to be copied.
    """
    width = max(width, _LEAST)
    head = f"{SIGNS[verdict.verdict]} {verdict.verdict.upper()}  {drill_name(verdict.drill, verdict.parameters)}"
    lines = [f"{head}  ({verdict.workload}, {verdict.environment})"]
    lines += _row("recovery time", recovery_words(verdict.recovery_time), width)
    lines += _row("data loss", loss_words(verdict.data_loss), width)
    if verdict.failback is not None:
        lines += _row("failback", failback_words(verdict.failback), width)
    for lag in verdict.replication_lag:
        lines += _row("lag", lag_words(lag), width)
    for finding in verdict.findings:
        if finding.verdict == "pass" and was_asked(finding):
            lines += _row("holds", f"{finding.check}: {finding.says}", width)
    lines += _row("undo", undo_words(verdict), width)
    for finding in open_findings(verdict):
        lines += _row(finding.verdict, f"{finding.check}: {finding.says}", width)
    lines += _row("evidence", str(folder), width)
    for step in next_steps(verdict):
        lines += _row("next", step, width)
    return lines


def live_line(
    drill: str,
    elapsed_s: float,
    state: str,
    *,
    ok: float | None,
    acknowledged: int,
    p99_s: float | None,
    impact_s: float | None = None,
    back_s: float | None = None,
    rto_s: float | None = None,
) -> str:
    """How a running drill stands, in one line that can be grepped. `ok` is a share of 0..1; None is shown as `-`.

    `impact_s` is how long ago clients first saw it; `back_s` how long it lasted, once it seems to be over.
    """
    parts = [
        f"[{drill} +{elapsed_s:.1f}s] {state}",
        f"ok {share_words(ok)}",
        f"acknowledged {acknowledged}",
        "p99 -" if p99_s is None else f"p99 {p99_s * 1000:.0f} ms",
    ]
    if back_s is not None:
        parts.append(f"good again after {back_s:.1f}s")
    elif impact_s is not None:
        parts.append(f"since impact {impact_s:.1f}s")
    if rto_s is not None:
        parts.append(f"rto {rto_s:g}s")
    return "  ".join(parts)


def share_words(share: float | None) -> str:
    """A share of 0..1 in per cent, `-` for None. Only all is 100%, and only none is 0%."""
    if share is None:
        return "-"
    if 0 < share < 1:
        return f"{min(max(share, 0.01), 0.99):.0%}"
    return f"{share:.0%}"


def _row(label: str, text: str, width: int) -> list[str]:
    # Control characters out of an error message must not reach the terminal.
    plain = "".join(c if c.isprintable() else " " for c in text)
    rows = wrap(plain, width - _LABEL - 2, break_long_words=False, break_on_hyphens=False) or [""]
    return [f"  {label if i == 0 else '':<{_LABEL}}{row}" for i, row in enumerate(rows)]
