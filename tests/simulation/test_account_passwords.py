"""What opens an account: its password as it was set last, and its recovery code."""

from __future__ import annotations

import pytest
from pupils import PASSWORD, known, opened, register_apart, second_device, together
from test_election import leader, settled
from world import World

from p2pchat.config import limits
from p2pchat.model.accounts import Registered
from p2pchat.protocol.registrar.part import KEYBOX_KEY


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


@pytest.mark.parametrize("there", [True, False], ids=["on line", "switched off"])
def test_a_computer_that_is_signed_in_elsewhere_brings_the_new_password(there: bool) -> None:
    """All holders lose what they kept, and that one alone is left of the account's. `there`:
    while the password was changed; else it came back before they lost it."""
    world = World(35)
    teachers, pupil, guest = together(world, 2), world.add(), world.add()
    world.wait(lambda: world.linked(world.hosts), 30.0, "linked")
    pupil.ask(pupil.machine.registrar.accounts.register, "Li", PASSWORD)
    world.wait(lambda: bool(pupil.signed), 15.0, "registered")
    found = opened(world, guest, "Li", PASSWORD)
    laptop = second_device(world, pupil)
    laptop.run(laptop.machine.registrar.vaulting.bring, found.vault, found.keybox)
    world.wait(lambda: world.linked(world.hosts), 30.0, "linked")
    if not there:
        laptop.stop()
    kept = KEYBOX_KEY + found.account
    before = {host: host.store.meta(kept) for host in teachers}
    pupil.ask(pupil.machine.registrar.accounts.change_password, PASSWORD, "battery staple")
    world.wait(lambda: all(h.store.meta(kept) != old for h, old in before.items()), 15.0, "changed")
    if there:
        world.clock.run_for(1.0)
    else:
        laptop.start()
        world.wait(lambda: world.linked(world.hosts), 30.0, "linked")
        world.clock.run_for(5.0)
    for host in (pupil, *teachers):
        host.stop()
    new = world.add(willing=True)
    world.wait(lambda: leader(laptop) == new.device, 60.0, "a new one leads")
    world.wait(lambda: new.store.meta(kept) is not None, 60.0, "it has a keybox")
    refused = len(guest.refused)
    guest.ask(guest.machine.registrar.accounts.open, "Li", PASSWORD)
    world.wait(lambda: len(guest.refused) > refused, 30.0, "the old password opens nothing")
    assert guest.refused[-1] == "wrong-password"
    assert opened(world, guest, "Li", "battery staple").account == found.account
