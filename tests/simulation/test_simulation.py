"""The promises of the design, over hundreds of random lives of small networks.

A failing seed is in the name of the failure; `pytest tests/simulation --seed N` replays it, and
`python tests/simulation/scenario.py --seed N` tells its story.
"""

from __future__ import annotations

import pytest
from scenario import Scenario
from seeds import live_each

SEEDS, GROUP = 240, 8


@pytest.mark.seeds(SEEDS, GROUP)
def test_all_converge_and_nothing_acknowledged_is_lost(seeds: range) -> None:
    live_each(seeds, lambda seed: Scenario(seed).run())


def test_the_same_seed_gives_the_same_run() -> None:
    stories: list[list[str]] = []
    for _ in range(2):
        story: list[str] = []
        scenario = Scenario(7, story.append)
        scenario.run()
        stories.append([*story, scenario.world.describe()])
    assert stories[0] == stories[1]
