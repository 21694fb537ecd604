"""What the rig is to do, as plain data. Times are s since the script's zero, which the runner chooses (`Rig.begin`)."""

from typing import Literal

import msgspec

Mode = Literal["refuse", "swallow", "503", "hang", "slow"]
By = Literal["request", "key", "backend"]
RequestKind = Literal["write", "update", "delete", "read"]
Door = Literal["all", "first"]
LossKind = Literal[
    "tail", "holes", "late", "duplicated", "corrupt", "corrupt checksum", "rolled back", "old primary", "rewind",
    "resurrected", "stranger", "unanswered, kept", "unanswered, dropped", "refused, kept",
]  # fmt: skip

ALL_KINDS: tuple[RequestKind, ...] = ("write", "update", "delete", "read")
BACKENDS = 3


class Outage(msgspec.Struct, frozen=True, kw_only=True):
    """Bad service from `begin_s` to `end_s`.

    `mode`: `refuse` = the port refuses and open connections are reset; `swallow` = connection attempts and open
    connections meet silence; `503` = that answer; `hang` = no answer until the end of the outage, then a good one;
    `slow` = a good answer, `delay_s` after the request came.
    `share` of what is asked is hit: each `request` by chance, or each `key` (always the same ones), or whatever the
    first `backend` of three gets. Where only a share or only some `kinds` of requests are hit, the port stays open, and
    `refuse` is a reset after the request, `swallow` silence after it.
    `door`: with "first", a whole outage leaves the rig's second address alone.
    """

    begin_s: float
    end_s: float
    mode: Mode
    share: float = 1.0
    by: By = "request"
    kinds: tuple[RequestKind, ...] = ALL_KINDS
    delay_s: float = 0.0
    door: Door = "all"

    @property
    def partial(self) -> bool:
        """Whether only a part of the requests of those kinds is hit."""
        return self.share < 1.0 or self.by == "backend"

    @property
    def whole(self) -> bool:
        """Whether everything is hit, so that connections themselves can be refused or swallowed."""
        return not self.partial and set(self.kinds) == set(ALL_KINDS) and self.mode in ("refuse", "swallow")


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of the writes that reached the rig in [`begin_s`, `end_s`), or of a `share` of them.

    At `at_s`: `tail` and `holes` vanish (all, or a share); `late` vanish and are back after the heal; `corrupt` have
    another payload under the checksum that was written, `corrupt checksum` another checksum over it; `rolled back` are
    at the version that they had before; `resurrected` are deletes that are undone; `stranger` puts a key there that
    nobody sent beside each; `rewind` sets the whole store back to what it was at `begin_s`, whatever came since. `old
    primary`: they go to a store of their own, acknowledged, which nobody reads from `at_s` on.
    When they come: `duplicated` take effect twice; `unanswered` get no answer, and are done (`kept`) or not
    (`dropped`); `refused, kept` are answered 409 and done.
    """

    kind: LossKind
    begin_s: float
    end_s: float
    at_s: float = 0.0
    share: float = 1.0


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """The name's address turns from the rig's first door to its second at `at_s`; answers may be kept for `ttl_s`."""

    at_s: float
    ttl_s: int = 1


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """One run of the rig.

    Answers take between `latency_s` of chance by `seed`; each `slow_every`th one before the zero takes `slowest_s`
    (0: never), so that a baseline shows the longest success there is.
    """

    seed: int
    outages: tuple[Outage, ...] = ()
    losses: tuple[Loss, ...] = ()
    turn: Turn | None = None
    latency_s: tuple[float, float] = (0.001, 0.004)
    slowest_s: float = 0.0
    slow_every: int = 7

    @property
    def over_s(self) -> float:
        """When the last thing in it has happened, in s; what stays bad for ever does not count."""
        ends = [o.end_s for o in self.outages if o.end_s < FOR_EVER_S]
        losses = [max(loss.end_s, loss.at_s) for loss in self.losses]
        turns = [] if self.turn is None else [self.turn.at_s + self.turn.ttl_s]
        return max([0.0, *ends, *losses, *turns])


# An outage that ends then does not end while anybody looks.
FOR_EVER_S = 3600.0
