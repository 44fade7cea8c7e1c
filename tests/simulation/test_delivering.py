"""A node that is there to bring to others what somebody has written, after they have gone."""

from __future__ import annotations

import pytest
from host import Host
from test_election import leader
from world import World

from p2pchat.model.people import Status
from p2pchat.protocol import unsent

LINKING_S = 150.0
ROOM, PASSWORD = "#den", "a room's password"


class Guest:
    """Has written to the lobby, to a room with a password and to a friend, while nobody was there;
    and the friend to them."""

    def __init__(self, seed: int) -> None:
        self.world = world = World(seed)
        self.friend, self.host = world.add(), world.add(willing=True)
        world.wait(lambda: world.linked(world.hosts), LINKING_S, "linked")
        self.friend.ask(self.friend.machine.rooms.create, 0, ROOM, PASSWORD)
        world.clock.run_for(2.0)
        self.host.ask(self.host.machine.rooms.join, 0, ROOM, PASSWORD)
        world.clock.run_for(10.0)
        self.places = ("#lobby", ROOM, self.at(self.friend))
        self.friend.stop()
        for place in self.places:
            world.say(self.host, place)
        world.clock.run_for(2.0)
        self.host.stop()
        self.friend.start()
        for place in (ROOM, self.at(self.host)):
            world.say(self.friend, place)
        world.clock.run_for(2.0)

    @staticmethod
    def at(host: Host) -> str:
        return f"@{host.machine.identity.peer_id}"

    def comes(self) -> None:
        self.host.config["delivers"] = True
        self.host.start()

    @property
    def waits(self) -> list[str]:
        return unsent.wanted(self.host.machine)

    def got(self) -> list[str]:
        """What the friend has from the guest."""
        me = self.host.machine.identity.peer_id
        conversations = self.friend.machine.conversations
        authors = self.friend.machine.ingest.author
        return sorted(
            one.label for one in conversations.mine() if any(authors(f) == me for f in one.spans)
        )


def test_whom_it_is_for_is_known_and_whether_they_are_there() -> None:
    guest = Guest(81)
    machine, friend = guest.friend.machine, guest.friend.machine.identity.peer_id
    lobby, room = (machine.conversations.labelled(place) for place in ("#lobby", ROOM))
    assert lobby is not None
    assert room is not None
    names = {f"@{friend}", f"#{lobby.id.hex()}", f"#{room.id.hex()}"}
    assert set(guest.waits) == names
    assert unsent.is_wanted(machine, [f"@{friend}"])
    assert not unsent.is_wanted(machine, names - {f"@{friend}"}), (
        "one's own word counts for oneself"
    )
    other = guest.world.add()
    guest.world.wait(lambda: guest.world.linked(guest.world.running), LINKING_S, "linked")
    for name in names:
        assert unsent.is_wanted(other.machine, [name])
        assert unsent.is_wanted(machine, [name]) is (name != f"#{room.id.hex()}")
    guest.friend.stop()
    guest.world.clock.run_for(1.0)
    assert not unsent.is_wanted(other.machine, names)


@pytest.mark.parametrize("seed", range(82, 86))
def test_all_of_it_arrives_and_nothing_is_taken(seed: int) -> None:
    guest = Guest(seed)
    world, friend = guest.world, guest.friend
    guest.comes()
    world.wait(lambda: not guest.waits, LINKING_S, "all of it is received")
    assert guest.got() == sorted(("#lobby", ROOM, guest.at(guest.host)))
    person = guest.host.machine.identity.peer_id
    assert friend.machine.people.status(person) is Status.AWAY
    world.clock.run_for(30.0)
    assert leader(friend) is None, "it doesn't lead"
    theirs = friend.machine.identity.peer_id
    authors = guest.host.machine.ingest.author
    for conversation in guest.host.machine.conversations:
        written = [feed for feed in conversation.spans if authors(feed) == theirs]
        assert (conversation.label == ROOM) is bool(written), "but what was there before"
    direct = friend.machine.directs.existing(person)
    assert direct is not None
    assert friend.machine.receipts.waits(direct), "nobody was told that the guest has it"


def test_a_word_of_who_is_signed_in_at_the_same_computer_doesnt_count_for_a_room() -> None:
    guest = Guest(86)
    world, here = guest.world, guest.friend.machine.identity.peer_id
    guest.comes()
    world.wait(lambda: not guest.waits, LINKING_S, "the friend has all")
    rooms = unsent.wanted(guest.host.machine, besides=here)
    assert len(rooms) == 2
    assert all(name.startswith("#") for name in rooms)
    other = world.add()
    other.ask(other.machine.rooms.join, 0, ROOM, PASSWORD)
    world.wait(lambda: not unsent.wanted(guest.host.machine, besides=here), LINKING_S, "others too")
