"""What a node gives to others: to whom, in which order, how fast, and what it refuses."""

from __future__ import annotations

from collections import Counter

import pytest

from p2pchat.config import limits
from p2pchat.errors import ProtocolError
from p2pchat.model.stream import PIECE_MIN_BYTES, Stream
from p2pchat.protocol.swarm.bits import ones
from p2pchat.protocol.swarm.frames import (
    ANY,
    WHOLE,
    Follow,
    Give,
    Got,
    Have,
    Read,
    Refused,
    Tell,
    Wanted,
)
from p2pchat.protocol.swarm.serve import Server

FILE = b"f" * 32
PIECE = PIECE_MIN_BYTES
PIECES = 100
STREAM = Stream(b"r" * 32, PIECES * PIECE, PIECE)


def server(limit: int = 0) -> Server:
    made = Server(lambda link, file: link != 13, limit)
    made.share(FILE, STREAM)
    return made


def want(made: Server, link: int, *indexes: int, layer: int = 0) -> None:
    for index in indexes:
        made.wanted(link, Wanted(FILE, layer, index), 0.0)


def reads(made: Server) -> list[tuple[int, int, int]]:
    """(link, layer, index) of what is to be read."""
    return [(each.link, each.layer, each.index) for each in made.take() if isinstance(each, Read)]


def refusals(made: Server) -> list[tuple[int, str]]:
    return [
        (each.frame.index, each.frame.reason)
        for each in made.take()
        if isinstance(each, Tell) and isinstance(each.frame, Refused)
    ]


def run(made: Server, disk: int = PIECE) -> list[tuple[int, int]]:
    """Read and send until nothing is left to do; (link, index) in the order of the gifts."""
    given = []
    while effects := made.take():
        for effect in effects:
            if isinstance(effect, Read):
                assert made.ready(effect.link, FILE, effect.layer, effect.index, True, 0.0)
            elif isinstance(effect, Give):
                given.append((effect.link, effect.index))
                made.sent(effect.link, effect.size, 0.0)
    return given


def test_a_block_is_read_given_and_forgotten() -> None:
    made = server()
    want(made, 1, 5)
    assert made.take() == [Read(1, FILE, STREAM, 0, 5)]
    assert made.ready(1, FILE, 0, 5, True, 0.0)
    assert made.take() == [Give(1, FILE, 0, 5, 0, PIECE)]
    made.sent(1, PIECE, 0.0)
    assert (made._ahead, made._links[1].ahead) == (0, 0)
    assert not made._links[1].open


def test_hashes_are_served_too() -> None:
    made = server()
    want(made, 1, 0, layer=1)
    assert reads(made) == [(1, 1, 0)]
    made.ready(1, FILE, 1, 0, True, 0.0)
    assert made.take() == [Give(1, FILE, 1, 0, 0, PIECES * 32)]


