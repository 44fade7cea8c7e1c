"""Registrations while the network splits, registrars crash and clocks are a day off: every node
comes to the same owners, no acknowledged account is lost, whoever is renamed is told, and the
password opens the account wherever it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

import pytest
from host import Host
from mishaps import Mishaps, state
from pupils import (
    PASSWORD,
    known,
    register_apart,
    second_device,
    together,
)
from seeds import live_each
from test_election import APPOINTING, leader, settled
from world import DAY_MS, World

from p2pchat.config import limits
from p2pchat.model.accounts import Opened, Registered
from p2pchat.model.ids import PeerId
from p2pchat.protocol.identity import Signer
from p2pchat.protocol.overlay import Mode
from p2pchat.protocol.registrar.election import State
from p2pchat.protocol.registrar.owners import Owner
from p2pchat.protocol.registrar.part import KEYBOX_KEY

SEEDS, GROUP = 240, 8
STEPS = 18
NAMES = ("Li", "LI", "Ann", "li_2", "Bo")
LINKING_S, SAME_S = 150.0, 25.0


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
    teacher.ask(teacher.machine.registrar.accounts.release, account)
    assert teacher.refused == ["not-allowed"], "what it has now isn't given free"
    other.ask(other.machine.registrar.accounts.register, "Li", PASSWORD)
    world.wait(lambda: bool(other.signed), 15.0, "the name is free")
    assert known(pupil)[other.machine.identity.peer_id].name == "Li"
    other.ask(other.machine.registrar.accounts.open, "Li_2", PASSWORD)
    world.wait(lambda: len(other.signed) == 2, 15.0, "the account is still its owner's")


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
