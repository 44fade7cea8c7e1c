"""Who should be linked, and what is closed."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from p2pchat.config import limits
from p2pchat.model.ids import DeviceId
from p2pchat.protocol.overlay import NETWORK, Mode, Overlay

ROOM = b"r" * 32


def devices(count: int) -> list[DeviceId]:
    return [DeviceId(f"device{number:04}") for number in range(count)]


def overlay(own: DeviceId, online: Iterable[DeviceId]) -> Overlay:
    made = Overlay(own)
    for device in online:
        made.online(device)
    made.update(0.0)
    return made


def reachable(links: dict[DeviceId, frozenset[DeviceId]]) -> set[DeviceId]:
    start = next(iter(links))
    found, edge = {start}, [start]
    while edge:
        for device in links[edge.pop()] - found:
            found.add(device)
            edge.append(device)
    return found


def test_a_small_network_is_a_full_mesh() -> None:
    everyone = devices(limits.MESH_UP)
    made = overlay(everyone[0], everyone)
    assert made.mode() is Mode.MESH
    assert made.wanted == set(everyone[1:])
    assert set(made.neighbours()) == set(everyone[1:])


def test_alone_one_wants_nobody() -> None:
    made = Overlay(DeviceId("own"))
    assert made.update(0.0) is None
    assert made.neighbours() == ()
    made.offline(DeviceId("own"))
    assert made.is_online(DeviceId("own"))


@pytest.mark.parametrize("count", [41, 200, 500])
def test_a_large_network_is_bounded_symmetric_and_connected(count: int) -> None:
    everyone = devices(count)
    links = {device: overlay(device, everyone).wanted for device in everyone}
    assert all(len(wanted) <= 2 * limits.RINGS for wanted in links.values())
    assert all(device in links[other] for device, wanted in links.items() for other in wanted)
    assert reachable(links) == set(everyone)


def test_the_order_of_arrival_does_not_matter() -> None:
    everyone = devices(100)
    shuffled = random.Random(1).sample(everyone, 100)
    one, other = overlay(everyone[0], everyone), overlay(everyone[0], shuffled)
    gone = everyone[90:]
    for device in gone:
        other.offline(device)
        one.offline(device)
    for device in gone:
        one.online(device)
    for device in reversed(gone):
        other.online(device)
    assert one.neighbours() == other.neighbours()


def test_the_modes_do_not_flap() -> None:
    everyone = devices(limits.MESH_UP + 1)
    made = overlay(everyone[0], everyone)
    assert made.mode() is Mode.BOUNDED
    for device in everyone[limits.MESH_DOWN :]:
        made.offline(device)
    assert made.mode() is Mode.BOUNDED
    made.offline(everyone[limits.MESH_DOWN - 1])
    assert made.mode() is Mode.MESH
    for device in everyone[: limits.MESH_UP]:
        made.online(device)
    assert made.mode() is Mode.MESH


def test_a_change_far_away_changes_nothing_here() -> None:
    everyone = devices(200)
    made = overlay(everyone[0], everyone)
    away = next(device for device in everyone[1:] if device not in made.wanted)
    made.offline(away)
    assert made.update(1.0) is None
    for near in sorted(made.wanted):
        made.offline(near)
        update = made.update(1.0)
        assert update is not None
        assert update.removed == (near,)
        assert len(update.added) <= 2 * limits.RINGS


def test_rooms_have_graphs_of_their_own() -> None:
    everyone = devices(300)
    members = everyone[:60]
    links = {}
    for device in members:
        made = overlay(device, everyone)
        network = made.wanted
        made.join(ROOM, members)
        made.update(1.0)
        links[device] = frozenset(made.neighbours(ROOM))
        assert made.mode(ROOM) is Mode.BOUNDED
        assert made.wanted == network | links[device]
        made.leave(ROOM)
        made.update(2.0)
        assert made.wanted == network
    assert all(wanted <= set(members) for wanted in links.values())
    assert reachable(links) == set(members)
    with_network = overlay(everyone[0], everyone)
    with_network.join(ROOM, everyone)
    assert with_network.neighbours(ROOM) != with_network.neighbours(NETWORK)


def test_a_small_room_of_a_large_network_is_a_full_mesh() -> None:
    everyone = devices(100)
    made = overlay(everyone[0], everyone)
    made.join(ROOM, everyone[1:8])
    offline = DeviceId("offline")
    made.member_added(ROOM, offline)
    made.update(1.0)
    assert made.mode(ROOM) is Mode.MESH
    assert set(made.neighbours(ROOM)) == set(everyone[1:8])
    assert made.wanted >= set(everyone[1:8])
    made.online(offline)
    assert offline in made.neighbours(ROOM)
    made.member_added(ROOM, everyone[9])
    assert made.mode(ROOM) is Mode.BOUNDED
    made.member_removed(ROOM, everyone[9])
    made.member_removed(ROOM, everyone[7])
    assert set(made.neighbours(ROOM)) == {*everyone[1:7], offline}


def test_a_demand_lasts_until_it_is_idle() -> None:
    everyone = devices(100)
    made = overlay(everyone[0], everyone)
    other = next(device for device in everyone[1:] if device not in made.wanted)
    made.demand(other, 10.0)
    update = made.update(10.0)
    assert update is not None
    assert update.added == (other,)
    made.linked(other, dialled=True, now=11.0)
    made.used(other, 40.0)
    end = 40.0 + limits.IDLE_LINK_S
    assert made.update(end - 1) is None
    deadline = made.next_deadline()
    assert deadline is not None
    assert deadline <= end
    update = made.update(end)
    assert update is not None
    assert update.removed == (other,)
    assert made.superfluous(end) == (other,)


def test_a_link_that_is_no_longer_wanted_lives_a_while() -> None:
    everyone = devices(100)
    made = overlay(everyone[0], everyone)
    near = next(iter(sorted(made.wanted)))
    made.linked(near, dialled=True, now=0.0)
    assert made.next_deadline() is None
    assert made.superfluous(1000.0) == ()
    for device in devices(130)[100:]:
        made.online(device)
    changed = made.update(1000.0)
    assert changed is not None
    if near not in changed.removed:
        made.offline(near)
        made.update(1000.0)
    assert not made.keep(near)
    assert made.superfluous(1000.0 + limits.IDLE_LINK_S - 1) == ()
    assert made.next_deadline() == 1000.0 + limits.IDLE_LINK_S
    assert made.superfluous(1000.0 + limits.IDLE_LINK_S) == (near,)
    assert made.next_deadline() is None


def test_what_the_other_side_dialled_is_closed_above_the_cap_only() -> None:
    everyone = devices(100)
    made = overlay(everyone[0], everyone)
    others = [device for device in everyone[1:] if device not in made.wanted]
    for at, device in enumerate(others[: limits.DEGREE_CAP]):
        made.linked(device, dialled=False, now=float(at))
    assert made.superfluous(10_000.0) == ()
    made.used(others[0], 10_000.0)
    made.linked(others[limits.DEGREE_CAP], dialled=False, now=10_000.0)
    assert made.superfluous(10_000.0) == (others[1],)


def test_the_cap_waits_while_others_may_be_in_a_mesh() -> None:
    everyone = devices(limits.MESH_UP + 1)
    made = overlay(everyone[0], everyone)
    made.offline(everyone[-1])
    made.update(0.0)
    assert made.mode() is Mode.BOUNDED
    for device in everyone[1:-1]:
        made.linked(device, dialled=False, now=0.0)
    assert made.superfluous(10_000.0) == ()


def test_a_room_that_one_is_not_in_has_no_neighbours() -> None:
    everyone = devices(100)
    made = overlay(everyone[0], everyone)
    made.member_added(ROOM, everyone[1])
    made.member_removed(ROOM, everyone[1])
    made.leave(ROOM)
    assert made.neighbours(ROOM) == ()
    assert made.mode(ROOM) is Mode.MESH


def test_no_deadline_stays_behind_once_it_has_been_looked_at() -> None:
    """Also where nothing follows from it: the device is wanted for other reasons as well."""
    one, other = devices(2)
    made = overlay(one, [one, other])
    made.demand(other, 10.0)
    made.update(10.0)
    assert made.next_deadline() == 10.0 + limits.IDLE_LINK_S
    made.update(10.0 + limits.IDLE_LINK_S)
    assert made.next_deadline() is None
