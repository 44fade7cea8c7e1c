"""The rules of one node's tree."""

from __future__ import annotations

from p2pchat.config import limits
from p2pchat.model.ids import DeviceId, EntryHash
from p2pchat.protocol.plumtree import Duplicate, Graft, Plumtree, Push

PEERS = tuple(DeviceId(f"peer{number}") for number in range(8))
AFTER = limits.GRAFT_AFTER_S + 0.001


def entry(number: int) -> EntryHash:
    return EntryHash(number.to_bytes(32, "big"))


def tree(neighbours: tuple[DeviceId, ...] = PEERS) -> Plumtree:
    made = Plumtree()
    assert made.update(neighbours, neighbours, mesh=False) == ()
    return made


def test_the_first_links_begin_eager() -> None:
    push = tree().originate(entry(1))
    assert push == Push(PEERS[: limits.EAGER_LINKS], PEERS[limits.EAGER_LINKS :], hops=1)


def test_only_those_that_are_linked_are_spoken_to() -> None:
    made = Plumtree()
    made.update(PEERS, {PEERS[0], PEERS[6]}, mesh=False)
    assert made.originate(entry(1)) == Push((PEERS[0],), (PEERS[6],), hops=1)


def test_a_new_payload_goes_on_but_not_back() -> None:
    push = tree().received(entry(1), PEERS[0], hops=3)
    assert push == Push(PEERS[1 : limits.EAGER_LINKS], PEERS[limits.EAGER_LINKS :], hops=4)


def test_hops_stop_at_their_limit() -> None:
    push = tree().received(entry(1), PEERS[0], hops=limits.HOPS)
    assert isinstance(push, Push)
    assert push.hops == limits.HOPS


def test_a_payload_over_a_lazy_link_makes_it_eager() -> None:
    made = tree()
    made.received(entry(1), PEERS[7], hops=1)
    assert PEERS[7] in made.eager


def test_a_duplicate_prunes_and_a_prune_makes_lazy() -> None:
    made = tree()
    made.received(entry(1), PEERS[0], hops=1)
    assert made.received(entry(1), PEERS[1], hops=1) == Duplicate(prune=True)
    assert PEERS[1] in made.lazy
    made.pruned(PEERS[2])
    assert PEERS[2] in made.lazy
    made.grafted(PEERS[2])
    assert PEERS[2] in made.eager


def test_the_same_link_twice_prunes_nothing() -> None:
    made = tree()
    made.received(entry(1), PEERS[0], hops=1)
    assert made.received(entry(1), PEERS[0], hops=1) == Duplicate(prune=False)
    assert PEERS[0] in made.eager


def test_messages_that_cross_leave_one_link_eager() -> None:
    made = tree(PEERS[:2])
    made.received(entry(1), PEERS[0], hops=1)
    made.received(entry(2), PEERS[1], hops=1)
    assert made.received(entry(1), PEERS[1], hops=1) == Duplicate(prune=True)
    assert made.received(entry(2), PEERS[0], hops=1) == Duplicate(prune=False)
    assert made.eager == (PEERS[0],)


def test_what_sync_brought_prunes_nothing() -> None:
    made = tree()
    assert made.duplicate(entry(1), PEERS[0], hops=1) == Duplicate(prune=False)
    assert PEERS[0] in made.eager


def test_in_a_full_mesh_the_author_alone_pushes() -> None:
    made = Plumtree()
    made.update(PEERS, PEERS, mesh=True)
    assert made.originate(entry(1)) == Push(PEERS, (), hops=0)
    assert made.received(entry(2), PEERS[0], hops=0) == Push()
    assert made.received(entry(2), PEERS[1], hops=0) == Duplicate(prune=False)


def test_an_author_who_lacks_a_link_of_the_mesh_is_relayed() -> None:
    made = Plumtree()
    made.update(PEERS, PEERS[1:], mesh=True)
    push = made.originate(entry(1))
    assert push.hops == 1
    assert set(push.eager + push.lazy) == set(PEERS[1:])


def test_an_announced_entry_is_asked_for_when_it_does_not_come() -> None:
    made = tree()
    assert made.next_deadline() is None
    made.announced([(entry(1), 2)], PEERS[5], now=10.0)
    assert made.next_deadline() == 10.0 + limits.GRAFT_AFTER_S
    assert made.tick(10.0 + limits.GRAFT_AFTER_S / 2) == ()
    assert made.tick(10.0 + AFTER) == (Graft(PEERS[5], (entry(1),)),)
    assert PEERS[5] in made.eager
    made.received(entry(1), PEERS[5], hops=1)
    assert made.next_deadline() is None


def test_an_entry_that_comes_in_time_is_not_asked_for() -> None:
    made = tree()
    made.announced([(entry(1), 2), (entry(2), 2)], PEERS[5], now=10.0)
    made.received(entry(1), PEERS[0], hops=1)
    made.synced([entry(2)])
    assert made.missing == 0
    assert made.tick(11.0) == ()


