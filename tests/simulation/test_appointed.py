"""What the appointed tells its network and writes down of it, and what that is shown of it."""

from __future__ import annotations

from datetime import datetime

import pytest
from host import Host
from pupils import PASSWORD, known
from test_election import APPOINTING, settled
from world import World

from p2pchat.config import limits
from p2pchat.errors import RequestError
from p2pchat.model.accounts import Stay
from p2pchat.model.ids import PeerId
from p2pchat.protocol import wire
from p2pchat.protocol.identity import Signer
from p2pchat.protocol.registrar.claims import make_seen


def class_room(seed: int, pupils: int = 3) -> tuple[World, Host, list[Host]]:
    world, public = World(seed), Signer(APPOINTING).key
    teacher = world.add(appointing=APPOINTING, appointed_by=public)
    found = [world.add(appointed_by=public) for _ in range(pupils)]
    settled(world)
    return world, teacher, found


def seen(host: Host) -> list[tuple[str, int]]:
    return [(one.text, len(one.seen_by)) for one in host.machine.registrar.announcements.list()]


def test_an_announcement_comes_to_all_also_late_and_says_who_has_seen_it() -> None:
    world, teacher, (one, other, late) = class_room(17)
    late.machine.registrar.announcements.watched = lambda: False
    one.ask(one.machine.registrar.announcements.send, "not me", None)
    assert one.refused == ["not-allowed"]
    teacher.ask(teacher.machine.registrar.announcements.send, "\u200b", None)
    assert teacher.refused == ["not-allowed"], "nobody would see it"
    teacher.ask(teacher.machine.registrar.announcements.send, "Books away", None)
    world.wait(lambda: seen(teacher) == [("Books away", 2)], 10.0, "two have seen it")
    assert [e.announcement.text for e in one.announced] == ["Books away"]
    assert teacher.announced == [], "one's own"
    late.machine.registrar.announcements.watched = lambda: True
    world.wait(lambda: seen(teacher) == [("Books away", 3)], 60.0, "the third as well")
    newcomer = world.add(appointed_by=Signer(APPOINTING).key)
    world.wait(lambda: bool(newcomer.announced), 60.0, "and who comes late")
    one.stop()
    one.start()
    world.clock.run_for(10.0)
    assert len(one.announced) == 1, "told once"

    teacher.ask(teacher.machine.rooms.join, 0, "#maths", None)
    other.ask(other.machine.rooms.join, 0, "#maths", None)
    world.clock.run_for(5.0)
    teacher.ask(teacher.machine.registrar.announcements.send, "page 9", "#maths")
    world.wait(lambda: ("page 9", 1) in seen(teacher), 30.0, "seen by who is in the room")
    assert [e.announcement.conversation for e in other.announced] == [None, "#maths"]
    assert ("page 9", 1) not in seen(late)
    assert len(late.announced) == 1


def test_what_is_announced_to_a_room_with_a_password_its_members_alone_can_read() -> None:
    world, teacher, (one, late, outsider) = class_room(27)
    teacher.ask(teacher.machine.rooms.create, 0, "#staff", PASSWORD)
    world.clock.run_for(3.0)
    one.ask(one.machine.rooms.join, 0, "#staff", PASSWORD)
    world.clock.run_for(5.0)
    teacher.ask(teacher.machine.registrar.announcements.send, "page 9", "#staff")
    world.wait(lambda: seen(teacher) == [("page 9", 1)], 30.0, "seen by who is in the room")
    assert [e.announcement.text for e in one.announced] == ["page 9"]
    kept = outsider.store.load().meta
    assert outsider.machine.registrar.registry.notices(), "everybody keeps it"
    assert not [key for key, value in kept.items() if b"page 9" in value]
    assert (seen(outsider), seen(late)) == ([], [])
    late.ask(late.machine.rooms.join, 0, "#staff", PASSWORD)
    world.wait(lambda: seen(teacher) == [("page 9", 2)], 30.0, "and by who comes later")


