"""What simulations do with accounts."""

from __future__ import annotations

from collections.abc import Mapping

from host import Host
from memory_store import MemoryStore
from test_election import settled
from world import World

from p2pchat.model.accounts import Opened
from p2pchat.model.ids import PeerId
from p2pchat.model.records import PutMeta
from p2pchat.protocol.registrar.owners import Owner

PASSWORD = "correct horse"


def known(host: Host) -> Mapping[PeerId, Owner]:
    return host.machine.registrar.registry.owners()


def together(world: World, hosts: int) -> list[Host]:
    found = [world.add(willing=True) for _ in range(hosts)]
    settled(world)
    return found


def register_apart(world: World, passwords: Mapping[Host, str]) -> None:
    """Two of four, one in each half of a network that is split, take the name Li; then it heals,
    and all know both."""
    hosts = world.hosts
    world.split(hosts[:2], hosts[2:])
    world.clock.run_for(30.0)
    for host, password in passwords.items():
        host.ask(host.machine.registrar.accounts.register, "Li", password)
    world.wait(lambda: all(host.signed for host in passwords), 15.0, "both registered")
    world.fabric.heal()
    world.wait(lambda: len({frozenset(known(h).items()) for h in hosts}) == 1, 60.0, "agree")


def opened(world: World, host: Host, name: str, password: str) -> Opened:
    before = len(host.signed)
    host.ask(host.machine.registrar.accounts.open, name, password)
    world.wait(lambda: len(host.signed) > before, 15.0, f"{name} opens")
    found = host.signed[-1]
    assert isinstance(found, Opened)
    return found


def second_device(world: World, of: Host) -> Host:
    """The same person on a new machine, with nothing but the key."""
    store = MemoryStore()
    seed = of.machine.identity.person_seed
    store.apply([PutMeta("person_seed", seed), PutMeta("device_seed", world.rng.randbytes(32))])
    return world.add(store=store)


def room_labels(host: Host) -> set[str]:
    return {c.label for c in host.machine.conversations.mine() if not c.direct}


def contacts(host: Host) -> set[PeerId]:
    return {row.id for row in host.machine.people.rows() if row.contact}
