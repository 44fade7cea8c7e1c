"""Accounts on a real LAN, as a class lives with them, and signing out of a shared computer."""

from __future__ import annotations

import codecs
import csv
import re
from pathlib import Path
from typing import Any

import pytest
from harness import Lan, Node, wait_linked, wait_until
from lan_accounts import (
    LEADS_AT_ONCE,
    OTHER,
    PASSWORD,
    contacts,
    info,
    joined,
    names,
    refused,
    register,
    settled,
    sign_in,
)
from lan_talk import create, peer_id, peers, say, texts, wait_message, warnings
from lan_terminal import Terminal
from siege import launch

pytestmark = pytest.mark.lan

THIRD, FOURTH = "open the window", "close the window"
DEN, ART = "#den", "#art"
OWNED = ("Li", "Li_2")
"""Names that are registered in the end."""


class School:
    """The teacher, who is appointed; Li at a terminal; Ann at the third machine, over RPC."""

    def __init__(self, lan: Lan, folder: Path) -> None:
        self.lan = lan
        self.key, self.csv = folder / "class.key", folder / "register.csv"
        maker = lan.node(0, "--name", "Teacher")
        public = maker.call("registrar.appoint", path=str(self.key))["appointed_by"]
        maker.stop()
        by = ("--appointed-by", public)
        self.teacher = lan.node(0, "--appointing-key", str(self.key), *by)
        self.ann = lan.node(2, "--name", "Ann", "--registrar", *by)
        self.li = Terminal(lan, 1, "--name", "Li", *by)
        self.li_id = self.ann_id = self.code = ""

    def types(self, line: str, *answers: tuple[str, str], wanted: str) -> str:
        return self.li.enter(line, *answers, wanted=wanted)

    def begin(self) -> None:
        """The appointed leads, and nobody else, however willing."""
        wait_linked([self.teacher, self.ann])
        assert settled([self.teacher, self.ann]) is self.teacher
        wait_until(lambda: self._linked() >= {"Li", "Ann"}, what="Li is there")
        self.types("/accounts", wanted="the registrar is Teacher")

    def _linked(self) -> set[str]:
        return {peer["name"] for peer in peers(self.teacher).values() if peer["linked"]}

    def register(self) -> None:
        ann = self.ann
        for name, password, reason in (
            ("Ann", "short", "weak-password"),
            ("a" * 32, OTHER, "name-not-allowed"),
        ):
            assert refused(ann, "accounts.register", name=name, password=password) == reason
        assert refused(ann, "accounts.logout") == "not-signed-in"
        self.ann_id = peer_id(ann)
        assert register(ann, "Ann", OTHER)["account_id"] == self.ann_id
        self.types(
            "/register Li",
            ("passwo", PASSWORD),
            ("again", PASSWORD),
            wanted="it opens the account without a password: ",
        )
        found = wait_until(
            lambda: re.search(r"without a password: ([A-Z0-9-]+)\s", self.li.text()),
            5.0,
            "the code",
        )
        assert found is not None
        self.code = found[1]
        wait_until(lambda: len(names(ann)) == 2, what="both are known to all")
        self.li_id = names(ann)["Li"]
        assert names(self.teacher) == {"Li": self.li_id, "Ann": self.ann_id}

    def settle_in(self) -> None:
        """Rooms with words, a contact and a setting: what has to come back."""
        self.types(f"/create {DEN} a room's password", wanted=f"you made {DEN}")
        self.types("said in the den", wanted="Li®: said in the den")
        ann = self.ann
        create(ann, ART, "another password")
        say(ann, "painted", ART)
        ann.call("contacts.add", peer_id=peer_id(self.teacher))
        ann.call("settings.set", settings={"theme": "dark"})

    def sign_in_elsewhere(self) -> None:
        """Li where Ann was, while Li is at the terminal too; then Ann where Li was."""
        ann, guest = self.ann, self.ann.call("node.info")
        ann.call("accounts.logout")
        assert not (ann.data_dir / "store.key").exists()
        assert peer_id(ann) != self.ann_id
        for name, reason in (("Li", "wrong-password"), ("Nobody", "no-such-account")):
            assert refused(ann, "accounts.login", name=name, password=OTHER) == reason
        assert refused(ann, "accounts.register", name="LI", password=OTHER) == "name-taken"
        signed: dict[str, Any] = sign_in(ann, "li", PASSWORD)
        assert (signed["account_id"], signed["name"]) == (self.li_id, "Li")
        assert (signed["elsewhere"], signed["renamed_from"]) == (True, None)
        assert ann.call("node.info")["device_id"] != guest["device_id"]
        assert ann.call("node.info")["data_dir"] == f"{ann.data_dir}/accounts/{self.li_id}"
        wait_until(lambda: DEN in joined(ann), 15, "the room is back")
        ann.call("accounts.logout")

        self.types("/logout keep", wanted="you are signed out")
        self.types("/login Ann", ("passwo", OTHER), wanted="you are signed in as Ann")
        self.types(f"/join {ART}", wanted=f"you are in {ART}")

    def change_the_password(self) -> None:
        """Where Ann has signed in again; what was hers is back there, and comes from there."""
        ann = self.ann
        assert sign_in(ann, "Ann", OTHER)["account_id"] == self.ann_id
        assert {ART, "#lobby"} <= joined(ann)
        assert texts(ann, ART) == ["painted"]
        wait_until(self._painted, 15, "what was said before is at the terminal")
        assert contacts(ann) == {peer_id(self.teacher)}
        assert ann.call("settings.get")["theme"] == "dark"
        ann.call("accounts.change_password", 30, old=OTHER, new=THIRD)
        old = {"old": OTHER, "new": FOURTH}
        assert refused(ann, "accounts.change_password", **old) == "wrong-password"
        self.types("/logout keep", wanted="you are signed out")
        self.types("/login Ann", ("passwo", OTHER), wanted="This isn't the account's password")
        self.types("/login Ann", ("passwo", THIRD), wanted="you are signed in as Ann")
        self.types("/logout keep", wanted="you are signed out")

    def _painted(self) -> bool:
        self.types("/search painted", wanted=f"{ART}>")
        return "Ann®: painted" in self.li.text()

    def recover(self) -> None:
        self.types(
            f"/recover Li {self.code}",
            ("new pass", FOURTH),
            wanted="you are signed in as Li, with a new password",
        )
        self.types(f"/join {DEN}", wanted="Li®: said in the den")

    def release(self) -> None:
        """The name goes to somebody new; all else stays Li's."""
        ann, teacher = self.ann, self.teacher
        assert refused(ann, "accounts.release", account_id=self.li_id) == "not-allowed"
        teacher.call("accounts.release", account_id=self.li_id)
        self.li.wait("Your account is called “Li_2” now")
        ann.call("accounts.logout")
        new = register(ann, "Li", OTHER)["account_id"]
        wanted = {"Li": new, "Li_2": self.li_id, "Ann": self.ann_id}
        wait_until(lambda: names(teacher) == wanted, what="everybody has a name")
        self.types("still mine", wanted="Li_2®: still mine")

    def announce(self) -> None:
        teacher, ann = self.teacher, self.ann
        assert refused(ann, "announcements.send", text="no") == "not-allowed"
        assert teacher.call("announcements.send", text="Books away")["seen_by"] == []
        told = ann.wait_event("announcement")["announcement"]
        assert (told["text"], told["author_label"]) == ("Books away", "Teacher")
        self.li.wait("Teacher announces to everyone: Books away")
        ids = {self.li_id, peer_id(ann)}
        wait_until(lambda: set(teacher.call("announcements.list")[0]["seen_by"]) == ids, 10, "seen")

    def resist(self) -> None:
        """Somebody takes names, and pretends to be appointed."""
        teacher, before = self.teacher, names(self.teacher)
        marks = {node: node.mark() for node in (teacher, self.ann)}
        _, port = teacher.call("node.info")["listen"][0].rsplit(":", 1)
        address = (self.lan.hosts[0].address, int(port))
        for attack, name in (("take_name", "Ann"), ("pretends", "Li")):
            process = launch(self.lan, 2, address, attack, name)
            said, _ = process.communicate(timeout=20)
            assert said == b"done\n", f"the attack {attack} came to nothing"
        for node, mark in marks.items():
            assert names(node) == before
            assert [one["text"] for one in node.call("announcements.list")] == ["Books away"]
            assert info(node)["device_id"] == teacher.call("node.info")["device_id"]
            told = {event.type for event in node.events[mark:]}
            assert not told & {"account.renamed", "announcement", "registrar.changed"}

    def export_attendance(self) -> None:
        teacher = self.teacher
        assert refused(self.ann, "attendance.list") == "not-allowed"

        owners = {(name, id) for name, id in names(teacher).items() if name in OWNED}

        def here() -> set[tuple[str, str | None]]:
            lines = [line for line in teacher.call("attendance.list") if not line["left"]]
            return {(line["label"], line["account"]) for line in lines if line["label"] in OWNED}

        wait_until(lambda: here() == owners, 15, "both are in the register, and no pretender")
        path = str(self.csv)
        assert teacher.call("attendance.export", path=path) == {"path": path}
        plain = self.csv.read_bytes()
        assert plain.startswith(b'"label"'), "for programs"
        teacher.call("attendance.export", path=path, replace=True, spreadsheet=True)
        assert self.csv.read_bytes() == codecs.BOM_UTF8 + plain, "for Excel"
        with self.csv.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        labels = {row["account"]: row["label"] for row in rows if row["came_utc"]}
        assert labels[self.li_id] == "Li_2"
        assert labels[peer_id(self.ann)] == "Li"
        assert refused(teacher, "attendance.export", path=path) == "not-allowed"
        assert teacher.call("attendance.list", to="2020-01-01T00:00:00Z") == []


