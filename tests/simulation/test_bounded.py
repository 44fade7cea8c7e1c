"""A network above the mesh, of whole machines: everything is heard, presence is right, links and
frames stay bounded; and what a network at rest says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from host import Host
from world import LOBBY, World

from p2pchat.config import limits
from p2pchat.model.ids import PeerId
from p2pchat.model.people import Status
from p2pchat.protocol import effects, wire
from p2pchat.protocol.directory import REFRESH_S, STALE_S
from p2pchat.protocol.overlay import Mode

COUNT = 60


class Frames:
    """Counts what hosts send from now on, by kind, as a mean of one host."""

    def __init__(self, hosts: Sequence[Host]) -> None:
        self._hosts = len(hosts)
        self._counts: Counter[str] = Counter()
        for host in hosts:
            self._listen(host)

    def _listen(self, host: Host) -> None:
        perform = host._perform

        def counted(effect: effects.Effect) -> None:
            if isinstance(effect, effects.Send):
                kind = type(wire.decode(effect.frame)).__name__
                self._counts[kind] += len(effect.links)
            perform(effect)

        host._perform = counted  # type: ignore[method-assign]  # the host as the test's ear

    def take(self) -> Counter[str]:
        counts, self._counts = self._counts, Counter()
        return Counter({kind: round(count / self._hosts) for kind, count in counts.items()})


def all_see_all(hosts: Sequence[Host]) -> bool:
    """Whether each of the hosts takes just the others for on line."""
    here = {host.machine.identity.peer_id for host in hosts}
    return all(online(host) == here - {host.machine.identity.peer_id} for host in hosts)


def online(host: Host) -> set[PeerId]:
    peers = host.machine.people.peers()
    return {peer.peer_id for peer in peers if peer.status is not Status.OFFLINE}


def in_mode(hosts: Sequence[Host], mode: Mode) -> bool:
    return all(host.machine.overlay.mode() is mode for host in hosts)


def test_a_network_grows_above_the_mesh_and_shrinks_back_into_it() -> None:
    world = World(1)
    hosts = []
    for _ in range(COUNT):
        hosts.append(world.add())
        world.clock.run_for(0.1)
    world.wait(lambda: in_mode(hosts, Mode.BOUNDED), 10.0, "bounded")
    # Nobody has to wait for the next record of somebody who is there already.
    world.wait(lambda: all_see_all(hosts), 5.0, "everyone sees everyone")
    world.clock.run_for(2.0 * limits.IDLE_LINK_S)
    degrees = [len(host.machine.links.up()) for host in hosts]
    assert max(degrees) <= 2 * limits.RINGS + limits.DEGREE_CAP
    assert all_see_all(hosts)
    frames = Frames(hosts)

    world.clock.run_for(REFRESH_S)
    at_rest = frames.take()
    # Each device's record once over each link at the most, and one comparison in half a minute.
    assert at_rest["Records"] <= 1.5 * COUNT * limits.RINGS * 2
    assert at_rest["Digest"] <= 3
    assert not at_rest.keys() - {"Records", "Digest", "Ping", "Pong", "IHave", "Graft", "Prune"}

    _talk(world, hosts)
    assert frames.take()["Push"] <= 30

    leaving, crashing, rest = hosts[10:14], hosts[14:17], hosts[:10] + hosts[17:]
    for host in leaving:
        host.stop()
    world.wait(lambda: all_see_all([*rest, *crashing]), 5.0, "everyone knows that they have left")
    for host in crashing:
        host.crash()
    missed = STALE_S + 1.5 * REFRESH_S
    world.wait(lambda: all_see_all(rest), missed, "everyone misses who has crashed")
    small = hosts[8].machine.conversations.labelled("#small")
    assert small is not None
    gone = {host.device for host in (*leaving, *crashing)}
    assert not any(gone & host.machine.rooms.devices_in(small) for host in rest)

    for host in rest[limits.MESH_DOWN - 4 :]:
        host.stop()
    few = rest[: limits.MESH_DOWN - 4]
    world.wait(lambda: world.linked(few), 30.0, "a mesh again")
    assert in_mode(few, Mode.MESH)
    assert all_see_all(few)
    world.say(few[0])
    world.clock.run_for(1.0)
    assert world.equal(few)


def _talk(world: World, hosts: Sequence[Host]) -> None:
    """All get what is said to all, the members of a room what is said there, and one person what
    is said to them, over a link made for it."""
    members = hosts[8:16]
    for host in members:
        host.ask(host.machine.rooms.join, 0, "#small", None)
    world.clock.run_for(5.0)
    for host in members:
        world.say(host, "#small")
        world.clock.run_for(0.2)
    for host in hosts[::6]:
        world.say(host)
        world.clock.run_for(0.2)
    one = hosts[0]
    other = next(host for host in hosts[1:] if one.machine.links.of(host.device) is None)
    world.say(one, f"@{other.machine.identity.peer_id}")
    world.clock.run_for(3.0)
    spoken = len(hosts[::6])
    assert {len(host.store.all_messages(LOBBY)) for host in hosts} == {spoken}
    small = members[0].machine.conversations.labelled("#small")
    assert small is not None
    for host in hosts:
        inside = host in members
        shown = host.store.all_messages(small.id)
        assert len(shown) == (2 * len(members) if inside else 0)
    assert one.acknowledged[-1].message_id in other.received
    assert world.equal(hosts)


def test_a_network_at_rest_says_little() -> None:
    world = World(2)
    hosts = [world.add() for _ in range(6)]
    world.wait(lambda: world.linked(hosts), 5.0, "linked")
    for host in hosts[:3]:
        host.ask(host.machine.rooms.join, 0, "#maths", None)
    world.clock.run_for(1.0)
    for host in hosts:
        world.say(host)
        world.say(host, f"@{hosts[0].machine.identity.peer_id}")
    world.clock.run_for(2 * limits.DIGEST_EVERY_S)
    frames = Frames(hosts)
    world.clock.run_for(20 * limits.DIGEST_EVERY_S)
    said = frames.take()
    assert not said.keys() - {"Digest", "Ping", "Pong"}
    # The lobby, for half of them another room with two others, and direct conversations with one.
    assert said["Digest"] <= 20 * 2


def test_rooms_are_known_again_after_a_long_time_apart() -> None:
    """Nothing has changed meanwhile, so that the records are those from before."""
    world = World(3)
    one, other = world.add(), world.add()
    world.wait(lambda: world.linked([one, other]), 5.0, "linked")
    other.ask(other.machine.rooms.create, 0, "#maths", "secret")
    world.clock.run_for(2.0)
    world.split([one], [other])
    world.clock.run_for(2 * STALE_S)
    assert not any(room.room == "#maths" for room in one.machine.rooms.rooms())
    world.fabric.heal()
    world.wait(lambda: world.linked([one, other]), 30.0, "linked again")
    world.clock.run_for(1.0)
    assert [room.members for room in one.machine.rooms.rooms() if room.room == "#maths"] == [1]
