"""What an account brings to each machine, contacts, rooms and settings: the vault."""

from __future__ import annotations

import base64

import pytest
from host import Host
from pupils import (
    PASSWORD,
    contacts,
    opened,
    room_labels,
    second_device,
    together,
)
from world import World

from p2pchat.protocol.hashing import peer_id_of
from p2pchat.protocol.identity import Signer
from p2pchat.protocol.registrar.part import VAULT_KEY
from p2pchat.protocol.registrar.vault import open_vault

PICTURE = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(5000)).decode()


def note_of(host: Host) -> str:
    return host.machine.directory.profile.record.note


def test_the_vault_comes_right_behind_the_grant() -> None:
    world = World(23)
    _, _, pupil, guest = *together(world, 2), *(world.add() for _ in range(2))
    world.wait(lambda: world.linked(world.hosts), 30.0, "linked")
    pupil.ask(pupil.machine.registrar.accounts.register, "Li", PASSWORD)
    pupil.ask(pupil.machine.rooms.create, 0, "#secret", "a room's password")
    friend = world.add()
    world.wait(lambda: world.linked(world.hosts), 30.0, "linked")
    pupil.ask(pupil.machine.commands.set_contact, friend.machine.identity.peer_id, True)
    pupil.ask(pupil.machine.commands.set_profile, None, None, "likes maths", PICTURE)
    world.clock.run_for(30.0)
    friend.stop()
    found = opened(world, guest, "Li", PASSWORD)
    laptop = second_device(world, pupil)
    laptop.run(laptop.machine.registrar.vaulting.bring, found.vault, found.keybox)
    world.clock.run_for(0.1)
    assert room_labels(laptop) == {"#lobby", "#secret"}
    listed = [peer for peer in laptop.machine.people.peers() if peer.contact]
    assert [peer.name for peer in listed] == [friend.name], "also who is off, and was never met"
    world.wait(
        lambda: guest.machine.people.peer(pupil.machine.identity.peer_id).note == "likes maths",
        30.0,
        "a new machine takes nothing of the profile away",
    )
    mine, theirs = (host.machine.directory.own_avatar() for host in (laptop, pupil))
    assert mine == theirs
    assert mine
    strange = opened(world, guest, "Li", PASSWORD)
    guest.run(guest.machine.registrar.vaulting.bring, strange.vault, b"")
    world.clock.run_for(0.1)
    assert room_labels(guest) == {"#lobby"}, "another person's is nothing to this one"


def test_the_vault_brings_contacts_and_rooms_and_both_machines_changes_count() -> None:
    world = World(15)
    _, _, pupil, friend, other = *together(world, 2), *(world.add() for _ in range(3))
    world.wait(lambda: world.linked(world.hosts), 30.0, "linked")
    mine = friend.machine.identity.peer_id, other.machine.identity.peer_id
    pupil.ask(pupil.machine.registrar.accounts.register, "Li", PASSWORD)
    pupil.ask(pupil.machine.rooms.join, 0, "#maths", None)
    pupil.ask(pupil.machine.rooms.create, 0, "#secret", "a room's password")
    pupil.ask(pupil.machine.commands.set_contact, mine[0], True)
    world.clock.run_for(30.0)
    laptop = second_device(world, pupil)
    world.wait(
        lambda: room_labels(laptop) == {"#lobby", "#maths", "#secret"}, 90.0, "the rooms are here"
    )
    world.wait(lambda: contacts(laptop) == {mine[0]}, 30.0, "and the contacts")
    world.say(pupil, "#secret")
    world.wait(lambda: world.equal([pupil, laptop]), 60.0, "and what is said there")

    laptop.ask(laptop.machine.commands.set_contact, mine[0], False)
    pupil.ask(pupil.machine.commands.set_contact, mine[1], True)
    pupil.ask(pupil.machine.rooms.leave, 0, "#maths")
    world.wait(
        lambda: (
            contacts(laptop) == contacts(pupil) == {mine[1]}
            and room_labels(laptop) == room_labels(pupil) == {"#lobby", "#secret"}
        ),
        120.0,
        "what either has changed holds on both",
    )
    # What holders keep says nothing to them.
    vaults = [
        raw
        for host in world.hosts
        for key, raw in host.store.load().meta.items()
        if key.startswith(VAULT_KEY)
    ]
    assert len(vaults) >= 2
    assert not any(b"maths" in raw or b"secret" in raw for raw in vaults)