def test_a_class_lives_with_accounts(tmp_path: Path) -> None:
    with Lan(hosts=3) as lan:
        school = School(lan, tmp_path)
        with school.li:
            school.begin()
            school.register()
            school.settle_in()
            school.sign_in_elsewhere()
            school.change_the_password()
            school.recover()
            school.release()
            school.announce()
            school.resist()
            school.export_attendance()
            last = peer_id(school.ann)
            school.ann.stop()
            assert peer_id(lan.node(2)) == last, "the profile used last"


def fetched(node: Node, name: str) -> Path:
    done = node.wait_event("file.complete", lambda event: bool(event["file"]["name"] == name))
    return Path(done["file"]["path"])


def test_signing_out_of_a_shared_computer(tmp_path: Path) -> None:
    """The downloads that were named go, one that was changed stays, and so does what isn't
    p2pchat's; killed in the middle, the next start finishes it, and the account opens its store."""
    with Lan(hosts=2, program=LEADS_AT_ONCE) as lan:
        teacher = lan.node(0, "--name", "Teacher", "--registrar")
        pupil = lan.node(1, "--name", "Li")
        wait_linked([teacher, pupil])
        settled([teacher, pupil])
        account = pupil.call("accounts.register", name="Li", password=PASSWORD)["account_id"]
        paths = []
        for name in ("sheet.txt", "essay.txt", "photo.txt"):
            (tmp_path / name).write_text(f"this is {name}")
            teacher.call("files.share", conversation="#lobby", path=str(tmp_path / name))
            paths.append(fetched(pupil, name))
        sheet, essay, photo = paths
        own = sheet.parent / "own.txt"
        own.write_text("not from anybody")
        pupil.call("messages.send", conversation="#lobby", text="before signing out")
        named = pupil.call("accounts.downloads")
        assert sorted(Path(one["path"]) for one in named) == sorted(paths)
        essay.write_text("this is my essay")

        left = pupil.call("accounts.logout", delete=[str(p) for p in (sheet, essay, own)])
        assert left == {"deleted": [str(sheet)], "kept": sorted([str(essay), str(own)])}
        assert not sheet.exists()
        assert essay.read_text() == "this is my essay"
        assert photo.exists(), "nobody has asked for that"
        assert own.exists()
        assert not list(pupil.data_dir.rglob("store.key"))[1:], "one: the new person's"
        assert pupil.call("accounts.downloads") == []

        wait_linked([teacher, pupil])
        wait_until(lambda: pupil.call("registrar.info")["device_id"], 20, "a registrar")
        pupil.call("accounts.login", call_timeout=30, name="Li", password=PASSWORD)
        texts = [m["text"] for m in pupil.call("messages.list", conversation="#lobby")]
        assert "before signing out" in texts
        assert [Path(one["path"]) for one in pupil.call("accounts.downloads")] == [photo]
        pupil.request("accounts.logout", delete=[str(photo)])
        pupil.kill9()
        again = lan.node(1)
        signed_out = again.call("node.info")["peer_id"] != account
        assert photo.exists() is not signed_out
        if signed_out:
            wait_until(lambda: names(again), 20, "the accounts are known")
            wait_until(lambda: again.call("registrar.info")["device_id"], 20, "a registrar")
            again.call("accounts.login", call_timeout=30, name="Li", password=PASSWORD)
        texts = [m["text"] for m in again.call("messages.list", conversation="#lobby")]
        assert "before signing out" in texts


