"""Registrations while the network splits, registrars crash and clocks are a day off: every node
comes to the same owners, no acknowledged account is lost, whoever is renamed is told, and the
password opens the account wherever it is asked for."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from random import Random

import pytest
from host import Host
from memory_store import MemoryStore
from mishaps import Mishaps, state
from seeds import live_each
from test_election import APPOINTING, leader, settled
from world import DAY_MS, World

from p2pchat.config import limits
from p2pchat.model.accounts import Opened, Registered
from p2pchat.model.ids import PeerId
from p2pchat.model.records import PutMeta
from p2pchat.protocol.hashing import peer_id_of
from p2pchat.protocol.identity import Signer
from p2pchat.protocol.overlay import Mode
from p2pchat.protocol.registrar.election import State
from p2pchat.protocol.registrar.owners import Owner
from p2pchat.protocol.registrar.part import KEYBOX_KEY, VAULT_KEY
from p2pchat.protocol.registrar.vault import open_vault

SEEDS, GROUP = 240, 8
STEPS = 18
NAMES = ("Li", "LI", "Ann", "li_2", "Bo")
PASSWORD = "correct horse"
PICTURE = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(5000)).decode()
LINKING_S, SAME_S = 150.0, 25.0


def known(host: Host) -> Mapping[PeerId, Owner]:
    return host.machine.registrar.registry.owners()


class School(Mishaps):
    def __init__(self, seed: int) -> None:
        super().__init__(World(seed), rng := Random(seed + 1))
        self.appointed = rng.random() < 0.3
        public = Signer(APPOINTING).key if self.appointed else b""
        for number in range(rng.randint(3, 6)):
            teacher = self.appointed and number == 0
            self.world.add(
                clock_off_ms=rng.choice((0, 0, 0, DAY_MS, -DAY_MS)),
                willing=number < 2 or rng.random() < 0.4,
                appointing=APPOINTING if teacher else b"",
                appointed_by=public,
            )
        self.counted: dict[Host, int] = {}
        """Answers looked at so far."""
        self.made: dict[PeerId, tuple[Host, str, Signer]] = {}
        """Acknowledged accounts: where, and under which name."""

    def run(self) -> None:
        for _ in range(STEPS):
            self._something()
            for _ in range(self.rng.choice((1, 2, 20, 60))):
                self.world.clock.run_for(0.25)
                self._look()
        self._heal()
        self.check()

    def _something(self) -> None:
        actions: tuple[Callable[[], None], ...] = (
            *([self._register] * 5),
            self.part,
            self._on_both_sides,
            self._on_both_sides,
            self.world.fabric.heal,
            self.crash,
            self.crash_leader,
            self.start_again,
            self.start_again,
            self.sleep,
            self.wake,
        )
        self.rng.choice(actions)()

    def _look(self) -> None:
        """What was acknowledged is durable where it has to be, at that moment."""
        for host in self.world.hosts:
            for answer in host.signed[self.counted.get(host, 0) :]:
                assert isinstance(answer, Registered)
                person = host.machine.identity.person
                self.made[answer.account_id] = (host, answer.name, person)
                self._check_durable(answer.account_id)
            self.counted[host] = len(host.signed)

    def _check_durable(self, account: PeerId) -> None:
        kept = [h for h in self.world.hosts if h.store.meta(KEYBOX_KEY + account) is not None]
        assert kept, "nobody has the key of an acknowledged account"
        for host in kept:
            if not host.up or host.frozen or state(host) is not State.REGISTRAR:
                continue
            for link in host.machine.links.up():
                since = host.machine.ctx.now - link.opened
                fellow = since > 3.0 and host.machine.registrar.is_fellow(link.device)
                assert not fellow or len(kept) > 1, "the registrar alone has it"

    # -- what happens

    def _register(self) -> None:
        if (host := self.one(self.world.running)) is not None:
            name = self.rng.choice(NAMES)
            host.ask(host.machine.registrar.accounts.register, name, PASSWORD)

    def _on_both_sides(self) -> None:
        """The network has been split for a while when somebody registers in each half."""
        halves = self.halves()
        self.world.fabric.heal()
        self.world.split(*halves)
        self.world.clock.run_for(20.0)
        self._look()
        name = self.rng.choice(NAMES)
        for half in halves:
            unnamed = [
                host
                for host in half
                if host in self.world.running and host.machine.identity.peer_id not in known(host)
            ]
            if (host := self.one(unnamed)) is not None:
                host.ask(host.machine.registrar.accounts.register, name, PASSWORD)

    # -- and what holds at the end

    def _heal(self) -> None:
        world = self.world
        for host in world.hosts:
            if host.frozen:
                host.wake()
            if not host.up:
                host.start()
        world.fabric.heal()
        hosts = world.hosts
        world.wait(lambda: world.linked(hosts), LINKING_S, "everyone linked to everyone")
        self._look()

        def same() -> bool:
            first, *others = (known(host) for host in hosts)
            return all(other == first for other in others)

        world.wait(same, SAME_S, "the same owners everywhere")
        world.clock.run_for(30.0)
        self._look()
        assert same()

    def check(self) -> None:
        hosts = self.world.hosts
        owners = known(hosts[0])
        looks = hosts[0].machine.registrar.registry.looks
        taken = [look for owner in owners.values() for look in looks(owner.name)]
        assert len(set(taken)) == sum(len(looks(owner.name)) for owner in owners.values())
        for account, (host, name, _) in self.made.items():
            owner = owners.get(account)
            assert owner is not None, f"the account of {name} is lost"
            told = {event.new_name for event in host.renamed if event.account_id == account}
            assert owner.name == name or owner.name in told or self._was_off(host), (
                f"{name} is {owner.name} and wasn't told"
            )
            for other in hosts:
                if other.machine.registrar.may_hold:
                    assert other.store.meta(KEYBOX_KEY + account) is not None
        self._check_opening(owners)

    def _was_off(self, host: Host) -> bool:
        """It was renamed while this one was switched off, and shows the new name."""
        own = known(host).get(host.machine.identity.peer_id)
        return own is not None and host.machine.directory.profile.record.name == own.name

    def _check_opening(self, owners: Mapping[PeerId, Owner]) -> None:
        """The password opens each account from any host, and another one doesn't."""
        if not self.made:
            return
        settled(self.world)
        for account, (_, _, person) in list(self.made.items())[:2]:
            host = self.rng.choice(self.world.hosts)
            before = len(host.signed)
            name = owners[account].name
            host.ask(host.machine.registrar.accounts.open, name, PASSWORD)
            self.world.wait(lambda h=host, n=before: len(h.signed) > n, 15.0, f"{name} opens")  # type: ignore[misc]  # its defaults
            opened = host.signed[-1]
            assert isinstance(opened, Opened)
            assert Signer(opened.seed).key == person.key
            self.counted[host] = len(host.signed)