def test_any_gives_each_piece_once_to_all_in_turn() -> None:
    made = server()
    for _ in range(PIECES):
        for link in range(4):
            want(made, link, ANY)
    given = []
    for _ in range(PIECES + 1):
        given += run(made)
    assert sorted(index for _, index in given) == list(range(PIECES))
    assert set(Counter(link for link, _ in given).values()) == {PIECES // 4}


def test_when_all_is_given_out_the_asker_shall_choose() -> None:
    made = server()
    want(made, 1, *range(PIECES))
    run(made)
    want(made, 2, ANY)
    assert refusals(made) == [(ANY, "lacking")]


def test_any_leaves_out_what_others_are_known_to_have() -> None:
    made = server()
    made.followed(1, Follow(FILE, True))
    made.have(1, Have(FILE, 0, 0, b"\xff", True))
    made.got(1, Got(FILE, 0, (8, 10)))
    want(made, 2, ANY, ANY)
    assert [index for _, index in run(made)] == [9, 11]


def test_what_was_given_to_one_that_vanished_is_given_again() -> None:
    made = server()
    made.followed(2, Follow(FILE, True))
    want(made, 1, ANY, ANY, ANY)
    assert [index for _, index in run(made)] == [0, 1, 2]
    made.got(2, Got(FILE, 0, (1,)))
    made.lost(1, 0.0)
    want(made, 2, ANY, ANY, ANY)
    assert [index for _, index in run(made)] == [0, 2, 3]


def test_links_take_turns_however_much_one_asks_for() -> None:
    made = server()
    want(made, 1, *range(60))
    want(made, 2, *range(60, 65))
    order = [link for link, _ in run(made)]
    ahead = limits.SERVE_LINK_BYTES // PIECE
    assert Counter(order[: ahead + 10])[2] == 5


def test_who_was_idle_gains_nothing() -> None:
    made = server()
    want(made, 1, *range(40))
    run(made)
    want(made, 1, *range(PIECES))
    want(made, 2, *range(PIECES))
    ahead = limits.SERVE_LINK_BYTES // PIECE
    since = [link for link, _ in run(made)][ahead:]
    assert abs(Counter(since[: 2 * ahead])[2] - ahead) <= 2


def test_what_is_read_ahead_is_bounded() -> None:
    made = server()
    for link in range(20, 70):
        want(made, link, *range(PIECES))
    ahead = Counter(link for link, _, _ in reads(made))
    assert sum(ahead.values()) * PIECE == limits.SERVE_AHEAD_BYTES
    want(made, 1, *range(PIECES))
    assert reads(made) == []


def test_one_link_gets_a_share_of_what_is_read_ahead() -> None:
    made = server()
    want(made, 1, *range(PIECES))
    assert len(reads(made)) * PIECE == limits.SERVE_LINK_BYTES
    made.ready(1, FILE, 0, 0, True, 0.0)
    made.take()
    made.sent(1, PIECE, 0.0)
    assert len(reads(made)) == 1


def test_a_link_has_a_bounded_queue() -> None:
    made = server()
    ahead = limits.SERVE_LINK_BYTES // PIECE
    want(made, 1, *[ANY] * (limits.SERVE_QUEUE + ahead))
    assert refusals(made) == []
    want(made, 1, 7)
    assert refusals(made) == [(7, "busy")]


def test_asking_twice_is_answered_once() -> None:
    made = server()
    want(made, 1, 5, 5, 5)
    assert run(made) == [(1, 5)]
    want(made, 1, 5)
    assert run(made) == [(1, 5)]


def test_a_piece_that_was_chosen_and_is_asked_for_as_well_answers_one_of_the_two() -> None:
    made = server()
    want(made, 1, ANY, 0, ANY)
    assert run(made) == [(1, 0), (1, 1), (1, 2)]
    want(made, 2, *range(4, PIECES))
    run(made)
    want(made, 1, ANY, 3)
    assert made.take() == [
        Read(1, FILE, STREAM, 0, 3),
        Tell((1,), Refused(FILE, 0, ANY, "lacking")),
    ]


def test_who_may_not_have_it_learns_nothing() -> None:
    made = server()
    want(made, 13, 5)
    made.followed(13, Follow(FILE, True))
    made.wanted(1, Wanted(b"x" * 32, 0, 5), 0.0)
    told = made.take()
    assert told == [
        Tell((13,), Refused(FILE, 0, 5, "gone")),
        Tell((1,), Refused(b"x" * 32, 0, 5, "gone")),
    ]


def test_a_file_that_is_still_fetched_is_served_as_far_as_it_is_here() -> None:
    made = Server(lambda link, file: True)
    here = {(0, 5)}
    made.share(FILE, STREAM, lambda layer, index: (layer, index) in here)
    want(made, 1, 5, 6, ANY)
    effects = made.take()
    assert effects == [
        Read(1, FILE, STREAM, 0, 5),
        Tell((1,), Refused(FILE, 0, 6, "lacking")),
        Tell((1,), Refused(FILE, 0, ANY, "lacking")),
    ]
    made.share(FILE, STREAM)
    want(made, 1, 6)
    assert reads(made) == [(1, 0, 6)]


def test_a_file_that_changed_is_refused() -> None:
    made = server()
    want(made, 1, 5, 6)
    assert len(reads(made)) == 2
    assert not made.ready(1, FILE, 0, 5, False, 0.0)
    assert refusals(made) == [(5, "lacking")]
    made.unshare(FILE, 0.0)
    assert not made.ready(1, FILE, 0, 6, True, 0.0)
    want(made, 1, 7)
    assert refusals(made) == [(6, "gone"), (7, "gone")]
    assert made._ahead == 0


def test_what_waits_when_a_file_is_withdrawn_is_refused() -> None:
    made = server()
    want(made, 1, *range(20))
    reading = reads(made)
    made.unshare(FILE, 0.0)
    for _, _, index in reading:
        made.ready(1, FILE, 0, index, True, 0.0)
    assert sorted(refusals(made)) == [(index, "gone") for index in range(20)]


def test_a_lost_link_leaves_nothing() -> None:
    made = server(limit=1)
    want(made, 1, *range(50))
    for _, _, index in reads(made):
        made.ready(1, FILE, 0, index, True, 0.0)
    made.lost(1, 0.0)
    assert made._ahead == 0
    assert not made._links
    assert not made._waiting
    assert not made._giving
    assert not made.ready(1, FILE, 0, 0, True, 0.0)
    made.sent(1, PIECE, 0.0)
    want(made, 2, 3)
    assert reads(made) == [(2, 0, 3)]


def test_the_rate_limit_is_kept_in_parts_and_block_by_block() -> None:
    large = Stream(b"r" * 32, 2**30, 2**19)
    made = Server(lambda link, file: True, 100_000)
    made.share(FILE, large)
    for link in (1, 2):
        want(made, link, link)
        made.ready(link, FILE, 0, link, True, 0.0)
    now, given = 0.0, Counter[int]()
    while now < 8:
        for each in made.take():
            if isinstance(each, Give):
                assert each.offset == given[each.link]
                assert each.size <= 50_000, "half a second"
                given[each.link] += each.size
        due = made.deadline()
        if due is None:
            break
        assert due > now
        now = due
        made.tick(now)
    assert given[1] == 2**19, "whoever gets a block isn't left in the midst of it"
    assert 0 < given[2] < 2**19
    assert 0.9 * now * 100_000 <= sum(given.values()) <= now * 100_000 + limits.PART_BYTES
    made.take()
    made.limit(0, now)
    ends = [each for each in made.take() if isinstance(each, Give)]
    assert [each.offset + each.size for each in ends] == [2**19], "the rest at once"


def test_followers_are_told_and_followed() -> None:
    made = server()
    made.followed(1, Follow(FILE, True))
    made.followed(1, Follow(FILE, True))
    whole = Tell((1,), Have(FILE, WHOLE, 0, b"", True))
    assert made.take() == [whole, Tell((1,), Follow(FILE, True)), whole]
    made.got(1, Got(FILE, 0, tuple(range(50))))
    made.followed(2, Follow(FILE, True))
    assert made.progress(FILE) == {1: 50, 2: 0}
    made.got(2, Got(FILE, 0, tuple(range(50, 99))))
    made.got(2, Got(FILE, 0, (99,)))
    made.have(1, Have(FILE, WHOLE, 0, b"", True))
    made.followed(2, Follow(FILE, False))
    assert made.progress(FILE) == {1: PIECES, 2: 50}


@pytest.mark.parametrize(
    ("layer", "index"),
    [(0, PIECES), (0, -2), (0, 1 << 63), (1, 1), (1, ANY), (2, 0), (-1, 0)],
)
def test_blocks_that_cant_be(layer: int, index: int) -> None:
    with pytest.raises(ProtocolError):
        want(server(), 1, index, layer=layer)


def test_haves_and_news_that_cant_be() -> None:
    made = server()
    made.followed(1, Follow(FILE, True))
    for frame in (
        Have(FILE, 0, 0, b"\1" * 14, True),
        Have(FILE, 5, 0, b"\1", True),
        Have(FILE, -2, 0, b"\1", True),
    ):
        with pytest.raises(ProtocolError):
            made.have(1, frame)
    for news in (Got(FILE, 1, (0,)), Got(FILE, 0, (PIECES,)), Got(FILE, 0, (0,) * 65)):
        with pytest.raises(ProtocolError):
            made.got(1, news)


def test_those_that_dont_follow_leave_no_trace() -> None:
    made = server()
    made.have(1, Have(FILE, WHOLE, 0, b"", True))
    made.got(1, Got(FILE, 0, (5,)))
    made.got(1, Got(b"x" * 32, 0, (5,)))
    shared = made._files[FILE]
    assert (shared.known, shared.fresh) == ({}, ones(PIECES))