def test_a_shared_computer_after_several_pupils() -> None:
    """Nothing is left of guests whose words have arrived, nor of those who asked for a name in
    vain; and none of them fetches files for nobody."""
    with Lan(hosts=2, program=LEADS_AT_ONCE) as lan:
        teacher = lan.node(0, "--name", "Teacher", "--registrar")
        shared = lan.node(1, "--name", "Shared")
        wait_linked([teacher, shared])
        settled([teacher, shared])
        register(shared, "Li")
        shared.call("settings.set", settings={"network": "lan"})
        for number in range(3):
            shared.call("accounts.logout")
            kept = shared.call("settings.get")
            assert (kept["auto_fetch"], kept["network"]) == (0, "lan")
            wait_linked([teacher, shared])
            sent = say(shared, f"guest {number}")
            wait_message(shared, sent, lambda one: peer_id(teacher) in one["receipts"]["delivered"])
            assert refused(shared, "accounts.register", name="LI", password=OTHER) == "name-taken"
            sign_in(shared, "Li")
            assert shared.call("settings.get")["auto_fetch"] > 0
            assert sorted(path.name for path in (shared.data_dir / "accounts").iterdir()) == [
                "index.json"
            ]
        assert {f"guest {number}" for number in range(3)} <= set(texts(teacher))
        shared.call("accounts.logout")
        wait_linked([teacher, shared])
        register(shared, "Mo")
        assert shared.call("settings.get")["auto_fetch"] > 0, "who is somebody wants files"