@pytest.mark.seeds(SEEDS, GROUP)
def test_no_account_is_lost_and_all_agree(seeds: range) -> None:
    live_each(seeds, lambda seed: School(seed).run())


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


def test_two_parts_register_one_name_and_both_accounts_live_on() -> None:
    world = World(11)
    hosts = together(world, 4)
    register_apart(world, {hosts[0]: PASSWORD, hosts[2]: PASSWORD})
    assert sorted(owner.name for owner in known(hosts[0]).values()) == ["Li", "Li_2"]
    told = [event for host in hosts for event in host.renamed]
    world.wait(lambda: bool([e for h in hosts for e in h.renamed]), 5.0, "told")
    told = [event for host in hosts for event in host.renamed]
    assert {(event.old_name, event.new_name, event.why) for event in told} == {
        ("Li", "Li_2", "name-taken")
    }
    (renamed,) = {event.account_id for event in told}
    loser = next(host for host in hosts if host.machine.identity.peer_id == renamed)
    assert loser.machine.directory.profile.record.name == "Li_2"


def test_the_registrar_alone_doesnt_wait_and_one_that_dies_is_asked_again() -> None:
    world = World(12)
    (alone,) = together(world, 1)
    guest = world.add()
    world.wait(lambda: leader(guest) == alone.device, 30.0, "known")
    guest.ask(guest.machine.registrar.accounts.register, "Li", PASSWORD)
    world.wait(lambda: bool(guest.signed), 5.0, "registered")
    second = world.add(willing=True)
    world.wait(
        lambda: second.store.meta(KEYBOX_KEY + guest.machine.identity.peer_id) is not None,
        60.0,
        "a new fellow gets what is held",
    )
    first = settled(world)
    other = world.add()
    world.wait(lambda: leader(other) == first.device, 30.0, "known")
    other.ask(other.machine.registrar.accounts.register, "Ann", PASSWORD)
    first.crash()
    world.wait(lambda: bool(other.signed), 15.0, "the next registrar has taken it")


def test_a_registered_name_is_its_owners_label_and_borrowing_it_is_told() -> None:
    world = World(13)
    teacher, pupil, other, late = *together(world, 1), *(world.add() for _ in range(3))
    world.wait(lambda: world.linked(world.hosts), 30.0, "linked")
    pupil.ask(pupil.machine.registrar.accounts.register, other.name, PASSWORD)
    world.wait(lambda: bool(pupil.signed), 15.0, "registered")
    mine, theirs = (host.machine.identity.peer_id for host in (pupil, other))
    world.clock.run_for(2.0)
    for host in (teacher, late):
        people = host.machine.people
        assert people.label(mine) == other.name
        assert people.label(theirs) == f"{other.name}_2"
        assert people.peer(mine).account == mine
        assert people.peer(theirs).account is None
    assert other.machine.people.label(mine) == other.name
    assert pupil.machine.people.label(mine) == other.name

    late.ask(late.machine.commands.set_profile, other.name.upper(), None, None, None)
    world.clock.run_for(6.0)
    assert any("not registered" in text for text in teacher.told)
    warning = teacher.machine.people.peer(late.machine.identity.peer_id).warning
    assert warning is not None
    host = teacher
    host.crash()
    host.start()
    world.wait(lambda: world.linked(world.hosts), 60.0, "linked")
    assert host.machine.people.label(mine) == other.name


