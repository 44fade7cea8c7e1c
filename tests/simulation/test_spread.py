"""How entries spread over the bounded overlay: cheaply, by few hops, to all."""

from __future__ import annotations

import random

import pytest
from spread import Network, measure

SEEDS = range(3)


@pytest.mark.parametrize("seed", SEEDS)
def test_ten_messages_among_two_hundred(seed: int) -> None:
    result = measure(seed, nodes=200)
    assert result.copies <= 1.5
    assert result.hops <= 12
    assert result.reached == 1.0


@pytest.mark.parametrize("seed", SEEDS)
def test_lazy_links_heal_what_a_tenth_of_the_nodes_leaves(seed: int) -> None:
    result = measure(seed, nodes=200, failed=0.1, warm=5)
    assert result.copies <= 1.5
    assert result.reached == 1.0
    assert result.seconds < 3.0


@pytest.mark.parametrize("seed", SEEDS)
def test_messages_that_cross_reach_all(seed: int) -> None:
    network = Network(100, random.Random(seed))
    nodes = list(network.nodes.values())
    network.publish(nodes[0])
    spreads = []
    for _ in range(60):
        spreads.append(network.begin(network.rng.choice(nodes)))
        network.run(network.rng.uniform(0, 0.01))
    network.run(5.0)
    assert all(len(spread.hops) == len(nodes) for spread in spreads)
    copies = sum(spread.copies for spread in spreads) / (len(nodes) - 1) / len(spreads)
    assert copies <= 1.2


@pytest.mark.parametrize("seed", SEEDS)
def test_a_burst_of_one_author_costs_one_copy_a_node_once_the_tree_stands(seed: int) -> None:
    network = Network(100, random.Random(seed))
    author = next(iter(network.nodes.values()))
    network.publish(author)
    spreads = [network.begin(author) for _ in range(50)]
    network.run(5.0)
    assert all(len(spread.hops) == 100 for spread in spreads)
    assert sum(spread.copies for spread in spreads) <= 1.05 * 99 * 50
