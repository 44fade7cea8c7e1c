"""The promises of the design, over hundreds of random lives of small networks.

A failing seed is in the name of the failure; `pytest tests/simulation --seed N` replays it, and
`python tests/simulation/scenario.py --seed N` tells its story.
"""

from __future__ import annotations

import pytest
from scenario import Scenario

SEEDS = 240
GROUP = 8
"""Seeds of one test, so that a parallel run shares them out."""


@pytest.mark.parametrize("first", range(0, SEEDS, GROUP))
def test_all_converge_and_nothing_acknowledged_is_lost(
    first: int, request: pytest.FixtureRequest
) -> None:
    asked = request.config.getoption("--seed")
    seeds = range(first, first + GROUP) if asked is None else [asked] if first == 0 else []
    for seed in seeds:
        try:
            Scenario(seed).run()
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error}") from error


def test_the_same_seed_gives_the_same_run() -> None:
    stories: list[list[str]] = []
    for _ in range(2):
        story: list[str] = []
        scenario = Scenario(7, story.append)
        scenario.run()
        stories.append([*story, scenario.world.describe()])
    assert stories[0] == stories[1]
