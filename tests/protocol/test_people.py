"""The directory of persons: names, labels, marks, presence, look-alikes."""

from __future__ import annotations

import hashlib

import pytest

from p2pchat.config import limits
from p2pchat.errors import RequestError
from p2pchat.events import Event, PeerChanged, PeerOffline, PeerOnline, Warned
from p2pchat.model.ids import DeviceId, PeerId
from p2pchat.model.people import Status
from p2pchat.model.records import DropPerson, PersonRow, PutPerson
from p2pchat.node.lookalike import looks
from p2pchat.protocol import announce
from p2pchat.protocol.hashing import peer_id_of
from p2pchat.protocol.identity import Identity
from p2pchat.protocol.people import LOOKALIKE, Outcome, People, Presence

ME = PeerId("m" * 32)
PHONE, LAPTOP = DeviceId("p" * 32), DeviceId("l" * 32)


def who(number: int) -> Identity:
    return Identity(hashlib.sha256(bytes([number])).digest(), bytes(32))


ONE, TWO, THREE = who(1), who(2), who(3)


def people(*rows: PersonRow, own_name: str = "Me") -> People:
    return People(ME, own_name, rows, looks)


def profile(
    identity: Identity, name: str, clock: int = 1, note: str = "", avatar: bytes = b""
) -> announce.Profile:
    return announce.make_profile(identity, name=name, note=note, avatar=avatar, clock=clock)


def rows(outcome: Outcome) -> list[PersonRow]:
    return [write.row for write in outcome.writes if isinstance(write, PutPerson)]


def warnings(outcome: Outcome) -> list[Warned]:
    return [event for event in outcome.events if isinstance(event, Warned)]


def kinds(outcome: Outcome) -> list[type[Event]]:
    return [type(event) for event in outcome.events]


def reason(directory: People, text: str) -> tuple[str, object]:
    with pytest.raises(RequestError) as refused:
        directory.resolve(text)
    return refused.value.reason, refused.value.data.get("candidates")


# -- names and labels


def test_a_person_is_met_then_named() -> None:
    directory = people()
    met = directory.meet(ONE.person.key, 7)
    assert rows(met) == [PersonRow(id=ONE.peer_id, key=ONE.person.key, first_seen=7)]
    assert met.events == ()
    assert directory.label(ONE.peer_id) == ONE.peer_id[:8]
    assert directory.meet(ONE.person.key, 8) == Outcome()
    named = directory.take_profile(profile(ONE, "Li", note="hi"), 9)
    (row,) = rows(named)
    assert (row.name, row.label, row.first_seen) == ("Li", "Li", 7)
    assert directory.seal_key(ONE.peer_id) == ONE.sealing.public
    assert directory.peer(ONE.peer_id).note == "hi"


def test_a_person_may_come_with_their_profile() -> None:
    directory = people()
    (row,) = rows(directory.take_profile(profile(ONE, "Li"), 9))
    assert (row.id, row.label, row.first_seen) == (ONE.peer_id, "Li", 9)


def test_an_older_profile_changes_nothing() -> None:
    directory = people()
    directory.take_profile(profile(ONE, "Li", clock=5), 0)
    assert directory.take_profile(profile(ONE, "Lu", clock=4), 0) == Outcome()
    assert directory.take_profile(profile(ONE, "Li", clock=5), 0) == Outcome()
    assert directory.name(ONE.peer_id) == "Li"


def test_two_of_one_name_get_two_labels_for_good() -> None:
    directory = people()
    kept = [
        row for who in (ONE, TWO) for row in rows(directory.take_profile(profile(who, "Li"), 0))
    ]
    assert [row.label for row in kept] == ["Li", "Li_2"]
    again = people(*reversed(kept))
    assert again.label(TWO.peer_id) == "Li_2"
    assert again.take_profile(profile(TWO, "Li", clock=2), 0).writes != ()
    assert again.label(TWO.peer_id) == "Li_2"
    assert again.take_profile(profile(ONE, "Li"), 0) == Outcome(), "known from the store"


def test_ones_own_name_is_taken() -> None:
    directory = people(own_name="Li")
    directory.take_profile(profile(ONE, "Li"), 0)
    assert (directory.label(ME), directory.label(ONE.peer_id)) == ("Li", "Li_2")
    assert directory.resolve("@Li") == ONE.peer_id, "nobody writes to oneself by name"
    directory.rename_self("Ann")
    assert (directory.name(ME), directory.label(ME)) == ("Ann", "Ann")