def test_where_the_profile_cant_be_written_nobody_is_registered() -> None:
    with Lan(hosts=2, program=LEADS_AT_ONCE) as lan:
        teacher, pupil = lan.node(0, "--name", "Teacher", "--registrar"), lan.node(1)
        wait_linked([teacher, pupil])
        settled([teacher, pupil])
        (pupil.data_dir / "accounts").write_text("not a folder")
        reason = refused(pupil, "accounts.register", name="Li", password=PASSWORD)
        assert (reason, names(teacher)) == ("store-failed", {})
        (pupil.data_dir / "accounts").unlink()
        made = pupil.call("accounts.register", name="Li", password=PASSWORD)
        again = pupil.call("accounts.register", name="Li", password=PASSWORD)
        assert again["recovery_code"] != made["recovery_code"], "whose answer was lost asks again"
        assert refused(pupil, "accounts.register", name="Li", password=OTHER) == "not-allowed"


def registers_once(pupil: Node, other: Node) -> dict[str, str]:
    """As Li, which nobody else can any more."""
    method = "accounts.register"
    assert refused(pupil, method, name="Li", password="short") == "weak-password"
    assert refused(pupil, method, name="a" * 32, password=PASSWORD) == "name-not-allowed"
    assert refused(pupil, "accounts.logout") == "not-signed-in"
    before = peer_id(pupil)
    made = register(pupil, "Li")
    assert made["account_id"] == made["peer_id"] == before
    wait_until(lambda: names(other) == {"Li": before}, 10, "known everywhere")
    assert refused(other, method, name="LI", password=OTHER) == "name-taken"
    return made


