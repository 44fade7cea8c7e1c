"""What a hostile node can't have: an account's key, a countersigned name, somebody else's
registration; and what a class that registers at once isn't."""

from __future__ import annotations

from functools import partial

import pytest
from host import Host
from mishaps import state
from pupils import PASSWORD, known, together
from test_election import APPOINTING, leader, settled
from world import World

from p2pchat.config import limits
from p2pchat.model.ids import PeerId
from p2pchat.protocol import wire
from p2pchat.protocol.identity import Signer, verify
from p2pchat.protocol.link import Link
from p2pchat.protocol.registrar import checking, claims
from p2pchat.protocol.registrar.claims import (
    Countersignature,
    Holder,
    Release,
    make_appointed,
    make_claim,
    make_request,
)
from p2pchat.protocol.registrar.election import State
from p2pchat.protocol.registrar.keybox import Keybox, Lock, make_keybox, make_lock
from p2pchat.protocol.registrar.lease import make_lease, make_mandate
from p2pchat.protocol.registrar.part import KEYBOX_KEY


def link(host: Host, to: Host) -> Link:
    found = host.machine.links.of(to.device)
    assert found is not None
    return found


def send(host: Host, to: Host, frame: wire.Frame) -> None:
    host.run(host.machine.links.send, link(host, to).id, frame)


def register(world: World, host: Host, name: str) -> PeerId:
    before = len(host.signed)
    host.ask(host.machine.registrar.accounts.register, name, PASSWORD)
    world.wait(lambda: len(host.signed) > before, 15.0, f"{name} is registered")
    return host.signed[-1].account_id if not hasattr(host.signed[-1], "seed") else PeerId("")


def opens(world: World, host: Host, name: str, password: str) -> bool:
    """Whether the password opens the account."""
    before, refused = len(host.signed), len(host.refused)
    host.ask(host.machine.registrar.accounts.open, name, password)
    world.wait(lambda: len(host.signed) > before or len(host.refused) > refused, 30.0, "an answer")
    return len(host.signed) > before


def school(
    seed: int, *, appointed: bool = False, guests: int = 3
) -> tuple[World, Host, list[Host]]:
    world, public = World(seed), Signer(APPOINTING).key
    if appointed:
        teacher = world.add(appointing=APPOINTING, appointed_by=public)
        others = [world.add(appointed_by=public) for _ in range(guests)]
    else:
        (teacher,) = together(world, 1)
        others = [world.add() for _ in range(guests)]
    settled(world)
    return world, teacher, others


def test_nobody_registers_in_somebody_elses_name() -> None:
    world, teacher, (pupil, thief, _) = school(21)
    network, victim = pupil.machine.network, pupil.machine.identity.person
    raw = make_request(victim, network, "Li")
    lock = make_lock(b"x" * 32, b"s" * 32)
    own = make_keybox(thief.machine.identity.person, network, 1, lock, lock)
    send(thief, teacher, wire.Register(1, raw, own.raw))
    forged = raw.replace(victim.key, thief.machine.identity.person.key)
    send(thief, teacher, wire.Register(2, forged, own.raw))
    send(thief, teacher, wire.Register(3, b"", own.raw))
    world.clock.run_for(5.0)
    assert known(teacher) == {}
    assert teacher.store.meta(KEYBOX_KEY + thief.machine.identity.peer_id) is None


def test_an_old_password_doesnt_come_back_and_nobody_else_sets_a_new_one() -> None:
    world, teacher, (pupil, thief, other) = school(22)
    account = register(world, pupil, "Li")
    old = teacher.store.meta(KEYBOX_KEY + account)
    assert old is not None
    pupil.ask(pupil.machine.registrar.accounts.change_password, PASSWORD, "another horse")
    world.wait(lambda: teacher.store.meta(KEYBOX_KEY + account) != old, 15.0, "changed")
    send(thief, teacher, wire.Register(1, b"", old))
    lock = make_lock(b"x" * 32, bytes(32))
    forged = make_keybox(thief.machine.identity.person, thief.machine.network, 1 << 52, lock, lock)
    victim = pupil.machine.identity.person.key
    raw = forged.raw.replace(thief.machine.identity.person.key, victim)
    send(thief, teacher, wire.Register(2, b"", raw))
    send(thief, teacher, wire.Keep(3, (), raw))
    send(thief, teacher, wire.RegistryRecords(True, (old, raw)))
    world.clock.run_for(5.0)
    assert not opens(world, other, "Li", PASSWORD)
    assert opens(world, other, "Li", "another horse")


def test_who_isnt_willing_gets_no_keyboxes_whatever_they_ask_for() -> None:
    world, teacher, (pupil, thief, _) = school(23)
    account = register(world, pupil, "Li")
    box = teacher.machine.registrar.holding.of(account)
    assert box is not None
    seen: list[bytes] = []
    for wire_ in teacher.wires.values():
        original = wire_.send
        wire_.send = partial(_spy, seen, original)  # type: ignore[method-assign]  # all that goes out
    send(thief, teacher, wire.RecordSet(True, bytes(16)))
    send(thief, teacher, wire.RecordsWanted(True, box.id))
    send(thief, teacher, wire.VaultWanted(0))
    world.clock.run_for(5.0)
    secrets = (box.record.password.wrapped, box.record.password.secret, box.record.recovery.wrapped)
    assert not any(secret in frame for frame in seen for secret in secrets)


