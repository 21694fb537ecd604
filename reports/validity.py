"""The gates of validity: whether the drill was what it says it was, so that its numbers can be believed."""

from reports.bounds import seconds
from reports.declared import Declared
from reports.gates import Gate, broken, held
from reports.phases import Phases
from reports.recovery import Recovery
from reports.series import names_of
from reports.steady import Baseline
from reports.witness import EffectSeen, effect_seen
from reports.words import interval

# Who saw the fault, and what of it.
_PROOFS = {
    "witnesses": ("witness", "was seen down"),
    "corrupt reads": ("read", "was read and was not what had been written,"),
    "missing reads": ("read", "was read and lacked what had been acknowledged,"),
    "failed reads": ("read", "could not be read, again and again,"),
    "heartbeats": ("heartbeat", "was seen without what had been acknowledged"),
    "names": ("client", "was seen to lead elsewhere"),
    "failed launches": ("failed launch", "was refused, as Auto Scaling says of a launch that failed,"),
}

__all__ = ["EffectSeen", "declared_gates", "effect_seen"]


def declared_gates(
    declared: Declared, phases: Phases, base: Baseline, seen: EffectSeen, found: Recovery, *, figures: str = ""
) -> list[Gate]:
    """Whether the drill was a drill at all: objective, baseline, fault, effect, expectation.

    `figures` are told of a good baseline besides.
    """
    gates = [_objective(declared), _baseline(base, figures), _fault(declared, phases)]
    if declared.fault is not None and phases.since_ns is not None:
        gates += [_aimed(declared, seen), _believed(seen), _effective(declared, seen, phases), _spared(declared, seen)]
    if phases.since_ns is not None:
        gates.append(_expectation(declared, found))
    return gates


def _objective(declared: Declared) -> Gate:
    check = "objective exists"
    objectives = declared.objectives
    if objectives.rto_s is None and objectives.rpo_s is None:
        says = (
            f"The workload has neither an RTO nor an RPO for a {declared.disruption} disruption, so nothing was tested."
        )
        return broken(check, says, verdict="invalid")
    names = [n for n, v in (("RTO", objectives.rto_s), ("RPO", objectives.rpo_s)) if v is not None]
    return held(check, f"{' and '.join(names)} were set before the drill.")


def _baseline(base: Baseline, figures: str) -> Gate:
    check = "baseline good"
    if base.problems:
        return broken(check, " ".join(base.problems), verdict="invalid")
    count = sum(s.operations for s in base.streams.values())
    bad = sum(s.bad for s in base.streams.values())
    return held(check, f"Before the fault {count - bad} of {count} operations were good. {figures}".rstrip())


def _fault(declared: Declared, phases: Phases) -> Gate:
    check = "fault injected"
    if declared.expects == "no fault":
        if declared.fault is None:
            return held(check, "This drill injects nothing, as declared.")
        return broken(check, "This drill declares that it injects nothing, but it has a fault.", verdict="invalid")
    if declared.fault is None and declared.expects == "none" and phases.since_ns is not None:
        return held(check, "This drill breaks nothing: what it asks for is planned, and clients should see none of it.")
    if declared.fault is None:
        return broken(check, "Nothing was broken, so there was nothing to recover from.", verdict="invalid")
    if phases.since_ns is None:
        return broken(check, "The drill ended before the fault was asked for.", verdict="invalid")
    return held(check, f"{declared.fault.says} was asked for.")


def _aimed(declared: Declared, seen: EffectSeen) -> Gate:
    check = "target as declared"
    if seen.misaimed:
        return broken(check, " ".join(seen.misaimed), verdict="invalid")
    count = len(declared.fault.targets) if declared.fault else 0
    return held(check, f"Fault and witnesses are aimed at the same: {count} targets were declared.")


