"""Clocks that differ by days, or are set while the program runs."""

from __future__ import annotations

import pytest
from host import EPOCH_MS, Host
from world import DAY_MS, LOBBY, World


def median_ms(host: Host) -> int:
    """What the host holds for the time of all, now."""
    host.run(lambda: None)
    return host.machine.clocks.median_ms()


def test_an_answer_stands_behind_what_was_shown_already() -> None:
    """A message is shown before it is stored, and somebody answers at once."""
    world = World(1)
    ahead, behind = hosts = [world.add(clock_off_ms=off) for off in (2 * DAY_MS, -2 * DAY_MS)]
    world.wait(lambda: world.linked(hosts), 5.0, "linked")
    world.say(ahead)
    world.say(behind)
    world.clock.run_for(1.0)
    for _ in range(20):
        before = behind.received.total()
        world.say(ahead)
        assert world.clock.run_until(lambda: behind.received.total() > before, 5.0, step=0.0001)  # noqa: B023 - called at once
        world.say(behind)
        world.clock.run_for(0.1)
    world.wait(lambda: world.equal(hosts), 5.0, "equal")
    shown = [row.text for row in behind.store.all_messages(LOBBY)][2:]
    assert shown == sorted(shown, key=lambda text: int(text.split()[0]))
    assert len(shown) == 40


def marked(host: Host) -> dict[str, bool]:
    """By author, whether what they wrote is marked; of each the same everywhere."""
    found: dict[str, set[bool]] = {}
    for row in host.store.all_messages(LOBBY):
        shown = host.machine.views.message(row)
        found.setdefault(row.text.split()[-1], set()).add(shown.clock_off)
    return {name: one.pop() for name, one in found.items() if len(one) == 1}


@pytest.mark.parametrize("off_ms", [DAY_MS, -DAY_MS])
@pytest.mark.parametrize("people", [2, 4])
def test_who_has_the_wrong_clock_is_marked_and_nobody_else(off_ms: int, people: int) -> None:
    """A clock that is ahead pushes the conversation's: those with the right one were marked, and
    not the one that is ahead."""
    world = World(5)
    wrong, *others = hosts = [
        world.add(clock_off_ms=off_ms),
        *(world.add() for _ in range(people - 1)),
    ]
    world.wait(lambda: world.linked(hosts), 5.0, "linked")
    for _ in range(2):
        for host in hosts:
            world.say(host)
            world.clock.run_for(1.0)
    latecomer = world.add()
    world.wait(lambda: world.equal([*hosts, latecomer]), 30.0, "equal")
    right = {host.name: host is wrong for host in hosts}
    for host in others:
        assert marked(host) == right
    if people > 2:
        assert marked(wrong) == right, "three say what time it is"
        assert marked(latecomer)[others[0].name] is False
    else:
        assert marked(wrong) == {name: not off for name, off in right.items()}, "each by its own"


@pytest.mark.parametrize("off_ms", [-EPOCH_MS, -30 * DAY_MS, 30 * DAY_MS])
def test_what_other_clocks_say_stays_when_the_own_is_set(off_ms: int) -> None:
    """As on a machine whose battery is empty, once it has asked for the time."""
    world = World(2)
    wrong, *others = hosts = [world.add(clock_off_ms=off) for off in (off_ms, 0, 0, 0)]
    world.wait(lambda: world.linked(hosts), 5.0, "linked")
    for off in (0, off_ms):
        wrong.clock_off_ms = off
        world.clock.run_for(30.0)
        assert abs(median_ms(wrong) - EPOCH_MS - world.clock.now * 1000) < 1000
        world.say(others[0])
        world.clock.run_for(1.0)
        world.say(wrong)
        world.clock.run_for(1.0)
    world.wait(lambda: world.equal(hosts), 5.0, "equal")
    shown = [row.text for row in wrong.store.all_messages(LOBBY)]
    assert [int(text.split()[0]) for text in shown] == [1, 2, 3, 4]


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize(("off_days", "feeds"), [(3, 1), (400, 2)])
def test_own_entries_stand_behind_those_before_them_once_the_clock_is_set_back(
    restarted: bool, off_days: int, feeds: int
) -> None:
    """Also where somebody has filled the end of the conversation's order with entries from the
    far future. What stands beyond the clock's bound isn't gone on from, but in a new feed."""
    world = World(3)
    author, other, liar = hosts = [
        world.add(clock_off_ms=off) for off in (off_days * DAY_MS, 0, 4000 * DAY_MS)
    ]
    world.wait(lambda: world.linked(hosts), 5.0, "linked")
    world.say(author)
    world.clock.run_for(1.0)
    for _ in range(40):
        world.say(liar)
    world.clock.run_for(1.0)
    liar.stop()
    if restarted:
        author.crash()
    author.clock_off_ms = 0
    if restarted:
        author.start()
    for _ in range(3):
        world.say(author)
        world.clock.run_for(1.0)
    world.wait(lambda: world.equal([author, other]), 60.0, "equal")
    world.check_order(other)
    key = author.machine.identity.device.key
    own = [entry for entry in other.store.entries_of(LOBBY) if entry.header.feed[:32] == key]
    assert len({entry.header.feed for entry in own}) == feeds
    last = [entry for entry in own if entry.hash.hex() == author.acknowledged[-1].message_id]
    assert (last[0].header.clock >> 16) - other.wall_ms < 7 * DAY_MS


@pytest.mark.parametrize(
    ("off_ms", "said"),
    [
        (-9 * 60_000, "9 minutes behind"),
        (2 * DAY_MS, "2 days ahead of"),
        (3 * 3600_000, "3 hours ahead of"),
        (-40 * 365 * DAY_MS, "40 years behind"),
    ],
)
def test_people_are_told_how_far_a_clock_is_off(off_ms: int, said: str) -> None:
    world = World(3)
    one, other = hosts = [world.add(), world.add(clock_off_ms=off_ms)]
    world.wait(lambda: world.linked(hosts), 5.0, "linked")
    world.clock.run_for(3.0)
    assert [text for text in one.told if said in text]
    back = said.replace("ahead of", "behind") if off_ms > 0 else said.replace("behind", "ahead of")
    unset = off_ms < -EPOCH_MS // 2
    assert [text for text in other.told if (said if unset else back) in text]
    assert unset == any("This computer's clock" in text for text in other.told)


def test_who_has_the_wrong_clock_is_told_that_not_that_all_others_have() -> None:
    world = World(6)
    wrong, *others = hosts = [world.add(clock_off_ms=off) for off in (DAY_MS, *(0,) * 5)]
    world.wait(lambda: world.linked(hosts), 10.0, "linked")
    world.clock.run_for(3.0)
    own = "This computer's clock is 24 hours ahead of the others'."
    assert wrong.told == [own]
    for host in others:
        assert len(host.told) == 1
        assert wrong.name in host.told[0], "by their name, which comes after the link"