@pytest.mark.parametrize("seed", [30, 31, 32])
def test_what_is_changed_on_one_computer_is_on_the_other_within_moments(seed: int) -> None:
    """Somebody makes a room, goes to another computer and signs in, or is signed in there."""
    world = World(seed)
    teacher, _, pupil, friend = *together(world, 2), *(world.add() for _ in range(2))
    world.wait(lambda: world.linked(world.hosts), 30.0, "linked")
    pupil.ask(pupil.machine.registrar.accounts.register, "Li", PASSWORD)
    world.wait(lambda: bool(pupil.signed), 15.0, "registered")
    laptop = second_device(world, pupil)
    world.wait(lambda: world.linked(world.hosts), 30.0, "linked")
    world.clock.run_for(10.0)
    pupil.ask(pupil.machine.rooms.create, 0, "#secret", "a room's password")
    world.wait(lambda: "#secret" in room_labels(laptop), 3.0, "the room is there")
    world.say(pupil, "#secret")
    world.wait(lambda: world.equal([pupil, laptop]), 3.0, "and what is said in it")
    person = friend.machine.identity.peer_id
    laptop.ask(laptop.machine.commands.set_contact, person, True)
    world.wait(lambda: contacts(pupil) == {person}, 3.0, "the other way")
    teacher.stop()
    world.clock.run_for(20.0)
    laptop.ask(laptop.machine.commands.set_contact, person, False)
    world.wait(lambda: contacts(pupil) == set(), 3.0, "also with the next registrar")


def test_a_computer_that_was_given_no_vault_takes_nothing_out_of_the_others() -> None:
    """Whoever leads has lost it, or leads only since a moment ago."""
    world = World(33)
    teachers, pupil, friend, other = together(world, 2), *(world.add() for _ in range(3))
    world.wait(lambda: world.linked(world.hosts), 30.0, "linked")
    known_here, known_there = (host.machine.identity.peer_id for host in (friend, other))
    pupil.ask(pupil.machine.registrar.accounts.register, "Li", PASSWORD)
    world.wait(lambda: bool(pupil.signed), 15.0, "registered")
    pupil.ask(pupil.machine.rooms.create, 0, "#secret", "a room's password")
    pupil.ask(pupil.machine.commands.set_contact, known_here, True)
    world.clock.run_for(10.0)
    pupil.stop()
    for teacher in teachers:
        holding = teacher.machine.registrar.holding
        for vault in holding._vaults.values():
            del holding._by_id[vault.id]
        holding._vaults.clear()
    laptop = second_device(world, pupil)
    world.wait(lambda: world.linked(world.running), 30.0, "linked")
    world.clock.run_for(10.0)
    laptop.ask(laptop.machine.commands.set_contact, known_there, True)
    world.clock.run_for(10.0)
    assert room_labels(laptop) == {"#lobby"}
    pupil.start()
    for host in (pupil, laptop):
        world.wait(lambda: "#secret" in room_labels(host), 60.0, "the room stays")  # noqa: B023 - called at once
        world.wait(lambda: contacts(host) == {known_here, known_there}, 60.0, "both")  # noqa: B023
    world.clock.run_for(30.0)
    assert room_labels(pupil) == room_labels(laptop) == {"#lobby", "#secret"}


def test_who_signs_out_right_after_registering_has_handed_everything_over() -> None:
    """Before the registrar has worked out anew who has which name."""
    world = World(34)
    teachers, pupil = together(world, 2), world.add()
    world.wait(lambda: world.linked(world.hosts), 30.0, "linked")
    world.clock.run_for(5.0)
    pupil.ask(pupil.machine.registrar.accounts.register, "Li", PASSWORD)
    while not pupil.signed:
        world.clock.run_for(0.01)
    pupil.run(pupil.machine.registrar.vaulting.look)
    pupil.ask(pupil.machine.rooms.create, 0, "#secret", "a room's password")
    pupil.ask(pupil.machine.registrar.vaulting.hand_over)

    def rooms() -> list[str]:
        identity = pupil.machine.identity
        for teacher in teachers:
            vault = teacher.machine.registrar.holding.vault_of(identity.peer_id)
            contents = open_vault(identity.person_seed, vault) if vault is not None else None
            if contents is not None and contents.rooms:
                return [room.name for room in contents.rooms]
        return []

    world.wait(lambda: rooms() == ["secret"], 2.0, "handed over")