def test_ones_own_profile_is_nobody_else() -> None:
    directory = People(ONE.peer_id, "Li", (), looks)
    assert directory.take_profile(profile(ONE, "Li"), 0) == Outcome()
    assert directory.peers() == []


@pytest.mark.parametrize("name", ["", "\u200b", "a" * 32])
def test_a_name_that_shows_nothing_or_is_an_id_is_left_out(name: str) -> None:
    directory = people()
    directory.take_profile(profile(ONE, name), 0)
    assert directory.name(ONE.peer_id) == ""
    assert directory.label(ONE.peer_id) == ONE.peer_id[:8]
    assert directory.resolve("@" + ONE.peer_id[:8]) == ONE.peer_id


def test_a_name_cannot_steer_a_terminal() -> None:
    directory = people()
    directory.take_profile(profile(ONE, "L\x1b[2Ji\u202e", note="a\x1bb\nc"), 0)
    assert directory.peer(ONE.peer_id).name == "L[2Ji"
    assert "\x1b" not in directory.peer(ONE.peer_id).note


# -- who is meant


def test_a_person_is_found_by_id_label_and_name() -> None:
    directory = people()
    directory.take_profile(profile(ONE, "Li"), 0)
    for text in (ONE.peer_id, "@" + ONE.peer_id.upper(), "@Li", "li", " @LI "):
        assert directory.resolve(text) == ONE.peer_id
    assert directory.resolve(ME) == ME


def test_who_is_not_known_is_no_such_peer() -> None:
    directory = people()
    for text in ("@nobody", TWO.peer_id, "@", ""):
        assert reason(directory, text) == ("no-such-peer", None)


def test_a_label_that_is_anothers_name_is_ambiguous() -> None:
    directory = people()
    for identity in (ONE, TWO):
        directory.take_profile(profile(identity, "Li"), 0)
    both = sorted([ONE.peer_id, TWO.peer_id])
    assert reason(directory, "@Li") == ("ambiguous-name", both)
    assert directory.resolve("@Li_2") == TWO.peer_id
    directory.take_profile(profile(THREE, "Li_2"), 0)
    found = sorted([TWO.peer_id, THREE.peer_id])
    assert reason(directory, "@Li_2") == ("ambiguous-name", found)


def test_the_same_letter_case_comes_first() -> None:
    directory = people()
    directory.take_profile(profile(ONE, "Ann"), 0)
    directory.take_profile(profile(TWO, "ann"), 0)
    assert directory.resolve("@Ann") == ONE.peer_id
    assert directory.resolve("@ann") == TWO.peer_id
    assert reason(directory, "@ANN")[0] == "ambiguous-name"


def test_a_former_name_finds_nobody() -> None:
    directory = people()
    directory.take_profile(profile(ONE, "pc17"), 0)
    directory.take_profile(profile(ONE, "Li", clock=2), 0)
    assert reason(directory, "@pc17")[0] == "no-such-peer"
    assert directory.resolve("@Li") == ONE.peer_id


# -- look-alikes


@pytest.mark.parametrize("mark", ["verified", "contact", "written"])
@pytest.mark.parametrize("name", ["Paul", "PAUL", "PauI", "Рaul", "Paul_2"])
def test_a_new_person_who_looks_like_a_known_one_is_a_warning(mark: str, name: str) -> None:
    directory = people()
    directory.take_profile(profile(ONE, "Paul"), 0)
    directory.take_profile(profile(TWO, "Paul"), 0)
    match mark:
        case "verified":
            directory.set_verified(TWO.peer_id, True)
        case "contact":
            directory.set_contact(TWO.peer_id, True)
        case _:
            directory.set_written(TWO.peer_id)
    outcome = directory.take_profile(profile(THREE, name), 0)
    (warned,) = warnings(outcome)
    assert (warned.reason, warned.peer_id) == (LOOKALIKE, THREE.peer_id)
    assert directory.label(TWO.peer_id) in warned.text
    assert rows(outcome)[0].warning == warned.text == directory.peer(THREE.peer_id).warning
    again = directory.take_profile(profile(THREE, name, clock=2, note="hello"), 0)
    assert warnings(again) == []
    assert directory.peer(THREE.peer_id).warning == warned.text


def test_strangers_may_share_a_name() -> None:
    directory = people()
    directory.take_profile(profile(ONE, "Paul"), 0)
    outcome = directory.take_profile(profile(TWO, "Paul"), 0)
    assert warnings(outcome) == []
    assert directory.peer(TWO.peer_id).warning is None