def _spy(seen: list[bytes], original: object, sender: Host, frame: bytes) -> None:
    seen.append(frame)
    original(sender, frame)  # type: ignore[operator]  # a method of Wire


def test_five_wrong_passwords_a_minute() -> None:
    world, _, (pupil, thief, other) = school(24)
    register(world, pupil, "Li")
    for number in range(limits.TRIES_PER_MINUTE):
        assert not opens(world, thief, "Li", f"guess {number}")
    assert set(thief.refused) == {"wrong-password"}
    assert not opens(world, thief, "Li", PASSWORD)
    assert thief.refused[-1] == "too-many-tries"
    world.clock.run_for(61.0)
    assert opens(world, other, "Li", PASSWORD)


def test_the_next_pupil_at_a_computer_isnt_held_up_by_the_one_before() -> None:
    world, _, (pupil, computer, other) = school(24)
    register(world, pupil, "Li")
    register(world, other, "Ann")
    for number in range(limits.TRIES_PER_MINUTE + 1):
        assert not opens(world, computer, "Li", f"guess {number}")
    assert computer.refused[-1] == "too-many-tries"
    assert opens(world, computer, "Ann", PASSWORD)


def test_a_class_that_registers_at_once_is_no_flood_and_one_machines_hundreds_are() -> None:
    world, teacher, pupils = school(25, guests=20)
    for number, pupil in enumerate(pupils):
        pupil.ask(pupil.machine.registrar.accounts.register, f"Pupil {number}", PASSWORD)
    world.wait(lambda: all(pupil.signed for pupil in pupils), 60.0, "all are registered")
    assert len(known(teacher)) == 20

    thief = pupils[0]
    network, lock = thief.machine.network, make_lock(b"x" * 32, bytes(32))
    boxes = [_box(network, number, lock) for number in range(300)]
    for number, box in enumerate(boxes):
        send(thief, teacher, wire.Register(number, b"", box.raw))
    world.clock.run_for(10.0)
    held = teacher.machine.registrar.holding
    assert not any(held.of(box.account) for box in boxes), "they have no accounts"
    allowed = limits.REGISTRATIONS_PER_SOURCE
    assert not teacher.machine.registrar.service._sources.allowed(
        link(teacher, thief).source.encode(), teacher.machine.ctx.now
    )
    assert allowed < 300


def test_where_no_further_claim_is_kept_nothing_is_acknowledged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "CLAIMS", 1)
    world, _, (pupil, other, _) = school(28)
    register(world, pupil, "Li")
    world.clock.run_for(3.0)
    other.ask(other.machine.registrar.accounts.register, "Ann", PASSWORD)
    world.wait(lambda: bool(other.refused), 15.0, "an answer")
    assert (other.refused, other.signed) == (["too-large"], [])


def _box(network: bytes, number: int, lock: Lock) -> Keybox:
    return make_keybox(Signer(number.to_bytes(32, "big")), network, 1, lock, lock)


def test_a_hostile_winner_gets_nobodys_key_and_gives_none() -> None:
    """It leads by a number that nobody tops, without an appointing key: what it can is to be
    useless, and to take a name."""
    world, teacher, (pupil, thief, other) = school(26)
    account = register(world, pupil, "Li")
    world.clock.run_for(3.0)
    thief.machine.directory.willing = True
    thief.run(thief.machine.directory.tell)
    lease = make_lease(
        thief.machine.identity,
        thief.machine.network,
        1 << 52,
        thief.machine.ctx.wall_ms,
        False,
        b"",
    )
    for host in (teacher, pupil, other):
        send(thief, host, wire.Lease(lease.raw, 0))
    world.clock.run_for(1.0)
    assert leader(other) == thief.device
    assert state(teacher) is State.FOLLOWER
    stolen = make_claim(
        thief.machine.identity,
        thief.machine.network,
        make_request(thief.machine.identity.person, thief.machine.network, "Li"),
        lease,
        tuple(record.id for record in teacher.machine.registrar.registry._records.values()),
    )
    send(thief, other, wire.RegistryRecords(False, (stolen.raw,)))
    world.clock.run_for(12.0)
    assert known(other)[account].person_key == pupil.machine.identity.person.key
    assert known(other)[account].name == "Li_2", "taken, as nobody is appointed; and told"
    assert [event.new_name for event in pupil.renamed] == ["Li_2"]
    # Its lease has run out, an honest one leads again, and the account opens as before.
    settled(world, 30.0)
    assert opens(world, other, "Li_2", PASSWORD)