def test_a_large_vault_goes_in_parts_and_comes_to_all_that_hold() -> None:
    world = World(16)
    teachers, pupil = together(world, 2), world.add()
    world.wait(lambda: world.linked(world.hosts), 30.0, "linked")
    pupil.ask(pupil.machine.registrar.accounts.register, "Li", PASSWORD)
    world.wait(lambda: bool(pupil.signed), 15.0, "registered")
    people = pupil.machine.people
    for number in range(3000):
        key = Signer(number.to_bytes(32, "big")).key
        pupil.run(pupil.machine.directory.apply, people.meet(key, 0))
        pupil.run(pupil.machine.directory.apply, people.set_contact(peer_id_of(key), True))

    def large(host: Host) -> bool:
        raw = host.store.meta(VAULT_KEY + pupil.machine.identity.peer_id)
        return raw is not None and len(raw) > 100_000

    world.wait(lambda: all(large(host) for host in teachers), 90.0, "it is with both")


@pytest.mark.parametrize("seed", range(40, 48))
def test_what_both_sides_of_a_split_have_changed_counts_each_time(seed: int) -> None:
    """Some changes one after another on either side, which know nothing of each other: what was
    made stays, what was taken away is gone, and what was left alone is as the other has set it."""
    world = World(seed)
    first, second, pupil, friend, other = *together(world, 2), *(world.add() for _ in range(3))
    laptop_side = (second, other)
    world.wait(lambda: world.linked(world.hosts), 60.0, "linked")
    pupil.ask(pupil.machine.registrar.accounts.register, "Li", PASSWORD)
    world.wait(lambda: bool(pupil.signed), 15.0, "registered")
    known = [host.machine.identity.peer_id for host in (friend, other)]
    pupil.ask(pupil.machine.commands.set_contact, known[0], True)
    pupil.ask(pupil.machine.rooms.join, 0, "#old", None)
    laptop = second_device(world, pupil)
    world.wait(lambda: world.linked(world.hosts), 60.0, "linked")
    world.wait(
        lambda: (contacts(laptop), room_labels(laptop)) == ({known[0]}, {"#lobby", "#old"}),
        60.0,
        "brought",
    )
    world.split((first, pupil, friend), (*laptop_side, laptop))
    world.clock.run_for(30.0)
    for number in range(3):
        pupil.ask(pupil.machine.rooms.create, 0, f"#one{number}", "a room's password")
        world.clock.run_for(world.rng.uniform(1.0, 5.0))
        laptop.ask(laptop.machine.rooms.join, 0, f"#two{number}", None)
        world.clock.run_for(world.rng.uniform(1.0, 5.0))
    pupil.ask(pupil.machine.commands.set_profile, None, None, "likes maths", None)
    laptop.ask(laptop.machine.rooms.leave, 0, "#old")
    laptop.ask(laptop.machine.commands.set_contact, known[1], True)
    world.clock.run_for(world.rng.uniform(1.0, 5.0))
    laptop.ask(laptop.machine.rooms.join, 0, "#two3", None)
    world.clock.run_for(5.0)
    world.fabric.heal()
    made = {f"#{side}{number}" for side in ("one", "two") for number in range(3)}
    made.add("#two3")
    account = [pupil, laptop]
    for wanted, what in (
        (lambda: all(room_labels(host) == {"#lobby", *made} for host in account), "the rooms"),
        (lambda: all(contacts(host) == set(known) for host in account), "the contacts"),
        (lambda: {note_of(host) for host in account} == {"likes maths"}, "the note"),
    ):
        world.wait(wanted, 120.0, what)
    counters = {host: host.machine.registrar.vaulting._version for host in account}
    world.clock.run_for(60.0)
    assert {host: host.machine.registrar.vaulting._version for host in account} == counters, "rest"
    assert room_labels(pupil) == room_labels(laptop) == {"#lobby", *made}