def test_the_appointed_keeps_a_register_and_nobody_else() -> None:
    world, teacher, (one, other, _) = class_room(18)
    one.ask(one.machine.registrar.accounts.register, "Li", PASSWORD)
    world.clock.run_for(20.0)
    with pytest.raises(RequestError):
        one.machine.registrar.attendance.list(None, None)
    register = teacher.machine.registrar.attendance.list(None, None)
    assert len(register) == 3
    assert {stay.left for stay in register} == {None}
    line = next(stay for stay in register if stay.peer_id == one.machine.identity.peer_id)
    assert (line.label, line.account) == ("Li", one.machine.identity.peer_id)

    left_at = world.clock.now
    other.stop()
    world.clock.run_for(300.0)
    teacher.crash()
    teacher.start()
    other.start()
    world.clock.run_for(60.0)
    who = other.machine.identity.peer_id
    stays = [s for s in teacher.machine.registrar.attendance.list(None, None) if s.peer_id == who]
    assert [stay.left is None for stay in stays] == [False, True]
    gone = stays[0].left
    assert gone is not None
    assert stays[0].came < gone < stays[1].came
    again = [s for s in teacher.machine.registrar.attendance.list(None, None) if s.label == "Li"]
    assert len(again) == 1, "who was there all the time has one line"
    assert left_at < world.clock.now
    early = teacher.machine.registrar.attendance.list(None, teacher.wall_ms - 200_000)
    assert len([s for s in early if s.peer_id == who]) == 1


def test_after_a_restart_of_the_one_who_keeps_it_the_register_is_right_at_once() -> None:
    world, teacher, others = class_room(21)

    def stays() -> list[Stay]:
        return teacher.machine.registrar.attendance.list(None, None)

    world.clock.run_for(100.0)
    assert [stay.left for stay in stays()] == [None] * 3
    for end in (teacher.stop, teacher.crash):
        world.clock.run_for(55.0)
        came = [stay.came for stay in stays()]
        end()
        teacher.start()
        world.wait(lambda: world.linked([teacher, *others]), 30.0, "linked")
        assert [stay.left for stay in stays()] == [None] * 3
        assert [stay.came for stay in stays()] == came, "they were there all the time"


def test_nobody_is_in_the_register_for_the_time_in_which_its_computer_slept() -> None:
    """Links to those who went meanwhile still seem to be there when it wakes up."""
    world, teacher, (one, other, third) = class_room(26)

    def lines(host: Host) -> list[tuple[int, int | None]]:
        """Seconds since the register's computer went to sleep."""
        stays = teacher.machine.registrar.attendance.list(None, None)
        mine = [stay for stay in stays if stay.peer_id == host.machine.identity.peer_id]
        return [(since(stay.came), since(stay.left) if stay.left else None) for stay in mine]

    def since(time: str) -> int:
        return round(datetime.fromisoformat(time).timestamp() - asleep_at)

    world.clock.run_for(60.0)
    asleep_at = teacher.wall_ms / 1000
    teacher.sleep()
    world.split([teacher], [one, other, third])
    world.clock.run_for(3600.0)
    teacher.wake()
    for _ in range(20):
        world.clock.run_for(1.0)
        assert all(len(lines(host)) == 1 for host in (one, other, third))
    assert all(-10 <= (lines(host)[0][1] or 0) <= 0 for host in (one, other, third))
    world.fabric.heal()
    world.wait(lambda: all(len(lines(host)) == 2 for host in (one, other, third)), 60.0, "back")

    teacher.clock_off_ms = 86_400_000
    world.clock.run_for(60.0)
    teacher.clock_off_ms = 0
    world.clock.run_for(60.0)
    for (_, gone), (came, left), (ahead, corrected) in (lines(one)[1:], lines(other)[1:]):
        assert gone is not None
        assert corrected is not None
        assert gone < came < 86_400 <= ahead <= corrected
        assert left is None


