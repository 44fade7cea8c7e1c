"""How devices are reached: addresses, backoff, dialling back, tunnels, and floods of hints."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from typing import TypeVar

from p2pchat.config import limits
from p2pchat.model.ids import DeviceId
from p2pchat.protocol.candidates import Address, Candidates, Source
from p2pchat.protocol.dials import State
from p2pchat.protocol.reach import AskDialBack, DialTo, Effect, GiveUp, OpenTunnel, Reach

OWN = DeviceId("m")
SMALLER, LARGER, THIRD = DeviceId("a"), DeviceId("z"), DeviceId("k")
HERE: Address = ("10.0.0.1", 1)
THERE: Address = ("10.0.0.2", 1)
ELSEWHERE: Address = ("10.0.0.3", 1)
T = TypeVar("T")


class Harness:
    """A Reach in a world where nobody answers until told so."""

    def __init__(self, carriers: Sequence[DeviceId] = ()) -> None:
        self.now = 0.0
        self.carriers = list(carriers)
        numbers = itertools.count(1)
        self.reach = Reach(
            OWN, random.Random(1), lambda: next(numbers), lambda device: self.carriers
        )

    def poll(self) -> list[Effect]:
        return self.reach.poll(self.now)

    def dials(self) -> dict[Address, int]:
        return {effect.address: effect.token for effect in of(DialTo, self.poll())}

    def advance(self, seconds: float) -> list[Effect]:
        """Go on to a point in time, by every deadline on the way."""
        end, effects = self.now + seconds, self.poll()
        while (due := self.reach.next_deadline()) is not None and due <= end:
            assert due >= self.now
            self.now = due
            effects += self.poll()
        self.now = end
        return effects + self.poll()

    def hint(self, device: DeviceId, *addresses: Address, stranger: bool = False) -> None:
        self.reach.hint(Source.MDNS, device, addresses, self.now, stranger=stranger)

    def fail(self, token: int, reason: str = "timeout") -> None:
        self.reach.dial_failed(token, reason, self.now)


def of(kind: type[T], effects: list[Effect]) -> list[T]:
    return [effect for effect in effects if isinstance(effect, kind)]


def test_a_hint_alone_dials_nobody_known() -> None:
    world = Harness()
    world.hint(LARGER, THERE)
    assert world.advance(100) == []


def test_what_is_wanted_is_dialled_and_linked() -> None:
    world = Harness()
    world.hint(LARGER, THERE)
    world.reach.want(LARGER, world.now)
    token = world.dials()[THERE]
    assert world.reach.state(LARGER) is State.DIALLING
    world.reach.dial_opened(token, LARGER, world.now)
    world.reach.linked(LARGER, relayed=False, now=world.now)
    assert world.reach.state(LARGER) is State.LINKED
    assert world.reach.next_deadline() is None


def test_the_smaller_id_dials_and_the_larger_waits_a_little() -> None:
    world = Harness()
    world.hint(SMALLER, THERE)
    world.reach.want(SMALLER, world.now)
    assert world.poll() == []
    assert world.reach.state(SMALLER) is State.WAITING
    assert of(DialTo, world.advance(limits.YIELD_S)) == [DialTo(1, THERE)]


def test_nobody_waits_for_a_device_of_which_only_the_cache_tells() -> None:
    world = Harness()
    world.reach.hint(Source.CACHE, SMALLER, [THERE], world.now)
    world.reach.want(SMALLER, world.now)
    assert list(world.dials()) == [THERE]


def test_addresses_are_staggered_and_a_failure_is_followed_at_once() -> None:
    world = Harness()
    world.hint(LARGER, HERE, THERE, ELSEWHERE, ("10.0.0.4", 1))
    world.reach.want(LARGER, world.now)
    first = world.dials()
    assert list(first) == [HERE]
    assert of(DialTo, world.advance(limits.STAGGER_S / 2)) == []
    world.fail(first[HERE], "refused")
    assert list(world.dials()) == [THERE]
    assert [dial.address for dial in of(DialTo, world.advance(limits.STAGGER_S))] == [ELSEWHERE]
    assert len(of(DialTo, world.advance(limits.STAGGER_S))) == 1
    assert of(DialTo, world.advance(limits.STAGGER_S)) == []


def test_rounds_back_off_with_jitter_up_to_a_limit() -> None:
    world = Harness()
    world.hint(LARGER, THERE)
    world.reach.want(LARGER, world.now)
    gaps = []
    for _ in range(12):
        world.fail(world.dials()[THERE])
        assert of(GiveUp, world.poll()) == [GiveUp(LARGER)]
        due = world.reach.next_deadline()
        assert due is not None
        gaps.append(due - world.now)
        world.now = due
    assert 0.7 * limits.REDIAL_MIN_S <= gaps[0] <= 1.3 * limits.REDIAL_MIN_S
    assert all(gap <= 1.25 * limits.REDIAL_MAX_S for gap in gaps)
    assert gaps[-1] > 20 * gaps[0]
    assert len(set(gaps[-4:])) == 4


def test_a_device_that_is_heard_of_again_is_dialled_at_once() -> None:
    world = Harness()
    world.hint(LARGER, THERE)
    world.reach.want(LARGER, world.now)
    for _ in range(8):
        world.fail(world.dials()[THERE])
        due = world.reach.next_deadline()
        assert due is not None
        world.now = due
    world.fail(world.dials()[THERE])
    assert of(DialTo, world.advance(limits.FRESH_HINT_S + 1)) == []
    world.hint(LARGER, THERE)
    assert list(world.dials()) == [THERE]


def test_a_common_peer_is_asked_and_then_carries() -> None:
    world = Harness(carriers=[THIRD])
    world.hint(LARGER, THERE)
    world.reach.want(LARGER, world.now)
    world.fail(world.dials()[THERE])
    assert world.poll() == [AskDialBack(THIRD, LARGER)]
    assert world.reach.state(LARGER) is State.ASKED_BACK
    tunnels = of(OpenTunnel, world.advance(limits.DIAL_BACK_S))
    assert [(tunnel.via, tunnel.device) for tunnel in tunnels] == [(THIRD, LARGER)]
    assert world.reach.state(LARGER) is State.TUNNELLING
    world.reach.dial_opened(tunnels[0].token, LARGER, world.now)
    world.reach.linked(LARGER, relayed=True, now=world.now)
    assert [dial.address for dial in of(DialTo, world.advance(2 * limits.DIRECT_RETRY_S))] == [
        THERE
    ]


def test_a_direct_link_takes_the_place_of_a_relayed_one() -> None:
    world = Harness()
    world.hint(LARGER, THERE)
    world.reach.want(LARGER, world.now)
    world.poll()
    world.reach.linked(LARGER, relayed=True, now=world.now)
    dial = of(DialTo, world.advance(2 * limits.DIRECT_RETRY_S))[0]
    world.reach.dial_opened(dial.token, LARGER, world.now)
    world.reach.linked(LARGER, relayed=False, now=world.now)
    assert world.advance(1000) == []


def test_a_tunnel_that_fails_is_tried_through_another_peer_and_then_given_up() -> None:
    world = Harness(carriers=[THIRD, SMALLER, DeviceId("b")])
    world.reach.want(LARGER, world.now)
    assert len(of(AskDialBack, world.poll())) == 1
    first = of(OpenTunnel, world.advance(limits.DIAL_BACK_S))[0]
    world.fail(first.token, "unreachable")
    second = of(OpenTunnel, world.poll())[0]
    assert second.via != first.via
    assert of(GiveUp, world.advance(limits.TUNNEL_S)) == [GiveUp(LARGER)]
    assert world.reach.state(LARGER) is State.WAITING


def test_the_larger_id_lets_the_smaller_one_open_the_tunnel() -> None:
    world = Harness(carriers=[THIRD])
    world.reach.want(SMALLER, world.now)
    assert of(OpenTunnel, world.advance(1.5 * limits.DIAL_BACK_S)) == []
    assert len(of(OpenTunnel, world.advance(limits.DIAL_BACK_S))) == 1


def test_who_is_asked_to_dial_back_does_so_once() -> None:
    world = Harness()
    world.reach.dial_back(LARGER, [THERE], world.now)
    token = world.dials()[THERE]
    world.fail(token)
    for _ in range(100):
        world.reach.dial_back(LARGER, [HERE], world.now)
    assert world.advance(limits.DIAL_BACK_S / 2) == []
    assert world.reach.state(LARGER) is State.IDLE
    assert world.advance(1000) == []
    world.reach.dial_back(LARGER, [THERE], world.now)
    assert list(world.dials()) != []


def test_an_asked_device_in_backoff_dials_back_at_once() -> None:
    world = Harness()
    world.hint(LARGER, THERE)
    world.reach.want(LARGER, world.now)
    world.fail(world.dials()[THERE])
    world.poll()
    assert world.reach.state(LARGER) is State.WAITING
    world.reach.dial_back(LARGER, [THERE], world.now)
    assert list(world.dials()) == [THERE]


def test_a_lost_link_is_not_dialled_again_at_once_and_a_short_one_later() -> None:
    world = Harness()
    world.hint(LARGER, THERE)
    world.reach.want(LARGER, world.now)
    waits = []
    for _ in range(6):
        while not (dials := world.dials()):
            due = world.reach.next_deadline()
            assert due is not None
            world.now = due
        world.reach.dial_opened(dials[THERE], LARGER, world.now)
        world.reach.linked(LARGER, relayed=False, now=world.now)
        world.now += 1.0
        world.reach.unlinked(LARGER, world.now)
        due = world.reach.next_deadline()
        assert due is not None
        waits.append(due - world.now)
    assert waits[0] >= 0.7 * limits.REDIAL_MIN_S
    assert waits[-1] > 10 * waits[0]


def test_a_dial_that_becomes_no_link_is_a_failure() -> None:
    world = Harness()
    world.hint(LARGER, THERE)
    world.reach.want(LARGER, world.now)
    world.reach.dial_opened(world.dials()[THERE], LARGER, world.now)
    effects = world.advance(limits.HELLO_S)
    assert of(GiveUp, effects) == [GiveUp(LARGER)]


def test_a_hint_that_leads_to_another_device_is_dropped() -> None:
    world = Harness()
    world.hint(LARGER, THERE)
    world.reach.want(LARGER, world.now)
    world.reach.dial_opened(world.dials()[THERE], THIRD, world.now)
    world.reach.linked(THIRD, relayed=False, now=world.now)
    assert world.reach.state(LARGER) is State.WAITING
    world.hint(LARGER, THERE)
    assert of(DialTo, world.advance(100)) == []
    world.reach.unlinked(THIRD, world.now)
    assert of(DialTo, world.advance(100))[0].address == THERE


def test_addresses_given_by_hand_are_dialled_for_ever() -> None:
    world = Harness()
    world.reach.connect(THERE, world.now)
    for _ in range(20):
        world.fail(world.dials()[THERE])
        due = world.reach.next_deadline()
        assert due is not None
        assert due - world.now <= 1.25 * limits.REDIAL_MAX_S
        world.now = due
    world.reach.dial_opened(world.dials()[THERE], LARGER, world.now)
    world.reach.linked(LARGER, relayed=False, now=world.now)
    assert world.advance(1000) == []
    world.reach.unlinked(LARGER, world.now)
    assert of(DialTo, world.advance(2 * limits.REDIAL_MIN_S))[0].address == THERE


def test_an_address_given_by_hand_whose_device_is_linked_already_is_not_dialled() -> None:
    world = Harness()
    world.hint(LARGER, THERE)
    world.reach.want(LARGER, world.now)
    world.reach.dial_opened(world.dials()[THERE], LARGER, world.now)
    world.reach.linked(LARGER, relayed=False, now=world.now)
    world.reach.connect(THERE, world.now)
    assert world.advance(1000) == []


def test_a_change_of_the_network_dials_all_again_at_once() -> None:
    world = Harness()
    world.hint(LARGER, THERE)
    world.reach.want(LARGER, world.now)
    world.reach.connect(ELSEWHERE, world.now)
    for _ in range(8):
        for token in world.dials().values():
            world.fail(token)
        due = world.reach.next_deadline()
        assert due is not None
        world.now = due
    world.reach.network_changed(world.now)
    assert {dial.address for dial in of(DialTo, world.advance(limits.SPREAD_S))} == {
        THERE,
        ELSEWHERE,
    }


def test_what_is_unwanted_is_left_alone() -> None:
    world = Harness()
    world.hint(LARGER, THERE)
    world.reach.want(LARGER, world.now)
    token = world.dials()[THERE]
    world.reach.unwant(LARGER)
    world.fail(token)
    assert world.advance(1000) == []


def test_strangers_are_dialled_once_a_hint_and_with_backoff() -> None:
    world = Harness()
    for _ in range(50):
        world.hint(LARGER, THERE, stranger=True)
        for token in world.dials().values():
            world.fail(token)
        world.now += 0.1
    assert world.reach.state(LARGER) is State.IDLE
    world.now += limits.REDIAL_MAX_S
    world.hint(LARGER, THERE, stranger=True)
    assert list(world.dials()) == [THERE]


def test_in_a_bounded_overlay_strangers_are_dialled_at_a_pace() -> None:
    world = Harness()
    world.reach.explore(limits.EXPLORE_EVERY_S)
    for number in range(20):
        world.hint(DeviceId(f"x{number}"), (f"10.1.0.{number}", 1), stranger=True)
    assert len(of(DialTo, world.poll())) == 1
    assert len(of(DialTo, world.advance(3.5 * limits.EXPLORE_EVERY_S))) == 3


def test_a_stranger_that_others_tell_of_is_left_alone() -> None:
    world = Harness()
    world.reach.explore(limits.EXPLORE_EVERY_S)
    world.hint(LARGER, THERE, stranger=True)
    world.poll()
    world.hint(THIRD, HERE, stranger=True)
    world.reach.known(THIRD)
    assert of(DialTo, world.advance(100)) == []


def test_a_flood_of_made_up_devices_is_bounded_and_leaves_room() -> None:
    world = Harness()
    for number in range(5000):
        address = (f"10.{number // 65536}.{number // 256 % 256}.{number % 256}", 9)
        device = DeviceId(f"fake{number:06}")
        world.reach.hint(Source.BEACON, device, [address], world.now, stranger=True)
    assert len(of(DialTo, world.advance(limits.YIELD_S))) == limits.MAX_STRANGER_DIALS
    world.hint(LARGER, THERE)
    world.reach.want(LARGER, world.now)
    assert list(world.dials()) == [THERE]


def test_a_flood_from_one_source_does_not_hold_up_another() -> None:
    world = Harness()
    for number in range(1000):
        address = (f"10.2.{number // 256}.{number % 256}", 9)
        device = DeviceId(f"z{number:04}")
        world.reach.hint(Source.BEACON, device, [address], world.now, stranger=True)
    pending = [dial.token for dial in of(DialTo, world.poll())]
    for number in range(4):
        world.hint(DeviceId(f"real{number}"), (f"10.3.0.{number}", 1), stranger=True)
    reached = set()
    for _ in range(8):
        world.fail(pending.pop(0))
        for dial in of(DialTo, world.poll()):
            pending.append(dial.token)
            reached.add(dial.address[0])
    assert {f"10.3.0.{number}" for number in range(4)} <= reached


def test_a_full_table_of_devices_in_use_takes_no_more() -> None:
    world = Harness()
    for number in range(limits.REACH_DEVICES):
        world.reach.want(DeviceId(f"w{number:05}"), world.now)
    world.hint(LARGER, THERE, stranger=True)
    assert world.reach.state(LARGER) is State.IDLE
    assert THERE not in [dial.address for dial in of(DialTo, world.advance(1))]


def test_who_shows_ones_own_id_is_dialled_once() -> None:
    """A copy of the profile: it becomes no link, and no hint begins another round at once."""
    world = Harness()
    world.hint(OWN, HERE)
    token = world.dials()[HERE]
    world.reach.dial_opened(token, OWN, world.now)
    world.reach.unlinked(OWN, world.now)
    world.hint(OWN, HERE)
    assert world.poll() == []
    assert world.reach.state(OWN) is State.IDLE


def test_own_records_and_own_addresses_lead_nowhere() -> None:
    world = Harness()
    world.reach.hint(Source.RECORD, OWN, [HERE], world.now, stranger=True)
    world.reach.dial_back(OWN, [HERE], world.now)
    assert world.poll() == []
    world.hint(LARGER, HERE)
    world.reach.want(LARGER, world.now)
    world.fail(world.dials()[HERE], "self")
    assert of(DialTo, world.advance(200)) == []


def test_hints_do_not_push_out_what_has_led_to_the_device() -> None:
    known = Candidates()
    known.proven(HERE, 0.0)
    known.add(Source.MDNS, [THERE], 0.0)
    for number in range(1000):
        known.add(Source.BEACON, [("10.9.9.9", number)], 1.0 + number)
    assert known.ordered()[:2] == [HERE, THERE]
    assert len(known) == limits.ADDRESSES_PER_DEVICE
    known.failed(HERE)
    assert known.ordered()[0] == THERE
    known.forgive()
    known.drop(THERE)
    assert THERE not in known.ordered()
