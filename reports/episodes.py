"""Episodes of one stream by itself: from the change to bad to the start of the first window that stays good."""

from reports.plain import StreamEpisode, Window, plain_episodes
from reports.series import Series
from reports.steady import Steady
from reports.widening import LOCAL_BAD, alone

__all__ = ["LOCAL_BAD", "StreamEpisode", "Window", "stream_episodes"]


def stream_episodes(series: Series, steady: Steady, window: Window) -> tuple[StreamEpisode, ...]:
    """Every episode of one stream in the window, in time order, by what this stream says alone.

    For a stream that asks one target, which is up or down for everybody. Where good operations in between show that
    only part of them failed, the edges are widened for that.
    """
    return tuple(alone(plain_episodes(series, steady, window), steady, window))