def test_the_appointed_releases_a_name_and_nobody_else_can() -> None:
    world = World(14)
    public = Signer(APPOINTING).key
    teacher = world.add(appointing=APPOINTING, appointed_by=public)
    pupil, other = (world.add(appointed_by=public) for _ in range(2))
    settled(world)
    pupil.ask(pupil.machine.registrar.accounts.register, "Li", PASSWORD)
    world.wait(lambda: bool(pupil.signed), 15.0, "registered")
    account = pupil.machine.identity.peer_id
    world.clock.run_for(2.0)
    assert all(known(host)[account].countersigned for host in world.hosts)
    pupil.ask(pupil.machine.registrar.accounts.release, account)
    other.ask(other.machine.registrar.accounts.register, "Li", PASSWORD)
    assert (pupil.refused, other.refused) == (["not-allowed"], ["name-taken"])
    teacher.ask(teacher.machine.registrar.accounts.release, account)
    world.clock.run_for(2.0)
    assert {known(host)[account].name for host in world.hosts} == {"Li_2"}
    assert [event.why for event in pupil.renamed] == ["released"]
    other.ask(other.machine.registrar.accounts.register, "Li", PASSWORD)
    world.wait(lambda: bool(other.signed), 15.0, "the name is free")
    assert known(pupil)[other.machine.identity.peer_id].name == "Li"
    other.ask(other.machine.registrar.accounts.open, "Li_2", PASSWORD)
    world.wait(lambda: len(other.signed) == 2, 15.0, "the account is still its owner's")


def opened(world: World, host: Host, name: str, password: str) -> Opened:
    before = len(host.signed)
    host.ask(host.machine.registrar.accounts.open, name, password)
    world.wait(lambda: len(host.signed) > before, 15.0, f"{name} opens")
    found = host.signed[-1]
    assert isinstance(found, Opened)
    return found


def test_who_was_renamed_still_signs_in_by_the_old_name_and_is_told_the_new_one() -> None:
    world = World(20)
    hosts = together(world, 4)
    passwords = {hosts[0]: PASSWORD, hosts[2]: "battery staple"}
    register_apart(world, passwords)
    settled(world)
    guest = world.add()
    world.wait(lambda: leader(guest) is not None and len(known(guest)) == 2, 60.0, "known")
    for host, password in passwords.items():
        account = host.machine.identity.peer_id
        found = opened(world, guest, "li", password)
        assert (found.account, found.name) == (account, known(guest)[account].name)
        assert found.renamed_from == (None if found.name == "Li" else "li")
    world.clock.run_for(61.0)
    # A guess under the name that both have asked for is one at each of them, and no more.
    for number in range(2):
        guest.ask(guest.machine.registrar.accounts.open, "Li", f"guess {number}")
        world.clock.run_for(5.0)
    assert guest.refused == ["wrong-password"] * 2
    for number in range(limits.TRIES_PER_MINUTE - 1):
        guest.ask(guest.machine.registrar.accounts.open, "Li_2", f"guess {number}")
        world.clock.run_for(5.0)
    assert guest.refused[2:] == ["wrong-password"] * 3 + ["too-many-tries"]


def test_the_recovery_code_sets_another_password_and_that_alone_opens() -> None:
    world = World(29)
    first, second, pupil, guest = *together(world, 2), *(world.add() for _ in range(2))
    world.wait(lambda: world.linked(world.hosts), 30.0, "linked")
    pupil.ask(pupil.machine.registrar.accounts.register, "Li", PASSWORD)
    world.wait(lambda: bool(pupil.signed), 15.0, "registered")
    made = pupil.signed[0]
    assert isinstance(made, Registered)
    second.crash()
    recover = guest.machine.registrar.accounts.recover
    guest.ask(recover, "Li", made.recovery_code[:-1], "battery staple")
    world.wait(lambda: bool(guest.refused), 15.0, "refused")
    guest.ask(recover, "Li", made.recovery_code.lower().replace("-", " "), "battery staple")
    world.wait(lambda: bool(guest.signed), 15.0, "recovered")
    second.start()
    world.wait(
        lambda: (
            second.store.meta(KEYBOX_KEY + made.account_id)
            == first.store.meta(KEYBOX_KEY + made.account_id)
        ),
        60.0,
        "who was off has the new one too",
    )
    # Whoever leads: one of them alone is left.
    leads = settled(world)
    leads.crash()
    world.wait(lambda: leader(guest) not in (None, leads.device), 60.0, "the other leads")
    guest.ask(guest.machine.registrar.accounts.open, "Li", PASSWORD)
    world.wait(lambda: len(guest.refused) == 2, 30.0, "the old password")
    assert set(guest.refused) == {"wrong-password"}
    assert opened(world, guest, "Li", "battery staple").account == made.account_id


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