def _believed(seen: EffectSeen) -> Gate:
    """A witness that is not believed is left out; whether enough are left is for the next gates to say."""
    check = "witnesses at their targets"
    if not seen.doubted:
        return held(check, "No witness was answered from another place than the one it is aimed at.")
    proof = [o for operations in seen.doubted.values() for o in operations[:5]]
    says = f"Not believed, because another place answered: {', '.join(seen.doubted)}."
    return broken(check, says, taints=(), operations=names_of(proof))


def _effective(declared: Declared, seen: EffectSeen, phases: Phases) -> Gate:
    check = "fault effective"
    missing = [site for site, effect in seen.bites.items() if effect is None]
    if not seen.bites:
        return broken(check, "The fault names no site that it bites, so nothing could witness it.", verdict="invalid")
    who, was = _PROOFS[declared.fault.proved_by if declared.fault else "witnesses"]
    if missing:
        blind = [site for site in missing if site in seen.unwatched]
        why = f" ({_nobody(seen, who)} is aimed at {', '.join(blind)})" if blind else ""
        return broken(check, f"No {who} saw the fault in {', '.join(missing)}{why}.", verdict="invalid")
    says = [
        f"{site} {was} {interval(*_since(effect.edge.lower_ns, effect.edge.upper_ns, phases))} "
        f"after it was asked for{_quiet(effect.quiet)}"
        for site, effect in seen.bites.items()
        if effect is not None
    ]
    proof = [o for effect in seen.bites.values() if effect is not None for o in effect.proof[:3]]
    gate = held(check, "; ".join(says) + ".")
    return Gate(type(gate.finding)(check=check, verdict="pass", says=gate.finding.says, operations=names_of(proof)))


def _nobody(seen: EffectSeen, who: str = "witness") -> str:
    return f"no {who} that is believed" if seen.doubted and who == "witness" else f"no {who}"


def _since(lower_ns: int, upper_ns: int, phases: Phases) -> tuple[float, float]:
    since_ns = phases.since_ns or 0
    return max(0.0, seconds(lower_ns - since_ns)), max(0.0, seconds(upper_ns - since_ns))


def _quiet(names: tuple[str, ...]) -> str:
    return f" (though not by {', '.join(names)})" if names else ""


def _spared(declared: Declared, seen: EffectSeen) -> Gate:
    check = "fault spares the rest"
    spares = declared.fault.spares if declared.fault else ()
    if seen.spilled:
        says = f"The fault reached what it should spare: {', '.join(seen.spilled)} went down too."
        proof = [o for operations in seen.spilled.values() for o in operations[:5]]
        return broken(check, says, verdict="invalid", operations=names_of(proof))
    blind = [site for site in spares if site in seen.unwatched]
    if blind:
        return broken(
            check, f"{_nobody(seen).capitalize()} is aimed at {', '.join(blind)}, which the fault should spare."
        )
    return held(check, f"No witness in {', '.join(spares)} went down." if spares else "The fault spares no site.")


def _expectation(declared: Declared, found: Recovery) -> Gate:
    """An outage that nobody saw makes up no loss: where all that was deleted is lost, each read of it was served."""
    check = "expectation met"
    impact = found.impact
    if impact is None:
        if declared.expects == "impact":
            says = "Clients were expected to see an outage, and none of them saw one."
            return broken(check, says, verdict="invalid", spares_fail=True)
        return held(check, "Clients saw nothing.")
    when = interval(*_since(impact.lower_ns, impact.upper_ns, found.phases))
    first = min((e.bad[0] for g in found.groups[:1] for e in g.episodes), key=lambda o: o.sent_ns)
    says = f"Clients first saw bad service {when} after {_from(declared)}."
    if declared.expects in ("none", "no fault"):
        says += " None was expected; what they saw is judged."
    gate = held(check, says)
    return Gate(type(gate.finding)(check=check, verdict="pass", says=says, operations=names_of([first])))


def _from(declared: Declared) -> str:
    if declared.fault is not None:
        return "the fault was asked for"
    return "it was asked for" if declared.expects == "none" else "the service was steady"