def test_an_announcement_is_seen_once_the_person_has_seen_it() -> None:
    """A window is told at once, and says later that somebody looked at it."""
    world, teacher, (one, _, _) = class_room(20)
    one.machine.registrar.announcements.seeing = lambda: False
    teacher.ask(teacher.machine.registrar.announcements.send, "Books away", None)
    world.wait(lambda: seen(teacher) == [("Books away", 2)], 10.0, "the others have")
    world.clock.run_for(10.0)
    assert [e.announcement.text for e in one.announced] == ["Books away"]
    assert seen(teacher) == [("Books away", 2)]
    one.stop()
    one.start()
    one.machine.registrar.announcements.seeing = lambda: False
    world.wait(lambda: len(one.announced) == 2, 30.0, "told again: nobody saw it")
    told = one.announced[0].announcement.announcement_id
    one.ask(one.machine.registrar.announcements.saw, told)
    one.ask(one.machine.registrar.announcements.saw, told)
    one.ask(one.machine.registrar.announcements.saw, "nonsense")
    world.wait(lambda: seen(teacher) == [("Books away", 3)], 30.0, "seen")
    world.clock.run_for(2.0)
    own = [len(e.announcement.seen_by) for e in teacher.announced_anew]
    assert (own[0], own[-1]) == (0, 3), "its author is told how many have seen it"
    assert own == sorted(own)
    assert one.refused == []


def test_the_network_is_shown_who_keeps_a_register() -> None:
    world, teacher, (one, other, _) = class_room(21)

    def keepers(host: Host) -> list[str]:
        return [peer.label for peer in host.machine.people.peers() if peer.keeps_register]

    name = one.machine.people.label(teacher.machine.identity.peer_id)
    world.wait(lambda: keepers(one) == keepers(other) == [name], 10.0, "all are shown")
    assert keepers(teacher) == []
    assert teacher.machine.registrar.leading.info().appointed
    assert not one.machine.registrar.leading.info().appointed
    assert one.machine.registrar.leading.info().guarded
    teacher.stop()
    world.wait(lambda: keepers(one) == [], 30.0, "nobody does any more")


def test_somebodys_computers_are_chosen_to_keep_accounts_and_everyone_is_shown() -> None:
    world, teacher, (one, other, _) = class_room(23)
    person = one.machine.identity.peer_id

    def chosen(host: Host) -> set[PeerId]:
        people = {peer.peer_id for peer in host.machine.people.peers() if peer.holder}
        return people - {teacher.machine.identity.peer_id}

    other.ask(other.machine.registrar.accounts.appoint_person, person)
    teacher.ask(teacher.machine.registrar.accounts.appoint_person, "nobody")
    world.clock.run_for(2.0)
    assert (other.refused, teacher.refused) == (["not-allowed"], ["no-such-peer"])
    assert chosen(teacher) == set()
    teacher.ask(teacher.machine.registrar.accounts.appoint_person, person)
    world.wait(lambda: chosen(teacher) == chosen(other) == {person}, 10.0, "all are shown")
    key = one.machine.identity.device.key
    assert other.machine.registrar.is_holder(key)
    assert teacher.refused == ["no-such-peer"]
    one.stop()
    world.wait(lambda: chosen(other) == set(), 30.0, "nobody is there who was")
    one.start()
    world.wait(lambda: chosen(other) == {person}, 30.0, "there again")


def test_what_the_appointed_cant_keep_is_refused() -> None:
    world, teacher, (one, other, _) = class_room(25)
    one.ask(one.machine.registrar.accounts.register, "Li", PASSWORD)
    world.wait(lambda: bool(one.signed), 15.0, "registered")
    registrar, account = teacher.machine.registrar, one.machine.identity.peer_id
    teacher._flush = lambda: None  # type: ignore[method-assign]  # a disk that is stuck
    teacher.ask(registrar.announcements.send, "Books away", None)
    teacher.ask(registrar.accounts.release, account)
    teacher.ask(registrar.accounts.appoint_person, other.machine.identity.peer_id)
    failed, teacher._commits = teacher._commits, []
    for batch, _ in failed:
        teacher.run(teacher.machine.commit_failed, batch, "disk-full")
    assert teacher.refused == ["disk-full"] * 3
    assert (registrar.announcements.list(), known(teacher)[account].name) == ([], "Li")
    assert not registrar.is_holder(other.machine.identity.device.key)


