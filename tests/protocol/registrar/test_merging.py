"""Two states of what an account has become one, the same whoever merges, and in whatever order."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from p2pchat.model.ids import ConversationId
from p2pchat.protocol.announce import make_profile
from p2pchat.protocol.identity import Identity
from p2pchat.protocol.registrar.merging import GONE, has_newer_profile, is_alike, merged, stamped
from p2pchat.protocol.registrar.vault import Contact, Contents, VaultRoom

FRIEND = Identity(b"f" * 32, b"d" * 32)


def profile(clock: int) -> bytes:
    return make_profile(FRIEND, name="Friend", note="", avatar=b"", clock=clock).raw


def person(number: int, verified: bool = False) -> Contact:
    return Contact(bytes([number]) * 32, verified)


def room(number: int) -> VaultRoom:
    return VaultRoom(ConversationId(bytes([number]) * 32), f"room {number}", (), b"")


def state(
    people: Sequence[Contact] = (),
    rooms: Sequence[VaultRoom] = (),
    settings: dict[str, object] | None = None,
    note: str = "",
) -> Contents:
    return Contents(tuple(people), tuple(rooms), msgspec.json.encode(settings or {}), note)


numbers = st.sets(st.integers(0, 4))
states = st.builds(
    state,
    numbers.map(lambda found: [person(n, n % 2 == 0) for n in sorted(found)]),
    numbers.map(lambda found: [room(n) for n in sorted(found)]),
    st.dictionaries(st.sampled_from(["theme", "language"]), st.sampled_from(["dark", "light", 1])),
    st.sampled_from(["", "likes maths"]),
)
History = list[tuple[Contents, int]]
histories = st.lists(st.tuples(states, st.integers(1, 9)), max_size=4)


def lived(history: Sequence[tuple[Contents, int]], begun: Contents | None = None) -> Contents:
    known = begun or Contents()
    for now, wall in history:
        known = stamped(known, now, wall)
    return known


@given(histories, histories, histories)
def test_merging_is_a_union(one: History, two: History, three: History) -> None:
    a, b, c = lived(one), lived(two), lived(three)
    assert merged(a, a) == a
    assert merged(a, b) == merged(b, a)
    assert merged(merged(a, b), c) == merged(a, merged(b, c))
    assert merged(merged(a, b), b) == merged(a, b)


@given(histories, histories, states)
def test_what_was_changed_after_both_had_met_counts(
    one: History, two: History, now: Contents
) -> None:
    """Whatever the clock of who changed it says."""
    both = merged(lived(one), lived(two))
    later = stamped(both, now, 0)
    assert is_alike(later, now)
    assert merged(both, later) == later


@given(histories, states, states)
def test_what_two_have_changed_counts_both(
    common: History, first: Contents, second: Contents
) -> None:
    """What one of them left alone is as the other has made it."""
    begun = lived(common)
    here, there = stamped(begun, first, 100), stamped(begun, second, 200)
    both = merged(here, there)
    for kind in ("contacts", "rooms"):
        before, mine, theirs, after = (
            set(getattr(one, kind)) for one in (begun, here, there, both)
        )
        assert theirs - before <= after, "what was made, or made anew"
        assert not (before - mine - theirs) & after, "what both have taken away"
        assert kind == "contacts" or mine - before <= after


def test_the_latest_counts_for_each_thing_apart() -> None:
    begun = stamped(Contents(), state([person(1)], [room(1)], {"theme": "dark"}, "a note"), 10)
    here = stamped(begun, state([], [room(1), room(2)], {"theme": "dark"}, "another"), 20)
    there = stamped(begun, state([person(1, True)], [room(3)], {}, "a note"), 30)
    both = merged(here, there)
    assert both.contacts == (person(1, True),), "verified later than taken away"
    assert both.rooms == (room(2), room(3))
    assert (both.settings, both.note) == (b"{}", "another")
    assert merged(begun, both) == both


def test_what_others_say_of_themselves_is_as_new_as_either_has_it() -> None:
    key = FRIEND.person.key
    old, new = (Contact(key, False, profile(clock)) for clock in (1, 2))
    a, b = stamped(Contents(), state([old]), 20), stamped(Contents(), state([new]), 10)
    assert merged(a, b).contacts == merged(b, a).contacts == (new,)
    assert is_alike(a, b), "nobody has changed anything"
    assert has_newer_profile(a, b)
    assert not has_newer_profile(b, a)
    assert not has_newer_profile(b, state([replace(new, profile=b"")])), "there was no room for it"


def test_what_was_taken_away_is_remembered_within_bounds() -> None:
    many = [VaultRoom(ConversationId(n.to_bytes(32, "big")), "", (), b"") for n in range(GONE + 50)]
    known = stamped(stamped(Contents(), state(rooms=many), 1), state(rooms=[room(9)]), 2)
    assert len(known.stamps) == GONE + 1
    assert known.rooms == (room(9),)
