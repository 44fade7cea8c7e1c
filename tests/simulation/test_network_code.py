"""Nodes of one network code link, whoever is the first to have made ready what proves it."""

from __future__ import annotations

import pytest
from host import Host
from world import World

CODE = "one and the same"


def told_wrong(host: Host) -> bool:
    return "wrong-code" in host.warnings


@pytest.mark.parametrize("seed", range(120, 128))
def test_who_is_asked_before_the_code_is_stretched_answers_once_it_is(seed: int) -> None:
    """That takes a tenth of a second and more, at each start and each change of the profile."""
    world = World(seed)
    slow = world.rng.uniform(0.5, 3.0)
    hosts = [world.add(code=CODE, stretch_s=seconds) for seconds in (0.1, slow, 0.1)]
    world.wait(lambda: world.linked(hosts), 8.0, "linked")
    hosts[1].crash()
    world.clock.run_for(5.0)
    hosts[1].start()
    world.wait(lambda: world.linked(hosts), 8.0, "linked again")
    assert not any(map(told_wrong, hosts))


def test_another_code_is_told() -> None:
    world = World(128)
    one, other = (world.add(code=code) for code in (CODE, "another one"))
    world.wait(lambda: told_wrong(one) or told_wrong(other), 30.0, "told")
    assert not world.linked([one, other])
