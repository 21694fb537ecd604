"""One episode of the service, put together from its streams' episodes."""

import msgspec

from reports.bounds import Edge
from reports.plain import StreamEpisode


class Group(msgspec.Struct, frozen=True):
    """One episode of the service: earliest impact to latest stable over its streams' episodes, in time order.

    `unasked_ns`: the beginning of a pause before it, in which nobody asked and it may already have begun.
    """

    episodes: tuple[StreamEpisode, ...]
    stable_upper_ns: int | None
    unasked_ns: int | None = None

    @property
    def impact(self) -> Edge:
        """When clients first saw it, or could have seen it had they been asked."""
        edges = [e.impact for e in self.episodes]
        lower_ns = min(e.lower_ns for e in edges)
        lower_ns = lower_ns if self.unasked_ns is None else min(lower_ns, self.unasked_ns)
        return Edge(lower_ns, min(e.upper_ns for e in edges))

    @property
    def stable_lower_ns(self) -> int:
        """The last moment that is known to lie inside it."""
        return max(e.stable_lower_ns for e in self.episodes)

    @property
    def certain(self) -> bool:
        """Whether every stream's edges are certain."""
        return all(e.certain for e in self.episodes)
