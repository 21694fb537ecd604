"""What was seen of the fault: that it bit where it should, and only there. By the witnesses, or as it declares."""

from collections.abc import Iterator, Sequence

import msgspec

from probes.history import History, Operation, Stream
from reports.bounds import Edge
from reports.declared import Declared, DeclaredFault
from reports.effects import corrupt_reads, failed_launches, failed_reads, led_elsewhere, missing_reads, stuck_heartbeats
from reports.episodes import StreamEpisode, Window, stream_episodes
from reports.phases import phases_of
from reports.series import Series, series_of
from reports.steady import baseline

# What a fault of the data bites, in place of a site, and one that lets nothing be launched.
DATA = "the data"
CAPACITY = "capacity"


class SiteEffect(msgspec.Struct, frozen=True):
    """The first time that a witness at a site saw the fault.

    `quiet` are the site's witness streams that never did; `proof` the bad operations that show it.
    """

    edge: Edge
    quiet: tuple[str, ...]
    proof: tuple[Operation, ...]


class EffectSeen(msgspec.Struct, frozen=True):
    """By site that the fault must bite: its effect, or None (not yet, or no witness there).

    `spilled` are the witness streams at spared sites that were certainly down for a while, with their proof.
    `unwatched` are sites, biting or spared, without a witness that is believed. `doubted` are the witness streams that
    were answered from another place than the one they are aimed at, with the answers: they prove nothing of either.
    `misaimed` says in sentences where witnesses and fault are not aimed at the same.
    """

    bites: dict[str, SiteEffect | None]
    spilled: dict[str, tuple[Operation, ...]]
    unwatched: tuple[str, ...]
    doubted: dict[str, tuple[Operation, ...]] = {}
    misaimed: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether the fault was seen at every site that it should bite, and at none that it should spare."""
        return bool(self.bites) and all(self.bites.values()) and not self.spilled

    @property
    def effective(self) -> Edge | None:
        """When the last of those sites was first seen to be hit; None until all are."""
        edges = [e.edge for e in self.bites.values() if e is not None]
        if not edges or len(edges) < len(self.bites):
            return None
        return Edge(max(e.lower_ns for e in edges), max(e.upper_ns for e in edges))


def effect_seen(history: History, declared: Declared) -> EffectSeen:
    """What was seen of the drill's fault between `requested` and `undo`; nothing without a fault, or before that."""
    if declared.fault is None:
        return EffectSeen({}, {}, ())
    phases = phases_of(history, declared)
    return effect_of(history, declared.fault, phases.since_ns, phases.until_ns)


def effect_of(history: History, fault: DeclaredFault, since_ns: int | None, until_ns: int | None) -> EffectSeen:
    """What was seen of one fault in [since, until): by the witnesses, by the predicate that judges the service too.

    Of these only the ones that the fault names prove that it bites, where it names some; all of them prove where it
    does not. A fault of the data is proved by the first read that shows it, a pause of replication by heartbeats, one
    of a name by the clients that it leads elsewhere, a want of capacity by what Auto Scaling says of its launches
    (`reports.effects`). Cheap enough to ask several times a second while the drill waits for the fault to bite.
    Before it was asked for (`since_ns` is None) nothing was seen anywhere.
    """
    asked = series_of(history, "witness")
    doubted = {s.stream.name: proof for s in asked if (proof := _from_elsewhere(s))}
    witnesses = [s for s in asked if s.stream.name not in doubted]
    misaimed = tuple(_misaimed(fault, [s.stream for s in asked]))
    telling = [s for s in witnesses if _tells(fault, s.stream)]
    watched = _watched(history, fault, telling)
    spared = {s.stream.site for s in witnesses}
    unwatched = tuple(
        [site for site in fault.bites if site not in watched] + [site for site in fault.spares if site not in spared]
    )
    if since_ns is None:
        return EffectSeen(dict.fromkeys(_bitten(fault)), {}, unwatched, doubted, misaimed)
    window = Window(since_ns, until_ns, 0)
    steady = baseline(history, until_ns=since_ns).streams
    saw = {s.id: stream_episodes(s, steady[s.id], window) for s in witnesses}
    if fault.proved_by == "witnesses":
        bites = {site: _site([(s, saw[s.id]) for s in telling if s.stream.site == site]) for site in fault.bites}
    else:
        bites = {site: _shown(history, fault, site, window) for site in _bitten(fault)}
    spilled = {s.stream.name: proof for s in witnesses if s.stream.site in fault.spares and (proof := _down(saw[s.id]))}
    return EffectSeen(bites, spilled, unwatched, doubted, misaimed)


