"""The baseline in figures, for whoever compares the service after a recovery with what it was before."""

from probes.history import History
from reports.bounds import NS_PER_S, seconds
from reports.lag import nearest_rank
from reports.phases import phases_of
from reports.series import series_of, settled_ns


def baseline_figures(history: History) -> str:
    """How long and how often the workload was asked before the fault, and how long its good answers took; "" for none.

    p50 and p99 are by the nearest rank, of the good operations of all streams of the workload together.
    """
    until_ns = phases_of(history).since_ns
    streams = series_of(history, "workload")
    before = [
        one
        for series in streams
        for one in series.operations
        if until_ns is None or settled_ns(one, series.stream.timeout_ns) < until_ns
    ]
    took = sorted(one.done_ns - one.sent_ns for one in before if one.good)
    if not took:
        return ""
    window_s = seconds(max(one.sent_ns for one in before) - min(one.sent_ns for one in before))
    rate = sum(NS_PER_S / series.stream.period_ns for series in streams)
    p50, p99 = (seconds(nearest_rank(took, share)) * 1000 for share in (0.5, 0.99))
    asked = f"Asked for {window_s:.1f} s, {round(rate, 1):g} times a second"
    return f"{asked}; the good answers took p50 {p50:.0f} ms, p99 {p99:.0f} ms."
