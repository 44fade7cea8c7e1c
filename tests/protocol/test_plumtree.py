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
    assert push == Push(PEERS[: limits.EAGER_LINKS], PEERS[limits.EAGER_LINKS :], relay=True)


def test_only_those_that_are_linked_are_spoken_to() -> None:
    made = Plumtree()
    made.update(PEERS, {PEERS[0], PEERS[6]}, mesh=False)
    assert made.originate(entry(1)) == Push((PEERS[0],), (PEERS[6],), relay=True)


def test_a_new_payload_goes_on_but_not_back() -> None:
    push = tree().received(entry(1), PEERS[0], relay=True)
    assert push == Push(PEERS[1 : limits.EAGER_LINKS], PEERS[limits.EAGER_LINKS :], relay=True)


def test_a_payload_over_a_lazy_link_makes_it_eager() -> None:
    made = tree()
    made.received(entry(1), PEERS[7], relay=True)
    assert PEERS[7] in made.eager


def test_a_duplicate_prunes_and_a_prune_makes_lazy() -> None:
    made = tree()
    made.received(entry(1), PEERS[0], relay=True)
    assert made.received(entry(1), PEERS[1], relay=True) == Duplicate(prune=True)
    assert PEERS[1] in made.lazy
    made.pruned(PEERS[2])
    assert PEERS[2] in made.lazy
    made.grafted(PEERS[2])
    assert PEERS[2] in made.eager


def test_the_same_link_twice_prunes_nothing() -> None:
    made = tree()
    made.received(entry(1), PEERS[0], relay=True)
    assert made.received(entry(1), PEERS[0], relay=True) == Duplicate(prune=False)
    assert PEERS[0] in made.eager


def test_messages_that_cross_leave_one_link_eager() -> None:
    made = tree(PEERS[:2])
    made.received(entry(1), PEERS[0], relay=True)
    made.received(entry(2), PEERS[1], relay=True)
    assert made.received(entry(1), PEERS[1], relay=True) == Duplicate(prune=True)
    assert made.received(entry(2), PEERS[0], relay=True) == Duplicate(prune=False)
    assert made.eager == (PEERS[0],)


def test_what_sync_brought_prunes_nothing() -> None:
    made = tree()
    assert made.duplicate(entry(1), PEERS[0], relay=True) == Duplicate(prune=False)
    assert PEERS[0] in made.eager


def test_in_a_full_mesh_the_author_alone_pushes() -> None:
    made = Plumtree()
    made.update(PEERS, PEERS, mesh=True)
    assert made.originate(entry(1)) == Push(PEERS, (), relay=False)
    assert made.received(entry(2), PEERS[0], relay=False) == Push()
    assert made.received(entry(2), PEERS[1], relay=False) == Duplicate(prune=False)


def test_an_author_who_lacks_a_link_of_the_mesh_is_relayed() -> None:
    made = Plumtree()
    made.update(PEERS, PEERS[1:], mesh=True)
    push = made.originate(entry(1))
    assert push.relay
    assert set(push.eager + push.lazy) == set(PEERS[1:])


def test_an_announced_entry_is_asked_for_when_it_does_not_come() -> None:
    made = tree()
    assert made.next_deadline() is None
    made.announced([entry(1)], PEERS[5], now=10.0)
    assert made.next_deadline() == 10.0 + limits.GRAFT_AFTER_S
    assert made.tick(10.0 + limits.GRAFT_AFTER_S / 2) == ()
    assert made.tick(10.0 + AFTER) == (Graft(PEERS[5], (entry(1),)),)
    assert PEERS[5] in made.eager
    made.received(entry(1), PEERS[5], relay=True)
    assert made.next_deadline() is None


def test_an_entry_that_comes_in_time_is_not_asked_for() -> None:
    made = tree()
    made.announced([entry(1), entry(2)], PEERS[5], now=10.0)
    made.received(entry(1), PEERS[0], relay=True)
    made.synced([entry(2)])
    assert made.missing == 0
    assert made.tick(11.0) == ()


def test_the_next_announcer_is_asked_when_the_first_does_not_answer() -> None:
    made = tree()
    made.announced([entry(1)], PEERS[5], now=0.0)
    made.announced([entry(1)], PEERS[6], now=0.1)
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
        made.announced([entry(number)], liar, now)
        made.announced([entry(number)], honest, now)
        grafts = made.tick(now + AFTER)
        asked = grafts[0].peer
        assert asked == (liar if number == 0 else honest)
        if asked == liar:
            assert made.tick(now + 2 * AFTER)[0].peer == honest
        made.received(entry(number), honest, relay=True)
        now += 1.0


def test_a_flood_of_announcements_is_bounded_and_keeps_out_nobody() -> None:
    made = tree()
    made.announced((entry(number) for number in range(100_000)), PEERS[5], now=0.0)
    assert made.missing == limits.MISSING_PER_PEER
    made.announced([entry(200_000)], PEERS[6], now=0.0)
    grafts = {graft.peer: graft.ids for graft in made.tick(AFTER)}
    assert grafts[PEERS[6]] == (entry(200_000),)
    made.tick(2 * AFTER)
    assert made.missing == 0
    made.announced((entry(number) for number in range(100_000)), PEERS[5], now=2.0)
    assert made.missing == limits.MISSING_PER_PEER // 2


def test_seen_ids_are_bounded() -> None:
    made = tree()
    for number in range(limits.SEEN_IDS + 1):
        made.received(entry(number), PEERS[0], relay=True)
    assert isinstance(made.received(entry(1), PEERS[0], relay=True), Duplicate)
    assert isinstance(made.received(entry(0), PEERS[0], relay=True), Push)


def test_a_stranger_changes_nothing() -> None:
    made = tree(PEERS[:3])
    stranger = DeviceId("stranger")
    made.pruned(stranger)
    made.grafted(stranger)
    made.announced([entry(1)], stranger, now=0.0)
    made.received(entry(2), PEERS[0], relay=True)
    assert made.duplicate(entry(2), stranger, relay=True) == Duplicate(prune=False)
    assert made.eager == PEERS[:3]
    assert made.missing == 0


def test_the_loss_of_the_last_eager_link_grafts_another() -> None:
    made = tree()
    assert made.update(PEERS, PEERS[6:], mesh=False) == (Graft(PEERS[6]),)
    assert made.eager == (PEERS[6],)


def test_a_neighbour_that_leaves_is_asked_for_nothing() -> None:
    made = tree()
    made.announced([entry(1)], PEERS[5], now=0.0)
    made.announced([entry(1)], PEERS[6], now=0.0)
    made.tick(AFTER)
    left = tuple(peer for peer in PEERS if peer != PEERS[5])
    made.update(left, left, mesh=False)
    assert made.tick(2 * AFTER) == (Graft(PEERS[6], (entry(1),)),)