def test_in_a_large_network_all_who_hold_have_what_was_registered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Few are linked there."""
    monkeypatch.setattr(limits, "MESH_UP", 12)
    monkeypatch.setattr(limits, "MESH_DOWN", 10)
    world = World(19)
    willing = [world.add(willing=True) for _ in range(5)]
    guests = [world.add() for _ in range(17)]
    world.clock.run_for(60.0)
    assert {host.machine.overlay.mode() for host in world.hosts} == {Mode.BOUNDED}
    assert len({leader(host) for host in world.hosts}) == 1
    guests[0].ask(guests[0].machine.registrar.accounts.register, "Li", PASSWORD)
    world.wait(lambda: bool(guests[0].signed), 15.0, "registered")
    account = guests[0].machine.identity.peer_id
    world.wait(
        lambda: all(host.store.meta(KEYBOX_KEY + account) for host in willing), 60.0, "all hold it"
    )
    assert all(known(host)[account].name == "Li" for host in world.hosts)


def test_who_is_signed_in_is_told_of_another_computer_once() -> None:
    world = World(19)
    here, *_ = together(world, 2)
    here.ask(here.machine.registrar.accounts.register, "Li", PASSWORD)
    world.wait(lambda: bool(here.signed), 15.0, "registered")
    there = second_device(world, here)
    world.wait(lambda: world.linked([here, there]), 30.0, "linked")
    there.stop()  # was there for a moment only
    world.wait(lambda: "signed-in-elsewhere" in here.warnings, 10.0, "told all the same")
    there.start()
    world.wait(lambda: "signed-in-elsewhere" in there.warnings, 60.0, "and here")
    world.clock.run_for(10.0)
    assert here.warnings.count("signed-in-elsewhere") == 1


def test_wrong_passwords_typed_at_the_registrar_itself_are_counted() -> None:
    world = World(20)
    (alone,) = together(world, 1)
    alone.ask(alone.machine.registrar.accounts.register, "Li", PASSWORD)
    world.wait(lambda: bool(alone.signed), 5.0, "registered")
    for _ in range(limits.TRIES_PER_MINUTE + 1):
        alone.ask(alone.machine.registrar.accounts.open, "Li", "another one")
        world.clock.run_for(1.0)
    assert alone.refused == ["wrong-password"] * limits.TRIES_PER_MINUTE + ["too-many-tries"]
    world.clock.run_for(60.0)
    alone.ask(alone.machine.registrar.accounts.open, "Li", PASSWORD)
    world.wait(lambda: len(alone.signed) == 2, 5.0, "opened")


def test_registering_again_changes_no_password() -> None:
    world = World(21)
    first, _ = together(world, 2)
    for password in (PASSWORD, "another one", PASSWORD):
        first.ask(first.machine.registrar.accounts.register, "Li", password)
        world.clock.run_for(5.0)
    assert first.refused == ["not-allowed"]
    codes = [made.recovery_code for made in first.signed if isinstance(made, Registered)]
    assert len(set(codes)) == 2, "whose answer was lost has a code by asking again"
    assert opened(world, first, "Li", PASSWORD).account == first.machine.identity.peer_id


@pytest.mark.parametrize("name", ["#lobby", "@Li", " @ Li", "", "Li\u200b"])
def test_a_name_that_would_be_a_room_or_a_mention_isnt_registered(name: str) -> None:
    world = World(22)
    (alone,) = together(world, 1)
    alone.ask(alone.machine.registrar.accounts.register, name, PASSWORD)
    world.clock.run_for(2.0)
    assert (alone.refused, alone.signed) == (["name-not-allowed"], [])


def test_who_is_registered_has_the_name_when_the_answer_is_there() -> None:
    """Else who is renamed within that moment, as networks come together, wouldn't be told."""
    world = World(23)
    host, _ = together(world, 2)
    host.ask(host.machine.registrar.accounts.register, "Li", PASSWORD)
    while not host.signed:
        world.clock.run_for(0.01)
    assert host.machine.directory.profile.record.name == "Li"
    assert host.machine.people.label(host.machine.identity.peer_id) == "Li"
    world.clock.run_for(1.0)
    assert host.renamed == []
