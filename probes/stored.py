"""Compares what a store holds under a key with what was written there. For probes that see the stored fields."""

from dataclasses import dataclass, replace

from probes.ledger import checksum_of
from probes.probe import NOT_THERE, Answer, Asked, Listed

SPOILT = "the checksum is not that of what was written"


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What a store holds of one key, each field None where it does not have it or does not say."""

    key: str
    version: int
    checksum: str | None
    payload: str | None
    effects: int | None = None

    def observed_checksum(self, asked: Asked) -> str | None:
        """The checksum to hold against the one that was written.

        The payload may be spoilt under a sound checksum, and the checksum over a sound payload: either shows.
        """
        if self.payload is None:
            return self.checksum
        computed = checksum_of(self.key, self.version, self.payload)
        return self.checksum if self.checksum is not None and computed == asked.checksum else computed

    def differs(self, asked: Asked) -> str:
        """What is wrong with it; empty if nothing is. Another version is not wrong by itself: judging knows more."""
        observed = self.observed_checksum(asked)
        if observed is not None and self.version == asked.version and observed != asked.checksum:
            return SPOILT
        return ""

    def listed(self) -> Listed:
        """The same as an entry of a bulk audit, where nobody knows yet what was written.

        Where checksum and payload disagree, one of them is spoilt: the entry shows both, which matches neither.
        """
        checksum = self.checksum
        if self.payload is not None:
            computed = checksum_of(self.key, self.version, self.payload)
            checksum = computed if checksum in (None, computed) else f"{checksum} over {computed}"
        return Listed(key=self.key, version=self.version, checksum=checksum, effects=self.effects)


def seen(answer: Answer, asked: Asked, stored: Stored | None) -> Answer:
    """What is recorded of a read or an audit that was answered (`answer`) with what is there, or that nothing is."""
    if stored is None:
        if asked.kind == "audit" or asked.absent_is_right:
            return answer
        return replace(answer, outcome="fail", error=NOT_THERE)
    return replace(
        answer,
        error=stored.differs(asked),
        observed_version=stored.version,
        observed_checksum=stored.observed_checksum(asked),
    )