def _tells(fault: DeclaredFault, stream: Stream) -> bool:
    """Whether a witness can see the fault: its probe is called `witness` and the witness's own name."""
    return not fault.witnesses or stream.probe in {f"witness {name}" for name in fault.witnesses}


def _watched(history: History, fault: DeclaredFault, telling: Sequence[Series]) -> set[str]:
    """The sites at which something stands that can prove the fault; each name is asked for by the clients."""
    if fault.proved_by == "names":
        return set(fault.bites)
    provers = series_of(history, "heartbeat") if fault.proved_by == "heartbeats" else telling
    return {s.stream.site for s in provers}


def _bitten(fault: DeclaredFault) -> tuple[str, ...]:
    if fault.proved_by == "failed launches":
        return (CAPACITY,)
    return (DATA,) if fault.proved_by in ("corrupt reads", "missing reads", "failed reads") else fault.bites


def _shown(history: History, fault: DeclaredFault, site: str, window: Window) -> SiteEffect | None:
    """The effect by what operations show of it; it came at some moment from the request to the first one's answer.

    Failed launches are Auto Scaling's word, so that no operation is their proof.
    """
    since_ns, until_ns = window.since_ns, window.until_ns
    if fault.proved_by == "failed launches":
        told = failed_launches(history, {target.site for target in fault.targets}, since_ns, until_ns)
        return SiteEffect(Edge(since_ns, told[0].at_ns + told[0].uncertainty_ns), (), ()) if told else None
    if fault.proved_by == "corrupt reads":
        proof = corrupt_reads(history, since_ns, until_ns)
    elif fault.proved_by == "missing reads":
        proof = missing_reads(history, since_ns, until_ns)
    elif fault.proved_by == "names":
        proof = led_elsewhere(history, site, since_ns, until_ns)
    elif fault.proved_by == "failed reads":
        proof = failed_reads(history, since_ns, until_ns)
    else:
        proof = stuck_heartbeats(history, site, since_ns, until_ns)
    return SiteEffect(Edge(since_ns, proof[0].done_ns), (), proof) if proof else None


def _site(seen: list[tuple[Series, tuple[StreamEpisode, ...]]]) -> SiteEffect | None:
    hit = [episodes[0] for _, episodes in seen if episodes]
    if not hit:
        return None
    first = min(hit, key=lambda e: e.impact.upper_ns)
    quiet = tuple(s.stream.name for s, episodes in seen if not episodes)
    return SiteEffect(first.impact, quiet, first.bad)


def _down(episodes: tuple[StreamEpisode, ...]) -> tuple[Operation, ...]:
    """The bad operations of an episode that certainly lasted: one lost answer on a busy machine is no spill."""
    return next((e.bad for e in episodes if e.stable_lower_ns > e.impact.upper_ns), ())


def _from_elsewhere(series: Series) -> tuple[Operation, ...]:
    """Good answers that say they come from another place than the one the stream is aimed at."""
    return tuple(o for o in series.operations if o.good and _elsewhere(o, series.stream.site))


def _elsewhere(operation: Operation, site: str) -> bool:
    """By the zone if the answer names one, else by the Region; `site` may be either. Nothing said, nothing doubted."""
    by = operation.served_by
    if by is None or not site:
        return False
    if by.zone:
        return not (by.region == site or by.zone.startswith(site))
    return bool(by.region) and not site.startswith(by.region)


def _misaimed(fault: DeclaredFault, witnesses: Sequence[Stream]) -> Iterator[str]:
    """Where the witnesses are not aimed at what the fault declares; what has no address cannot be compared."""
    sites = {t.address: t.site for t in fault.targets if t.address}
    for stream in witnesses:
        if stream.target and sites.get(stream.target, stream.site) != stream.site:
            yield f"Witness {stream.name} is aimed at {stream.target}, which the fault has in {sites[stream.target]}."
    for site in fault.bites:
        declared = {address for address, place in sites.items() if place == site}
        aimed = {s.target for s in witnesses if s.site == site and s.target}
        if declared and aimed and not declared & aimed:
            yield f"No witness in {site} is aimed at what the fault is: {', '.join(sorted(declared))}."
    for target in fault.targets:
        if target.site in fault.spares:
            yield f"The fault is aimed at {target.id} in {target.site}, which it says it spares."