def test_with_an_appointing_key_strangers_lead_nobody_and_take_no_name() -> None:
    world, teacher, (pupil, thief, other) = school(27, appointed=True)
    account = register(world, pupil, "Li")
    world.clock.run_for(3.0)
    identity, network = thief.machine.identity, thief.machine.network
    stranger = Signer(b"z" * 32)
    mandate = make_mandate(stranger, network, identity.device.key)
    lease = make_lease(identity, network, 1 << 52, thief.machine.ctx.wall_ms, False, mandate)
    raw = make_request(identity.person, network, "Li")
    stolen = [make_claim(identity, network, raw, lease, ())]
    stolen.append(
        make_claim(identity, network, raw, make_lease(identity, network, 1, 1, False, b""), ())
    )
    victim = pupil.machine.identity.person.key
    said = [
        make_appointed(stranger, network, payload)
        for payload in (
            Release(victim, "Li"),
            Countersignature(identity.person.key, "Li"),
            Holder(identity.device.key),
        )
    ]
    for host in (teacher, pupil, other):
        send(thief, host, wire.Lease(lease.raw, 0))
        send(thief, host, wire.RegistryRecords(False, tuple(r.raw for r in (*stolen, *said))))
        send(thief, host, wire.Keep(1, tuple(record.raw for record in stolen), b""))
    world.clock.run_for(5.0)
    for host in (teacher, pupil, other):
        assert leader(host) == teacher.device
        assert known(host)[account].name == "Li"
        assert set(known(host)) == {account}


@pytest.mark.parametrize("seed", range(31, 34))
def test_a_flood_of_claims_and_leases_is_bounded(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CLAIMS", 50)
    monkeypatch.setattr(limits, "LEASES_KNOWN", 50)
    world, teacher, (_, thief, other) = school(seed)
    identity, network = thief.machine.identity, thief.machine.network
    for number in range(200):
        person = Signer(number.to_bytes(32, "little"))
        lease = make_lease(identity, network, 1 + number, 1, False, b"")
        claim = make_claim(
            identity, network, make_request(person, network, f"N{number}"), lease, ()
        )
        send(thief, other, wire.RegistryRecords(False, (claim.raw,)))
        send(thief, other, wire.RecordIds(False, bytes(16 * 3000), False))
        send(thief, other, wire.VaultPart(number, 0, 3, bytes(1000)))
    world.clock.run_for(5.0)
    for host in (teacher, other):
        registrar = host.machine.registrar
        assert len(registrar.registry.ids()) <= 50
        assert len(registrar.vaulting._parts) <= 1
    assert not other.machine.registrar._public._theirs, "the link was closed for it"


def made_up(host: Host, count: int) -> tuple[bytes, ...]:
    """Claims that a willing device can make."""
    identity, network = host.machine.identity, host.machine.network
    lease = make_lease(identity, network, 1 << 40, 1, False, b"")
    people = [Signer(number.to_bytes(32, "little")) for number in range(count)]
    requests = [make_request(person, network, f"N{at}") for at, person in enumerate(people)]
    return tuple(make_claim(identity, network, raw, lease, ()).raw for raw in requests)


def test_no_signature_of_a_claim_is_checked_while_a_frame_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Thousands of them would hold up what is said meanwhile."""
    checked = 0

    def counting(key: bytes, signature: bytes, context: bytes, *parts: bytes) -> bool:
        nonlocal checked
        checked += 1
        return verify(key, signature, context, *parts)

    world, teacher, (_, thief, other) = school(34)
    came, registrar = link(teacher, other), teacher.machine.registrar
    one, *rest = made_up(thief, 121)
    register(world, other, "Li")
    before = len(registrar.registry)
    (box,) = (raw for key, raw in teacher.store.load().meta.items() if key.startswith(KEYBOX_KEY))
    monkeypatch.setattr(claims, "verify", counting)
    teacher.run(registrar.on_records, came, wire.RegistryRecords(False, tuple(rest)))
    thief.machine.registrar.registry.load([one])
    monkeypatch.setattr(type(registrar), "is_fellow", lambda *_: True)
    teacher.run(registrar.service.on_keep, came, wire.Keep(1, (one,), box))
    assert checked == 0
    world.clock.run_for(3.0)
    assert len(registrar.registry) - before == 121
    assert checked >= 2 * 121


def test_claims_for_which_there_was_no_room_come_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where more comes than can be checked meanwhile, the rest is asked for again."""
    monkeypatch.setattr(checking, "WAITING_BYTES", 100_000)
    world, _, (_, thief, other) = school(35)
    everything = made_up(thief, 400)
    thief.run(thief.machine.registrar.registry.load, everything)
    came, registrar = link(other, thief), other.machine.registrar
    for at in range(0, 400, 100):
        frame = wire.RegistryRecords(False, everything[at : at + 100])
        other.run(registrar.on_records, came, frame)
    world.clock.run_for(0.004)
    assert len(registrar.registry) == 100
    world.wait(lambda: len(registrar.registry) == 400, 5.0, "all")