def test_the_next_announcer_is_asked_when_the_first_does_not_answer() -> None:
    made = tree()
    made.announced([(entry(1), 2)], PEERS[5], now=0.0)
    made.announced([(entry(1), 2)], PEERS[6], now=0.1)
    assert made.tick(AFTER) == (Graft(PEERS[5], (entry(1),)),)
    assert made.tick(2 * AFTER) == (Graft(PEERS[6], (entry(1),)),)
    assert PEERS[5] in made.lazy
    assert made.tick(3 * AFTER) == ()
    assert made.missing == 0


def test_who_announces_what_it_has_not_delays_one_entry_only() -> None:
    made = tree()
    liar, honest = PEERS[5], PEERS[6]
    now = 0.0
    for number in range(20):
        made.announced([(entry(number), 2)], liar, now)
        made.announced([(entry(number), 2)], honest, now)
        grafts = made.tick(now + AFTER)
        asked = grafts[0].peer
        assert asked == (liar if number == 0 else honest)
        if asked == liar:
            assert made.tick(now + 2 * AFTER)[0].peer == honest
        made.received(entry(number), honest, hops=1)
        now += 1.0


def test_a_flood_of_announcements_is_bounded_and_keeps_out_nobody() -> None:
    made = tree()
    made.announced(((entry(number), 1) for number in range(100_000)), PEERS[5], now=0.0)
    assert made.missing == limits.MISSING_PER_PEER
    made.announced([(entry(200_000), 2)], PEERS[6], now=0.0)
    grafts = {graft.peer: graft.ids for graft in made.tick(AFTER)}
    assert grafts[PEERS[6]] == (entry(200_000),)
    made.tick(2 * AFTER)
    assert made.missing == 0
    made.announced(((entry(number), 1) for number in range(100_000)), PEERS[5], now=2.0)
    assert made.missing == limits.MISSING_PER_PEER // 2


def test_seen_ids_are_bounded() -> None:
    made = tree()
    for number in range(limits.SEEN_IDS + 1):
        made.received(entry(number), PEERS[0], hops=1)
    assert isinstance(made.received(entry(1), PEERS[0], hops=1), Duplicate)
    assert isinstance(made.received(entry(0), PEERS[0], hops=1), Push)


def test_a_stranger_changes_nothing() -> None:
    made = tree(PEERS[:3])
    stranger = DeviceId("stranger")
    made.pruned(stranger)
    made.grafted(stranger)
    made.announced([(entry(1), 2)], stranger, now=0.0)
    made.received(entry(2), PEERS[0], hops=1)
    assert made.duplicate(entry(2), stranger, hops=1) == Duplicate(prune=False)
    assert made.eager == PEERS[:3]
    assert made.missing == 0


def test_a_shorter_way_takes_the_place_of_one_that_is_too_long() -> None:
    made = tree()
    long = limits.LONG_WAY + 1
    made.received(entry(1), PEERS[0], hops=limits.LONG_WAY)
    assert made.announced([(entry(1), 1)], PEERS[7], now=0.0) == ()
    made.received(entry(2), PEERS[0], hops=long)
    assert made.announced([(entry(2), long)], PEERS[6], now=0.0) == ()
    shorter = Graft(PEERS[7], prune=PEERS[0])
    assert made.announced([(entry(2), long - 1)], PEERS[7], now=0.0) == (shorter,)
    assert made.announced([(entry(2), 1)], PEERS[6], now=0.0) == ()
    assert PEERS[7] in made.eager
    assert PEERS[0] in made.lazy


def test_who_boasts_of_a_short_way_and_sends_nothing_is_not_taken_up_again() -> None:
    made = tree()
    long = limits.LONG_WAY + 1
    made.received(entry(1), PEERS[0], hops=long)
    assert made.announced([(entry(1), 1)], PEERS[7], now=0.0) != ()
    made.announced([(entry(2), 5)], PEERS[0], now=1.0)
    assert made.tick(1.0 + AFTER) == (Graft(PEERS[0], (entry(2),)),)
    made.received(entry(2), PEERS[0], hops=long)
    assert made.announced([(entry(2), 1)], PEERS[7], now=2.0) == ()


def test_the_loss_of_the_last_eager_link_grafts_another() -> None:
    made = tree()
    assert made.update(PEERS, PEERS[6:], mesh=False) == (Graft(PEERS[6]),)
    assert made.eager == (PEERS[6],)


def test_a_neighbour_that_leaves_is_asked_for_nothing() -> None:
    made = tree()
    made.announced([(entry(1), 2)], PEERS[5], now=0.0)
    made.announced([(entry(1), 2)], PEERS[6], now=0.0)
    made.tick(AFTER)
    left = tuple(peer for peer in PEERS if peer != PEERS[5])
    made.update(left, left, mesh=False)
    assert made.tick(2 * AFTER) == (Graft(PEERS[6], (entry(1),)),)