def signs_in_elsewhere(pupil: Node, other: Node, address: str) -> None:
    """With another profile in the same folder there; and the first machine is told."""
    account, guest = peer_id(pupil), other.call("node.info")
    assert refused(other, "accounts.login", name="Li", password=OTHER) == "wrong-password"
    assert refused(other, "accounts.login", name="Nobody", password=OTHER) == "no-such-account"
    signed: dict[str, Any] = other.call("accounts.login", 30, name="li", password=PASSWORD)
    assert (signed["account_id"], signed["name"], signed["peer_id"]) == (account, "Li", account)
    assert (signed["elsewhere"], signed["renamed_from"]) == (True, None)
    told = pupil.wait_event("warning", lambda e: bool(e["reason"] == "signed-in-elsewhere"))
    assert f"at {address}" in told["text"]
    here = other.call("node.info")
    assert (here["peer_id"], here["name"]) == (account, "Li")
    assert here["device_id"] != guest["device_id"]
    assert here["data_dir"] == f"{guest['data_dir']}/accounts/{account}"


def brought(node: Node) -> tuple[bool, int, str]:
    """What the account has at a machine: whether its room, how many contacts, which theme."""
    theme: str = node.call("settings.get")["theme"]
    return "#secret" in joined(node), len(contacts(node)), theme


@pytest.mark.soak
def test_a_pupil_registers_once_and_signs_in_on_another_machine() -> None:
    with Lan(hosts=5) as lan:
        willing = [lan.node(host, "--name", f"N{host}", "--registrar") for host in (0, 1)]
        pupil, other = lan.node(2, "--name", "Li"), lan.node(3, "--name", "Guest")
        wait_linked([*willing, pupil, other])
        leader = settled([*willing, pupil, other])
        made, guest = registers_once(pupil, other), peer_id(other)
        account = made["account_id"]
        pupil.call("rooms.create", room="#secret", password="a room's password")
        pupil.call("contacts.add", peer_id=peer_id(leader))
        pupil.call("settings.set", settings={"theme": "dark"})

        signs_in_elsewhere(pupil, other, lan.hosts[3].address)
        wait_until(lambda: brought(other) == (True, 1, "dark"), 60, "all of it comes back")
        change = "accounts.change_password"
        other.call(change, old=PASSWORD, new=OTHER)
        assert refused(other, change, old=PASSWORD, new="something else") == "wrong-password"
        assert "signed-in-elsewhere" not in warnings(other), "its answer has said that"
        say(other, "from the other machine")
        other.call("accounts.logout")
        assert peer_id(other) not in (account, guest)
        assert not (other.data_dir / "accounts" / account / "store.key").exists()
        code = made["recovery_code"]
        again = other.call("accounts.recover", 30, name="Li", recovery_code=code, new=PASSWORD)
        assert again["account_id"] == account
        assert "from the other machine" in texts(other)

        third = lan.node(4, "--name", "Third")
        wait_linked([willing[0] if leader is willing[1] else willing[1], other, third])
        wait_until(lambda: info(third)["device_id"], 20, "a registrar")
        sign_in(third, "Li")
        assert brought(third) == (True, 1, "dark"), "all of it is there when the answer is"

        other.stop()
        assert peer_id(lan.node(3)) == account, "the profile used last"
