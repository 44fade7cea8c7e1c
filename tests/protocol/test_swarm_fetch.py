"""What a node asks of whom, and what it makes of their answers."""

from __future__ import annotations

from random import Random

import pytest

from p2pchat.config import limits
from p2pchat.errors import ProtocolError
from p2pchat.model.stream import HASHES, PIECE_MAX_BYTES, PIECE_MIN_BYTES, Stream
from p2pchat.protocol.swarm.bits import ones
from p2pchat.protocol.swarm.fetch import Part, Swarm
from p2pchat.protocol.swarm.frames import (
    ANY,
    WHOLE,
    Follow,
    Forget,
    Got,
    Have,
    Refused,
    Tell,
    Wanted,
)

FILE = b"f" * 32
PIECE = PIECE_MIN_BYTES
PIECES = 100
PART = PIECE // 2


def stream(pieces: int) -> Stream:
    return Stream(b"r" * 32, pieces * PIECE, PIECE)


def swarm(pieces: int = PIECES, here: int | None = 0, top: bool = True) -> Swarm:
    """With some pieces here, and the block of hashes above them."""
    bits = (here or 0).to_bytes(-(-pieces // 8), "little")
    return Swarm(FILE, stream(pieces), (bits, b"\1" if top else b"\0"), Random(1))


def join(made: Swarm, link: int, pieces: int | None = None, now: float = 0.0) -> None:
    """A peer with these pieces; None: with everything."""
    assert made.joined(link, b"device %d" % link, now)
    if pieces is None:
        made.have(link, Have(FILE, WHOLE, 0, b"", True), now)
    else:
        bits = pieces.to_bytes(-(-PIECES // 8), "little")
        made.have(link, Have(FILE, 0, 0, bits, True), now)


def wanted(made: Swarm, link: int | None = None) -> list[tuple[int, int]]:
    """(layer, index) of what is asked now."""
    return [
        (told.frame.layer, told.frame.index)
        for told in made.take()
        if isinstance(told, Tell)
        and isinstance(told.frame, Wanted)
        and (link is None or told.links == (link,))
    ]


def give(made: Swarm, link: int, index: int, now: float = 0.01, layer: int = 0) -> Part:
    size = PIECE if layer == 0 else PIECES * 32
    return made.part(link, layer, index, 0, size, now)


def fetch(made: Swarm, link: int, index: int, now: float = 0.01) -> None:
    assert give(made, link, index, now) is Part.COMPLETED
    made.stored(0, index, now)


def everything(made: Swarm, link: int, now: float = 0.01) -> list[int]:
    """The peer answers all that it is asked, what comes of it too."""
    got = []
    while asked := wanted(made, link):
        for _, index in asked:
            fetch(made, link, index, now)
            got.append(index)
    return got


# -- what is asked


def test_hashes_come_before_the_pieces_under_them() -> None:
    made = swarm(top=False)
    join(made, 1, ones(PIECES))
    assert wanted(made) == [(1, 0)]
    assert give(made, 1, 0, layer=1) is Part.COMPLETED
    assert wanted(made) == []
    made.stored(1, 0, 0.02)
    asked = wanted(made)
    assert asked
    assert all(layer == 0 for layer, _ in asked)


def test_pieces_are_asked_for_while_other_hashes_are_missing() -> None:
    pieces = HASHES * 3
    huge = Stream(b"r" * 32, pieces * PIECE_MAX_BYTES, PIECE_MAX_BYTES)
    made = Swarm(FILE, huge, (b"", b"\2", b"\1"), Random(1))
    assert made.joined(1, b"d", 0.0)
    made.have(1, Have(FILE, 0, HASHES, b"\xff", True), 0.0)
    asked = wanted(made)
    assert sorted(asked[:2]) == [(1, 0), (1, 2)], "hashes first"
    made.part(1, *asked[0], 0, 60_000, 0.01)
    made.part(1, *asked[0], 60_000, HASHES * 32 - 60_000, 0.01)
    made.stored(*asked[0], 0.01)
    layer, index = wanted(made)[0]
    assert layer == 0
    assert HASHES <= index < HASHES + 8, "a piece whose hashes are here, and which the peer has"


def test_the_only_holder_of_everything_chooses() -> None:
    made = swarm()
    join(made, 1)
    asked = wanted(made)
    assert asked
    assert set(asked) == {(0, ANY)}


def test_of_two_holders_of_everything_none_chooses() -> None:
    made = swarm()
    join(made, 1)
    made.take()
    join(made, 2)
    asked = wanted(made, 2)
    assert asked
    assert (0, ANY) not in asked


def test_what_others_have_too_isnt_left_to_choice() -> None:
    made = swarm()
    join(made, 1, ones(PIECES))
    first = wanted(made)
    join(made, 2)
    second = wanted(made)
    assert (0, ANY) not in second
    assert not set(first) & set(second), "no piece is asked for twice"


def test_a_holder_that_has_given_all_out_is_asked_by_name() -> None:
    made = swarm()
    join(made, 1)
    asked = wanted(made)
    for _ in asked:
        made.refused(1, Refused(FILE, 0, ANY, "lacking"), 0.01)
    again = wanted(made)
    assert len(again) >= len(asked)
    assert (0, ANY) not in again


def test_the_rarest_come_first() -> None:
    made = swarm()
    made.pause(True, 0.0)
    join(made, 1, ones(PIECES))
    join(made, 2, ones(PIECES) & ~(1 << 77 | 1 << 13))
    made.pause(False, 0.0)
    asked = wanted(made, 1)
    assert {(0, 77), (0, 13)} <= set(asked)


def test_nothing_is_asked_that_the_peer_hasnt_or_that_is_here() -> None:
    made = swarm(here=0b1011)
    join(made, 1, 0b11111)
    assert sorted(everything(made, 1)) == [2, 4]


def test_news_of_a_piece_is_followed_at_once() -> None:
    made = swarm()
    join(made, 1, 0)
    assert wanted(made) == []
    made.got(1, Got(FILE, 0, (5,)), 0.1)
    assert wanted(made) == [(0, 5)]


def test_the_window_grows_with_a_quick_peer_and_is_bounded() -> None:
    pieces = 2000
    made = swarm(pieces)
    made.joined(1, b"d", 0.0)
    for first in range(0, pieces, 8):
        made.have(1, Have(FILE, 0, first, b"\xff", first + 8 == pieces), 0.0)
    asked = wanted(made)
    assert len(asked) == max(limits.WINDOW_BLOCKS[0], limits.WINDOW_MIN_BYTES // PIECE)
    flying, most = len(asked), 0
    while asked:
        fetch(made, 1, asked.pop(0)[1], 0.001)
        flying -= 1
        new = wanted(made)
        asked += new
        flying += len(new)
        most = max(most, flying)
    assert made.complete
    assert limits.WINDOW_MAX_BYTES // PIECE - 1 <= most <= limits.WINDOW_MAX_BYTES // PIECE


def test_the_window_of_a_slow_peer_stays_small() -> None:
    made = swarm()
    join(made, 1, ones(PIECES))
    flying, now = len(wanted(made)), 0.0
    while not made.complete:
        now += 0.5
        source = made._sources[1]
        fetch(made, 1, next(iter(source.owes)), now)
        flying = source.flying
        assert flying <= 6
        made.take()


def test_memory_is_bounded_while_the_disk_is_slow() -> None:
    size = 2**33
    large = Stream(b"r" * 32, size, PIECE_MAX_BYTES // 2)
    count = size // large.piece
    made = Swarm(FILE, large, (b"", b"\1"), Random(1))
    flying = 0
    for link in range(40):
        made.joined(link, b"%d" % link, 0.0)
        made.have(link, Have(FILE, 0, 0, b"\xff" * (count // 8), True), 0.0)
        flying += len(wanted(made))
    assert flying == limits.SWARM_FLYING_BLOCKS, "nothing has come in the last second"
    unstored = 0
    while flying:
        source = next(each for each in made._sources.values() if each.owes)
        index = next(iter(source.owes))
        for offset in range(0, large.piece, 2**20):
            part = made.part(source.link, 0, index, offset, 2**20, 0.01)
        assert part is Part.COMPLETED
        unstored += 1
        flying += len(wanted(made)) - 1
        assert (flying + unstored) * large.piece <= limits.SWARM_BYTES
    made.stored(0, index, 0.02)
    assert wanted(made) == [], "the disk is behind"
    for key in list(made._asking.arrived):
        made.stored(0, key, 0.02)
    assert wanted(made)


def test_pause() -> None:
    made = swarm()
    join(made, 1, ones(PIECES))
    asked = wanted(made)
    made.pause(True, 0.0)
    for _, index in asked:
        fetch(made, 1, index)
    assert wanted(made) == []
    made.pause(False, 0.1)
    assert wanted(made)


# -- one content, offered twice


def twice() -> tuple[Swarm, Swarm]:
    """Two fetches of the same, each from a source that has all of it."""
    one = swarm()
    other = Swarm(b"o" * 32, stream(PIECES), (b"", b"\1"), Random(2), [one])
    join(one, 1, ones(PIECES))
    join(other, 2, ones(PIECES))
    return one, other


def test_what_one_of_two_fetches_is_at_the_other_isnt() -> None:
    one, other = twice()
    first, second = wanted(one), wanted(other)
    assert first
    assert second
    assert not set(first) & set(second)
    for _, index in first:
        assert give(one, 1, index) is Part.COMPLETED
    assert not set(wanted(one)) & set(second)


def test_nobody_chooses_where_content_is_offered_twice() -> None:
    """Both would choose the same."""
    one = swarm()
    other = Swarm(b"o" * 32, stream(PIECES), (b"", b"\1"), Random(2), [one])
    join(one, 1)
    join(other, 2)
    assert (0, ANY) not in wanted(other)
    one.close()
    other.tick(limits.SWARM_LOOK_S)
    for index in list(other._sources[2].owes):
        fetch(other, 2, index)
    assert (0, ANY) in wanted(other), "there is one left"


def test_whoever_dawdles_at_one_of_two_offers_holds_up_none_of_the_other() -> None:
    one, other = twice()
    held = {index for _, index in wanted(one)}
    now = 0.0
    while other.pieces_left:
        for _, index in wanted(other):
            fetch(other, 2, index, now)
            one.found(0, index, now)
        now += limits.SWARM_LOOK_S
        other.tick(now)
        assert now < 5.0
    assert held
    assert one.complete


# -- who delivers, and who doesn't


def test_who_can_give_is_a_source_while_the_disk_is_behind() -> None:
    large = Stream(b"r" * 32, 2**33, PIECE_MAX_BYTES)
    made = Swarm(FILE, large, (b"", b"\1"), Random(1))
    made.joined(1, b"device 1", 0.0)
    assert made.sources(0.0) == 0, "it has told nothing yet"
    made.have(1, Have(FILE, WHOLE, 0, b"", True), 0.0)
    asked = 0
    while asks := len(wanted(made)):
        asked += asks
        for index in range(asked - asks, asked):
            for offset in range(0, large.piece, 2**20):
                made.part(1, 0, index, offset, 2**20, 0.01)
    assert not any(source.flying for source in made._sources.values())
    made.tick(60.0)
    assert made.sources(60.0) == 1
    made.pause(True, 60.0)
    assert made.sources(60.0) == 0
    made.pause(False, 60.0)
    made.lost(1, 60.0)
    assert made.sources(60.0) == 0


def test_who_has_nothing_or_lies_is_no_source() -> None:
    made = swarm(here=0b111)
    join(made, 1, 0b111)
    assert made.sources(0.0) == 0
    join(made, 2, 0b1111)
    join(made, 3, 0b1111)
    assert made.sources(0.0) == 0, "what they say they have is no gift"
    assert give(made, 2, 3) is Part.COMPLETED
    assert made.sources(0.01) == 1
    made.bad(0, 3, 0.02)
    assert made.sources(0.03) == 0
    fetch(made, 3, 3, 0.04)
    assert made.sources(0.05) == 1, "it gave something just now"
    assert made.sources(0.04 + limits.SWARM_RECENT_S) == 0


def test_it_is_told_when_sources_come_and_fall_silent() -> None:
    made = swarm()
    join(made, 1, 0b11)
    assert not made.tick(limits.SWARM_LOOK_S), "it has given nothing"
    made.part(1, 0, 0, 0, PART, 1.0)
    assert made.tick(1.0)
    assert not made.tick(1.0 + limits.SWARM_SILENT_S / 2)
    assert made.tick(1.0 + limits.SWARM_SILENT_S)
    assert made.sources(1.0 + limits.SWARM_SILENT_S) == 0
    made.part(1, 0, 0, PART, PART, 8.0)
    assert made.tick(8.0)
    assert made.sources(8.0) == 1


def test_a_silent_peer_is_left_and_comes_back() -> None:
    made = swarm()
    join(made, 1, 0b11)
    assert len(wanted(made, 1)) == 2
    join(made, 2, 0b11)
    assert wanted(made, 2) == []
    made.part(1, 0, 0, 0, PART, 0.5)
    made.tick(0.5 + limits.SWARM_SILENT_S)
    told = made.take()
    asked = {each.frame for each in told if isinstance(each, Tell) and each.links == (2,)}
    assert asked == {Wanted(FILE, 0, 0), Wanted(FILE, 0, 1)}
    made.got(1, Got(FILE, 0, (7,)), 6.0)
    assert wanted(made) == [], "silent ones aren't asked"
    assert made.part(1, 0, 0, PART, PART, 7.0) is Part.COMPLETED, "the first one counts"
    made.stored(0, 0, 7.0)
    assert wanted(made) == [(0, 7)]
    assert give(made, 2, 0, 7.1) is Part.DROPPED
    assert give(made, 1, 1, 7.1) is Part.DROPPED
    fetch(made, 2, 1, 7.2)


def test_a_source_whose_parts_take_longer_than_silence_still_delivers() -> None:
    large = Stream(b"r" * 32, 2**28, 2**17)
    made = Swarm(FILE, large, (b"", b"\1"), Random(1))
    made.joined(1, b"d", 0.0)
    made.have(1, Have(FILE, 0, 0, b"\1", True), 0.0)
    now = 0.0
    for offset in range(0, 2**17, 2**15):
        for _ in range(80):
            now += limits.SWARM_LOOK_S
            made.tick(now)
        part = made.part(1, 0, 0, offset, 2**15, now)
    assert part is Part.COMPLETED
    assert made.wasted == 0
    assert not [each for each in made.take() if isinstance(each, Forget)]


def test_who_tells_nothing_is_asked_to_again() -> None:
    made = swarm()
    made.joined(1, b"d", 0.0)
    follow = Tell((1,), Follow(FILE, True))
    assert made.take() == [follow]
    made.followed(1, True, 0.1)
    assert follow in made.take(), "now it knows of the file"
    for tick in range(1, 600):
        made.tick(tick / 10)
    assert 3 <= made.take().count(follow) <= 6
    made.have(1, Have(FILE, 0, 0, b"", True), 60.0)
    made.followed(1, True, 60.0)
    made.tick(200.0)
    assert follow not in made.take()


def test_what_is_complete_wants_nothing_more() -> None:
    made = swarm(here=ones(PIECES - 1))
    made.followed(9, True, 0.0)
    join(made, 1, ones(PIECES))
    made.take()
    fetch(made, 1, PIECES - 1)
    assert made.complete
    assert made.take() == [
        Tell((9,), Got(FILE, 0, (PIECES - 1,))),
        Tell((1,), Follow(FILE, False)),
    ]
    made.tick(2.0)
    assert made.deadline() is None
    assert not made.joined(2, b"late", 3.0)


def test_what_a_silent_peer_owed_is_taken_where_nobody_else_has_it() -> None:
    made = swarm()
    join(made, 1)
    asked = wanted(made)
    made.tick(limits.SWARM_SILENT_S)
    assert wanted(made) == []
    for index in range(len(asked)):
        fetch(made, 1, index, 8.0)
    assert wanted(made)


def test_a_liar_is_left_for_good() -> None:
    made = swarm()
    join(made, 1, 0b1111)
    first, *rest = wanted(made)
    assert give(made, 1, first[1]) is Part.COMPLETED
    made.bad(0, first[1], 0.1)
    assert Tell((1,), Follow(FILE, False)) in made.take()
    made.got(1, Got(FILE, 0, (9,)), 0.2)
    for _, index in rest:
        assert give(made, 1, index, 0.3) is Part.DROPPED
    join(made, 2, 0b1111)
    assert sorted(everything(made, 2)) == [0, 1, 2, 3]
    made.lost(1, 0.4)
    assert not made.joined(3, b"device 1", 0.5)


@pytest.mark.parametrize("reason", ["gone", "busy", "lacking"])
def test_what_is_refused_is_asked_of_others(reason: str) -> None:
    made = swarm()
    join(made, 1, 0b1)
    assert wanted(made) == [(0, 0)]
    join(made, 2, 0b1)
    made.refused(1, Refused(FILE, 0, 0, reason), 0.1)
    assert wanted(made) == [(0, 0)]
    made.lost(2, 0.2)
    asked_at_once = wanted(made)
    made.tick(2.5)
    assert (asked_at_once, wanted(made)) == ([], [(0, 0)] if reason == "busy" else [])


def test_a_liar_that_has_gone_is_known_when_it_comes_back() -> None:
    made = swarm()
    join(made, 1, 0b1)
    assert give(made, 1, 0) is Part.COMPLETED
    made.lost(1, 0.1)
    made.bad(0, 0, 0.2)
    assert not made.joined(2, b"device 1", 0.3)
    assert made.joined(3, b"device 3", 0.3)


def test_a_block_that_the_disk_refused_is_fetched_again() -> None:
    made = swarm()
    join(made, 1, 0b1)
    made.take()
    assert give(made, 1, 0) is Part.COMPLETED
    made.failed(0, 0, 0.1)
    made.pause(True, 0.1)
    assert wanted(made) == []
    made.pause(False, 0.2)
    assert wanted(made) == [(0, 0)]


def test_little_is_in_memory_that_came_and_isnt_stored() -> None:
    made = swarm(1000)
    made.joined(1, b"d", 0.0)
    made.have(1, Have(FILE, WHOLE, 0, b"", True), 0.0)
    unstored = 0
    while anys := len(wanted(made)):
        for index in range(unstored, unstored + anys):
            give(made, 1, index, 0.001)
        unstored += anys
    most = limits.SWARM_UNSTORED_BYTES + limits.WINDOW_MAX_BYTES
    assert limits.SWARM_UNSTORED_BYTES <= unstored * PIECE <= most
    made.stored(0, 0, 0.1)
    for index in range(1, unstored):
        made.stored(0, index, 0.1)
    assert wanted(made)


def test_what_another_offer_brings_is_asked_of_nobody_any_more() -> None:
    made = swarm()
    join(made, 1)
    join(made, 2, 0)
    assert {index for _, index in wanted(made, 1)} == {ANY}
    made.got(2, Got(FILE, 0, (7, 8)), 0.0)
    assert sorted(wanted(made, 2)) == [(0, 7), (0, 8)]
    assert made.part(2, 0, 7, 0, PART, 0.1) is Part.KEPT
    made.found(0, 7, 0.2)
    assert Forget(2, 0, 7) in made.take()
    assert made.pieces_left == PIECES - 1
    assert made.holds(0, 7)
    # The rest of it is no piece that nobody asked for, and of no use.
    assert made.part(2, 0, 7, PART, PIECE - PART, 0.3) is Part.DROPPED
    # What has come and isn't stored yet is stored as it would be.
    assert give(made, 2, 8, 0.3) is Part.COMPLETED
    made.found(0, 8, 0.4)
    made.stored(0, 8, 0.5)
    assert made.pieces_left == PIECES - 2
    for index in range(PIECES):
        made.found(0, index, 0.6)
    assert made.complete
    assert made.owed_by() == [1], "what it was left to choose"


def test_a_lost_link_frees_what_it_owed() -> None:
    made = swarm()
    join(made, 1, 0b11)
    made.take()
    join(made, 2, 0b11)
    made.lost(1, 0.1)
    assert sorted(everything(made, 2)) == [0, 1]


def test_stragglers_are_asked_of_a_second_peer_at_the_end() -> None:
    made = swarm()
    join(made, 1, 0b1)
    made.take()
    join(made, 2, 0b1)
    join(made, 3, 0b1)
    made.tick(0.2)
    assert wanted(made) == [], "not yet"
    made.tick(0.4)
    assert wanted(made) == [(0, 0)]
    made.tick(0.8)
    assert wanted(made) == [], "not of a third"
    assert made.part(1, 0, 0, 0, PART, 0.8) is Part.KEPT
    fetch(made, 2, 0, 0.9)
    assert Forget(1, 0, 0) in made.take(), "the slower answer is of no use"
    assert made.part(1, 0, 0, PART, PART, 1.0) is Part.DROPPED
    assert made.wasted == PART


def test_the_last_pieces_are_asked_of_a_second_peer_sooner() -> None:
    made = swarm(here=ones(PIECES) & ~1)
    join(made, 1, 0b1)
    assert wanted(made) == [(0, 0)]
    join(made, 2, 0b1)
    made.tick(limits.SWARM_LAST_S / 2)
    assert wanted(made) == [], "not yet"
    made.tick(limits.SWARM_STRAGGLER_S / 2)
    assert wanted(made, 2) == [(0, 0)]


# -- what others are told


def test_who_follows_is_told_what_is_here_and_then_what_comes() -> None:
    made = swarm(here=0b101)
    made.followed(9, True, 0.0)
    made.followed(9, True, 0.0)
    assert made.take() == [
        Tell((9,), Have(FILE, 0, 0, b"\5" + bytes(12), False)),
        Tell((9,), Have(FILE, 1, 0, b"\1", False)),
        Tell((9,), Have(FILE, 0, 0, b"", True)),
    ]
    join(made, 1)
    made.take()
    fetch(made, 1, 1)
    assert Tell((9,), Got(FILE, 0, (1,))) in made.take(), "nobody else has it: at once"
    made.followed(9, False, 0.0)
    fetch(made, 1, 3)
    assert not [each for each in made.take() if isinstance(each, Tell) and 9 in each.links]


def test_nobody_is_told_everything_again_and_again() -> None:
    made = swarm(here=1)
    for _ in range(limits.FOLLOWS):
        made.followed(9, True, 0.0)
        made.followed(9, False, 0.0)
    made.take()
    made.followed(9, True, 0.0)
    assert not made.take(), "nor told what comes"
    join(made, 1)
    fetch(made, 1, 1)
    assert not [each for each in made.take() if isinstance(each, Tell) and 9 in each.links]
    # Whoever asks again later is answered.
    made.followed(9, True, 1 / limits.FOLLOWS_PER_S)
    assert Tell((9,), Have(FILE, 0, 0, b"", True)) in made.take()


def test_news_of_what_others_have_is_gathered() -> None:
    made = swarm()
    made.followed(9, True, 0.0)
    join(made, 1, ones(PIECES))
    asked = wanted(made)
    for _, index in asked:
        fetch(made, 1, index, 1.0)
    due = made.deadline()
    assert due is not None
    made.tick(max(due, 1.0 + limits.GOT_EVERY_S))
    told = [
        each.frame.indexes
        for each in made.take()
        if isinstance(each, Tell) and isinstance(each.frame, Got)
    ]
    assert sum(told, ()) == tuple(index for _, index in asked)
    assert len(told) == 2, "the first after a silence, and the rest"


def test_gathered_news_go_along_with_what_is_asked() -> None:
    made = swarm()
    for link in (1, 2):
        join(made, link, ones(PIECES))
        made.followed(link, True, 0.0)
    first, second = wanted(made, 1)
    fetch(made, 1, first[1], 1.0)
    made.take()
    fetch(made, 1, second[1], 1.0)
    give(made, 1, wanted(made, 1)[0][1], 1.0)
    told = [each for each in made.take() if isinstance(each, Tell)]
    assert [type(each.frame) for each in told[:2]] == [Got, Wanted]
    assert told[0] == Tell((1,), Got(FILE, 0, (second[1],)))
    made.tick(1.0 + limits.GOT_EVERY_S)
    told = [each for each in made.take() if isinstance(each, Tell)]
    assert Tell((2,), Got(FILE, 0, (second[1],))) in told, "of whom nothing was asked"
    assert not [each for each in told if isinstance(each.frame, Got) and 1 in each.links]


# -- what peers can't do


@pytest.mark.parametrize(
    ("layer", "index", "offset", "size"),
    [
        (0, 99, 0, PIECE),  # wasn't asked for
        (0, PIECES, 0, PIECE),
        (0, -1, 0, PIECE),
        (0, 1 << 32, 0, PIECE),
        (0, 1 << 63, 0, PIECE),
        (1, 0, 0, PIECE),
        (2, 0, 0, PIECE),
        (-1, 0, 0, PIECE),
        (0, 0, 1, PIECE),
        (0, 0, PIECE, PIECE),
        (0, 0, -1, PIECE),
        (0, 0, 0, PIECE + 1),
        (0, 0, 0, 0),
        (0, 0, 0, limits.PART_MIN_BYTES - 1),
    ],
)
def test_pieces_that_cant_be(layer: int, index: int, offset: int, size: int) -> None:
    made = swarm()
    join(made, 1, 0b1)
    assert wanted(made) == [(0, 0)]
    with pytest.raises(ProtocolError):
        made.part(1, layer, index, offset, size, 0.1)


def test_a_piece_from_a_stranger() -> None:
    with pytest.raises(ProtocolError):
        swarm().part(1, 0, 0, 0, PIECE, 0.1)


def test_a_piece_that_came_once_cant_come_again() -> None:
    made = swarm()
    join(made, 1, 0b1)
    fetch(made, 1, 0)
    with pytest.raises(ProtocolError):
        give(made, 1, 0)


def test_more_pieces_by_choice_than_were_asked_for() -> None:
    made = swarm()
    join(made, 1)
    for index in range(len(wanted(made))):
        give(made, 1, index)
    made.pause(True, 0.1)
    for index in range(50, 50 + len(wanted(made))):
        give(made, 1, index)
    with pytest.raises(ProtocolError):
        give(made, 1, 99)


def test_who_chooses_what_is_here_already_soon_chooses_no_more() -> None:
    made = swarm(here=0b1)
    join(made, 1)
    chosen = 0
    while (0, ANY) in wanted(made):
        while made._sources[1].anys:
            assert give(made, 1, 0) is Part.DROPPED
            chosen += 1
    assert chosen <= 2 * limits.SWARM_USELESS
    assert made._sources[1].owes, "it is asked by name"


@pytest.mark.parametrize(
    "frame",
    [
        Have(FILE, 0, 0, b"\1" * 14, True),
        Have(FILE, 0, 3, b"\1", True),
        Have(FILE, 0, -8, b"\1", True),
        Have(FILE, 0, 96, b"\x10", True),
        Have(FILE, 2, 0, b"\1", True),
        Have(FILE, -2, 0, b"\1", True),
    ],
)
def test_haves_that_cant_be(frame: Have) -> None:
    made = swarm()
    made.joined(1, b"d", 0.0)
    with pytest.raises(ProtocolError):
        made.have(1, frame, 0.0)


def test_what_is_told_again_changes_nothing() -> None:
    made = swarm()
    join(made, 1, 0b1)
    assert wanted(made) == [(0, 0)]
    for _ in range(100):
        made.have(1, Have(FILE, 0, 0, b"\1", False), 0.0)
    assert made.take() == []
    assert made._picker.rarity._digits == [1]


@pytest.mark.parametrize(
    "frame", [Got(FILE, 1, (0,)), Got(FILE, 0, (PIECES,)), Got(FILE, 0, (-1,))]
)
def test_news_that_cant_be(frame: Got) -> None:
    made = swarm()
    join(made, 1, 0)
    with pytest.raises(ProtocolError):
        made.got(1, frame, 0.0)


@pytest.mark.parametrize(("layer", "index"), [(0, 5), (0, ANY), (0, PIECES), (7, 0), (0, -2)])
def test_refusals_of_what_wasnt_asked(layer: int, index: int) -> None:
    made = swarm()
    join(made, 1, 0b1)
    with pytest.raises(ProtocolError):
        made.refused(1, Refused(FILE, layer, index, "busy"), 0.0)


def test_only_so_many_peers_are_asked() -> None:
    made = swarm()
    joined = [made.joined(link, b"%d" % link, 0.0) for link in range(limits.SWARM_PEERS + 1)]
    assert joined == [True] * limits.SWARM_PEERS + [False]


def test_repeated_news_change_nothing() -> None:
    made = swarm()
    made.pause(True, 0.0)
    join(made, 1, 0)
    for _ in range(100):
        made.got(1, Got(FILE, 0, (5, 5)), 0.0)
    assert made._picker.rarity._digits == [1 << 5]
    for _ in range(3):
        made.have(1, Have(FILE, WHOLE, 0, b"", True), 0.0)
    assert made._picker.rarity.known() == 0, "who has all doesn't count"
    made.lost(1, 0.1)
    assert made._picker.rarity.known() == 0


def test_an_empty_file_is_one_empty_piece() -> None:
    made = Swarm(FILE, Stream(b"r" * 32, 0, PIECE), (b"\0",), Random(1))
    made.joined(1, b"d", 0.0)
    made.have(1, Have(FILE, WHOLE, 0, b"", True), 0.0)
    assert wanted(made) == [(0, ANY)]
    assert made.part(1, 0, 0, 0, 0, 0.1) is Part.COMPLETED
    made.stored(0, 0, 0.2)
    assert made.complete