def test_who_is_renamed_is_told_once_somebody_is_there_to_be_told() -> None:
    world, teacher, (one, other, _) = class_room(22)
    one.ask(one.machine.registrar.accounts.register, "Li", PASSWORD)
    world.wait(lambda: bool(one.signed), 15.0, "registered")
    account = one.machine.identity.peer_id
    assert one.machine.commands.profile().account == account
    assert other.machine.commands.profile().account is None
    one.machine.registrar.announcements.watched = lambda: False
    teacher.ask(teacher.machine.registrar.accounts.release, account)
    world.wait(lambda: known(one)[account].name == "Li_2", 15.0, "renamed")
    world.clock.run_for(3.0)
    assert one.renamed == []
    assert one.machine.commands.profile().name == "Li_2"
    assert [event.new_name for event in other.renamed] == ["Li_2"]
    one.crash()
    one.start()
    world.wait(lambda: bool(one.renamed), 15.0, "told after all")
    world.clock.run_for(5.0)
    assert [(e.old_name, e.new_name, e.why) for e in one.renamed] == [("Li", "Li_2", "released")]


def test_persons_that_somebody_made_up_keep_nobody_out_who_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "SEEN_BY", 5)
    monkeypatch.setattr(limits, "SEEN_BY_LINKED", 10)
    world, teacher, (one, other, thief) = class_room(41)
    for host in (one, other):
        host.machine.registrar.announcements.watched = lambda: False
    teacher.ask(teacher.machine.registrar.announcements.send, "Books away", None)
    world.wait(lambda: bool(thief.announced), 10.0, "told")
    (notice,) = teacher.machine.registrar.registry.notices()
    network = teacher.machine.network
    made_up = [
        make_seen(Signer(number.to_bytes(32, "big")), network, notice.id).raw
        for number in range(40)
    ]
    for host in (teacher, one, other):
        link = thief.machine.links.of(host.device)
        assert link is not None
        for at in range(0, 40, 10):
            frame = wire.RegistryRecords(False, tuple(made_up[at : at + 10]))
            thief.run(thief.machine.links.send, link.id, frame)
    world.clock.run_for(5.0)
    assert seen(teacher) == [("Books away", 5)]
    for host in (one, other):
        host.machine.registrar.announcements.watched = lambda: True

    def shown() -> set[str]:
        (announcement,) = teacher.machine.registrar.announcements.list()
        return set(announcement.seen_by)

    there = {host.machine.identity.peer_id for host in (one, other)}
    world.wait(lambda: there <= shown(), 30.0, "who is there is shown")
    assert seen(teacher) == [("Books away", 7)]


def test_persons_who_were_made_up_and_have_links_keep_nobody_out_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They come from one address, one after the other, and each has a link to the teacher."""
    monkeypatch.setattr(limits, "SEEN_BY", 2)
    monkeypatch.setattr(limits, "SEEN_BY_LINKED", 8)
    monkeypatch.setattr(limits, "SEEN_BY_SOURCE", 3)
    world, teacher, pupils = class_room(42)
    for host in pupils:
        host.machine.registrar.announcements.watched = lambda: False
    teacher.ask(teacher.machine.registrar.announcements.send, "Books away", None)
    ports = iter(range(1024, 2048))
    world.fabric.new_address = lambda: ("10.9.9.9", next(ports))  # type: ignore[method-assign]  # one machine
    for _ in range(9):
        made_up = world.add(appointed_by=Signer(APPOINTING).key)
        world.wait(lambda: bool(made_up.announced), 30.0, "told")  # noqa: B023 - called at once
        world.clock.run_for(3.0)
        assert teacher.machine.links.of(made_up.device)
        made_up.stop()
    assert seen(teacher) == [("Books away", 5)]
    for host in pupils:
        host.machine.registrar.announcements.watched = lambda: True

    def shown() -> set[str]:
        (announcement,) = teacher.machine.registrar.announcements.list()
        return set(announcement.seen_by)

    there = {host.machine.identity.peer_id for host in pupils}
    world.wait(lambda: there <= shown(), 30.0, "who is there is shown")
