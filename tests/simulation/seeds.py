"""A life of a small network from each of many seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterable


def live_each(seeds: Iterable[int], live: Callable[[int], None]) -> None:
    """What fails names its seed."""
    for seed in seeds:
        try:
            live(seed)
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error}") from error
