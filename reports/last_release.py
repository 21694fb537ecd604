"""What the last release was measured to do: written into a drill's plan before it starts, and held beside its numbers.

So whether a drill got worse is judged from its folder alone, a year later too, when the last release's runs are gone.
"""

import msgspec

# lower..upper in s. An upper edge of None: it was not seen to end.
Span = tuple[float, float | None]


class Earlier(msgspec.Struct, frozen=True, kw_only=True):
    """One run of the last release: its recovery time and data loss in s, None where they do not count."""

    run: str
    recovery_s: Span | None
    loss_s: Span | None


class LastRelease(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of the same drill of the last release, and by how many s a run may be worse. None: not asked.

    `source` is where they were read.
    """

    source: str
    runs: tuple[Earlier, ...]
    worse_recovery_s: float | None = None
    worse_loss_s: float | None = None