def test_a_person_who_renames_themselves_so_is_a_warning_until_they_do_otherwise() -> None:
    directory = people()
    directory.take_profile(profile(ONE, "Paul"), 0)
    directory.set_contact(ONE.peer_id, True)
    directory.take_profile(profile(TWO, "Xu"), 0)
    assert len(warnings(directory.take_profile(profile(TWO, "PauI", clock=2), 0))) == 1
    directory.take_profile(profile(TWO, "Xu", clock=3), 0)
    assert directory.peer(TWO.peer_id).warning is None


def test_a_verified_person_is_not_warned_of() -> None:
    directory = people()
    directory.take_profile(profile(ONE, "Paul"), 0)
    directory.set_contact(ONE.peer_id, True)
    directory.take_profile(profile(TWO, "Paul"), 0)
    assert directory.set_verified(TWO.peer_id, True).writes != ()
    assert directory.peer(TWO.peer_id).warning is None
    assert warnings(directory.take_profile(profile(TWO, "PauI", clock=2), 0)) == []


@pytest.mark.parametrize("name", ["Аnna", "Αnna"])
def test_whoever_imitates_ones_own_name_is_warned_of(name: str) -> None:
    directory = people()
    directory.rename_self("Anna")
    (warned,) = warnings(directory.take_profile(profile(ONE, name), 0))
    assert (warned.reason, warned.peer_id) == (LOOKALIKE, ONE.peer_id)
    assert "is not you" in warned.text
    assert directory.peer(ONE.peer_id).warning == warned.text
    assert warnings(directory.take_profile(profile(TWO, "Ann"), 0)) == []


@pytest.mark.parametrize("name", ["Anna", "ANNA"])
def test_ones_own_name_has_a_number_with_others(name: str) -> None:
    directory = people()
    directory.rename_self("Anna")
    assert warnings(directory.take_profile(profile(ONE, name), 0)) == []
    assert directory.label(ONE.peer_id) == f"{name}_2"


def test_looks_are_not_asked_for_without_need() -> None:
    def unexpected(text: str) -> frozenset[str]:
        raise AssertionError(text)

    directory = People(ME, "", (), unexpected)
    directory.take_profile(profile(ONE, "Paul"), 0)
    assert warnings(directory.take_profile(profile(TWO, "Paul"), 0)) == []


# -- marks


def test_marks_are_kept_and_told() -> None:
    directory = people()
    directory.take_profile(profile(ONE, "Li"), 0)
    changed = directory.set_contact(ONE.peer_id, True)
    assert kinds(changed) == [PeerChanged]
    assert rows(changed)[0].contact
    assert directory.set_contact(ONE.peer_id, True) == Outcome()
    assert rows(directory.set_blocked(ONE.peer_id, True))[0].blocked
    assert directory.blocked(ONE.peer_id)
    written = directory.set_written(ONE.peer_id)
    assert (rows(written)[0].written, written.events) == (True, ())
    again = people(*rows(written))
    assert (again.peer(ONE.peer_id).contact, again.peer(ONE.peer_id).blocked) == (True, True)


def test_who_is_not_known_cannot_be_marked() -> None:
    with pytest.raises(RequestError) as refused:
        people().set_verified(ONE.peer_id, True)
    assert refused.value.reason == "no-such-peer"


# -- presence


def test_a_person_comes_and_goes_once_for_all_devices() -> None:
    directory = people()
    directory.take_profile(profile(ONE, "Li"), 0)
    here = Presence(Status.ONLINE, 1, linked=True, addresses=("10.0.0.1:27474",))
    there = Presence(Status.ONLINE, 2, addresses=("10.0.0.2:27474",))
    assert kinds(directory.set_presence(ONE.peer_id, PHONE, here)) == [PeerOnline]
    assert kinds(directory.set_presence(ONE.peer_id, PHONE, here)) == []
    assert kinds(directory.set_presence(ONE.peer_id, LAPTOP, there)) == [PeerChanged]
    peer = directory.peer(ONE.peer_id)
    assert peer.linked
    assert peer.addresses == ("10.0.0.1:27474", "10.0.0.2:27474")
    assert kinds(directory.set_presence(ONE.peer_id, PHONE, None)) == [PeerChanged]
    assert kinds(directory.set_presence(ONE.peer_id, LAPTOP, None)) == [PeerOffline]
    assert directory.status(ONE.peer_id) is Status.OFFLINE


