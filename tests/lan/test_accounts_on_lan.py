"""Accounts on a real LAN: registering, and signing in on another machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from harness import Lan, Node, wait_linked, wait_until
from lan_accounts import OTHER, PASSWORD, joined, names, refused, settled
from lan_talk import warnings

pytestmark = pytest.mark.lan


def test_a_pupil_registers_once_and_signs_in_on_another_machine() -> None:
    with Lan(hosts=5) as lan:
        willing = [lan.node(host, "--name", f"N{host}", "--registrar") for host in (0, 1)]
        pupil, other = lan.node(2, "--name", "Li"), lan.node(3, "--name", "Guest")
        wait_linked([*willing, pupil, other])
        leader = settled([*willing, pupil, other])

        assert refused(pupil, "accounts.register", name="Li", password="short") == "weak-password"
        assert (
            refused(pupil, "accounts.register", name="a" * 32, password=PASSWORD)
            == "name-not-allowed"
        )
        assert refused(pupil, "accounts.logout") == "not-signed-in"
        before = pupil.call("node.info")["peer_id"]
        made = pupil.call("accounts.register", name="Li", password=PASSWORD)
        assert made["account_id"] == made["peer_id"] == before
        code = made["recovery_code"]
        wait_until(lambda: names(other) == {"Li": before}, 10, "known everywhere")
        assert refused(other, "accounts.register", name="LI", password=OTHER) == "name-taken"

        pupil.call("rooms.create", room="#secret", password="a room's password")
        pupil.call("contacts.add", peer_id=leader.call("node.info")["peer_id"])
        pupil.call("settings.set", settings={"theme": "dark"})
        assert refused(other, "accounts.login", name="Li", password=OTHER) == "wrong-password"
        assert refused(other, "accounts.login", name="Nobody", password=OTHER) == "no-such-account"
        guest = other.call("node.info")
        signed = other.call("accounts.login", call_timeout=30, name="li", password=PASSWORD)
        assert (signed["account_id"], signed["name"], signed["peer_id"]) == (before, "Li", before)
        assert (signed["elsewhere"], signed["renamed_from"]) == (True, None)
        told = pupil.wait_event("warning", lambda e: bool(e["reason"] == "signed-in-elsewhere"))
        assert f"at {lan.hosts[3].address}" in told["text"]
        info = other.call("node.info")
        assert info["peer_id"] == before
        assert info["device_id"] != guest["device_id"]
        assert info["name"] == "Li"
        assert info["data_dir"] == f"{guest['data_dir']}/accounts/{before}"

        wait_until(lambda: "#secret" in joined(other), 60, "the rooms come back")
        wait_until(lambda: len(other.call("contacts.list")) == 1, 10, "and the contacts")
        wait_until(lambda: other.call("settings.get")["theme"] == "dark", 10, "and settings")
        other.call("accounts.change_password", old=PASSWORD, new=OTHER)
        assert (
            refused(other, "accounts.change_password", old=PASSWORD, new="something else")
            == "wrong-password"
        )
        assert "signed-in-elsewhere" not in warnings(other), "its answer has said that"
        other.call("messages.send", conversation="#lobby", text="from the other machine")
        other.call("accounts.logout")
        assert other.call("node.info")["peer_id"] not in (before, guest["peer_id"])
        assert not (other.data_dir / "accounts" / before / "store.key").exists()
        again = other.call("accounts.recover", call_timeout=30, name="Li", recovery_code=code,
                           new=PASSWORD)  # fmt: skip
        assert again["account_id"] == before
        texts = [m["text"] for m in other.call("messages.list", conversation="#lobby")]
        assert "from the other machine" in texts

        third = lan.node(4, "--name", "Third")
        wait_linked([willing[0] if leader is willing[1] else willing[1], other, third])
        wait_until(lambda: third.call("registrar.info")["device_id"], 20, "a registrar")
        third.call("accounts.login", call_timeout=30, name="Li", password=PASSWORD)
        assert "#secret" in joined(third), "all of it is there when the answer is"
        assert len(third.call("contacts.list")) == 1
        assert third.call("settings.get")["theme"] == "dark"

        other.stop()
        later = lan.node(3)
        assert later.call("node.info")["peer_id"] == before, "the profile used last"


def test_the_appointed_announces_and_keeps_a_register(tmp_path: Path) -> None:
    with Lan(hosts=3) as lan:
        key_file, csv_file = tmp_path / "class.key", tmp_path / "register.csv"
        maker = lan.node(0)
        public = maker.call("registrar.appoint", path=str(key_file))["appointed_by"]
        maker.stop()
        teacher = lan.node(0, "--name", "Teacher", "--appointing-key", str(key_file))
        pupils = [
            lan.node(host, "--name", f"Pupil {host}", "--appointed-by", public) for host in (1, 2)
        ]
        wait_linked([teacher, *pupils])
        settled([teacher, *pupils])
        ids = {pupil.call("node.info")["peer_id"] for pupil in pupils}
        assert refused(pupils[0], "announcements.send", text="no") == "not-allowed"
        assert refused(pupils[0], "attendance.list") == "not-allowed"
        made = teacher.call("announcements.send", text="Books away")
        assert made["seen_by"] == []
        for pupil in pupils:
            told = pupil.wait_event("announcement")["announcement"]
            assert (told["text"], told["author_label"]) == ("Books away", "Teacher")
        wait_until(lambda: set(teacher.call("announcements.list")[0]["seen_by"]) == ids, 10, "seen")
        pupils[0].call("accounts.register", name="Li", password=PASSWORD)
        wait_until(
            lambda: (
                {line["label"] for line in teacher.call("attendance.list")} == {"Li", "Pupil 2"}
            ),
            15,
            "both are in the register",
        )
        assert teacher.call("attendance.export", path=str(csv_file)) == {"path": str(csv_file)}
        assert "Pupil 2" in csv_file.read_text()
        assert refused(teacher, "attendance.export", path=str(csv_file)) == "not-allowed"
        past: dict[str, Any] = {"to": "2020-01-01T00:00:00Z"}
        assert teacher.call("attendance.list", **past) == []

        (li,) = pupils[0].call("accounts.list")
        assert refused(pupils[0], "accounts.release", account_id=li["account_id"]) == "not-allowed"
        teacher.call("accounts.release", account_id=li["account_id"])
        event = pupils[0].wait_event("account.renamed").body
        assert (event["old_name"], event["new_name"], event["why"]) == ("Li", "Li_2", "released")


def fetched(node: Node, name: str) -> Path:
    done = node.wait_event("file.complete", lambda event: bool(event["file"]["name"] == name))
    return Path(done["file"]["path"])


def test_signing_out_of_a_shared_computer(tmp_path: Path) -> None:
    """The downloads that were named go, one that was changed stays, and so does what isn't
    p2pchat's; killed in the middle, the next start finishes it, and the account opens its store."""
    with Lan(hosts=2) as lan:
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


def test_where_the_profile_cant_be_written_nobody_is_registered() -> None:
    with Lan(hosts=2) as lan:
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