def test_the_latest_status_of_the_devices_in_use_holds() -> None:
    directory = people()
    directory.take_profile(profile(ONE, "Li"), 0)
    directory.set_presence(ONE.peer_id, PHONE, Presence(Status.BUSY, 1))
    directory.set_presence(ONE.peer_id, LAPTOP, Presence(Status.AWAY, 2))
    assert directory.status(ONE.peer_id) is Status.BUSY
    directory.set_presence(ONE.peer_id, LAPTOP, Presence(Status.ONLINE, 3))
    assert directory.status(ONE.peer_id) is Status.ONLINE
    directory.set_presence(ONE.peer_id, LAPTOP, Presence(Status.OFFLINE, 4))
    directory.set_presence(ONE.peer_id, PHONE, Presence(Status.AWAY, 5))
    assert directory.status(ONE.peer_id) is Status.AWAY


def test_nobody_is_told_of_before_their_profile_is_here() -> None:
    directory = people()
    directory.meet(ONE.person.key, 0)
    assert directory.set_presence(ONE.peer_id, PHONE, Presence(Status.ONLINE, 1)).events == ()
    assert directory.peers() == []
    (online,) = directory.take_profile(profile(ONE, "Li"), 0).events
    assert isinstance(online, PeerOnline)
    assert (online.peer.label, online.peer.status) == ("Li", Status.ONLINE)
    assert [peer.peer_id for peer in directory.peers()] == [ONE.peer_id]


def test_devices_of_one_person_are_bounded() -> None:
    directory = people()
    directory.take_profile(profile(ONE, "Li"), 0)
    for number in range(2 * limits.PERSON_DEVICES):
        addresses = (f"10.0.0.{number}:1",)
        presence = Presence(Status.ONLINE, number, addresses=addresses)
        directory.set_presence(ONE.peer_id, DeviceId(str(number)), presence)
    assert len(directory.peer(ONE.peer_id).addresses) == limits.PERSON_DEVICES


def test_an_avatar_is_shown_once_it_is_here() -> None:
    pictures: dict[bytes, str] = {}
    directory = People(ME, "Me", (), looks, pictures.get)
    digest = announce.avatar_digest(b"png")
    directory.take_profile(profile(ONE, "Li", avatar=digest), 0)
    assert (directory.avatar(ONE.peer_id), directory.peer(ONE.peer_id).avatar) == (digest, None)
    pictures[digest] = "cG5n"
    assert directory.peer(ONE.peer_id).avatar == "cG5n"


# -- bounds


def full_of_strangers() -> list[PersonRow]:
    keys = [hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(limits.PERSONS)]
    return [
        PersonRow(id=peer_id_of(key), key=key, name="Li", label=f"Li_{number}", first_seen=number)
        for number, key in enumerate(keys, 2)
    ]


def test_the_oldest_stranger_who_is_off_line_is_forgotten() -> None:
    strangers = full_of_strangers()
    directory = people(*strangers)
    directory.set_contact(strangers[0].id, True)
    directory.set_presence(strangers[1].id, PHONE, Presence(Status.ONLINE, 1))
    met = directory.meet(ONE.person.key, 0)
    assert met.writes[0] == DropPerson(strangers[2].id)
    assert strangers[2].id not in directory
    assert reason(directory, "@Li_4")[0] == "no-such-peer"
    assert all(person in directory for person in (strangers[0].id, strangers[1].id, ONE.peer_id))


def test_where_nobody_can_be_forgotten_a_new_person_stays_unknown() -> None:
    strangers = full_of_strangers()
    directory = people(*strangers)
    for stranger in strangers:
        directory.set_contact(stranger.id, True)
    assert directory.take_profile(profile(ONE, "Xu"), 0) == Outcome()
    assert ONE.peer_id not in directory
    assert directory.label(ONE.peer_id) == ONE.peer_id[:8]


def test_who_is_called_like_a_registered_one_has_a_number_whoever_came_first() -> None:
    directory = people()
    names = {"Li": ONE.peer_id, "L\u0456_2": THREE.peer_id}
    before = directory.take_profile(profile(TWO, "L\u0456"), 1)
    directory.take_profile(profile(ONE, "Li"), 1)
    assert rows(before)[-1].label == "L\u0456"
    by_look = {look: person for name, person in names.items() for look in looks(name)}
    by_person = {person: name for name, person in names.items()}
    directory.registered_to = lambda name: next(
        (by_look[look] for look in looks(name) if look in by_look), None
    )
    directory.registered_as = by_person.get
    directory.registered(ONE.peer_id)
    changed = directory.number_borrowers()
    assert [row.label for row in rows(changed)] == ["L\u0456_3"], "the second looks like a third"
    assert kinds(changed) == [PeerChanged]
    assert directory.number_borrowers() == Outcome()
    assert directory.label(ONE.peer_id) == "Li"
    directory.take_profile(profile(who(4), "LI"), 2)
    assert directory.label(who(4).peer_id) == "LI_3"
