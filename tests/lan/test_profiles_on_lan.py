"""Profiles that follow one another on a computer: what stays, and what doesn't."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import Lan, Node, wait_linked, wait_until
from lan_accounts import LEADS_AT_ONCE, OTHER, PASSWORD, refused, register, settled, sign_in
from lan_talk import peer_id, say, texts

pytestmark = pytest.mark.lan


def present(teacher: Node) -> dict[str, str]:
    return {line["peer_id"]: line["came"] for line in teacher.call("attendance.list")}


def test_who_signs_in_again_brings_back_nothing_that_was_kept_before(tmp_path: Path) -> None:
    """Li's profile at the only holder is from before Ann has changed her password."""
    with Lan(hosts=3, program=LEADS_AT_ONCE) as lan:
        key = str(tmp_path / "class.key")
        maker = lan.node(0, "--name", "Teacher")
        public = maker.call("registrar.appoint", path=key)["appointed_by"]
        maker.stop()
        by = ("--appointed-by", public)
        teacher = lan.node(0, "--appointing-key", key, *by)
        ann = lan.node(1, "--name", "Ann", *by)
        wait_linked([teacher, ann])
        settled([teacher, ann])
        register(teacher, "Li")
        register(ann, "Ann", PASSWORD)
        ann_id = peer_id(ann)
        came = wait_until(lambda: present(teacher).get(ann_id), 15, "Ann is in the register")

        teacher.call("accounts.logout")
        wait_linked([teacher, ann])
        settled([teacher, ann])
        assert present(teacher)[ann_id] == came
        teacher.call("settings.set", settings={"limit": 20_000_000})
        ann.call("accounts.change_password", 30, old=PASSWORD, new=OTHER)
        ann.stop()

        sign_in(teacher, "Li")
        assert teacher.call("settings.get")["limit"] == 20_000_000, "it is the computer's"
        assert present(teacher)[ann_id] == came
        other = lan.node(2, "--name", "Other", *by)
        wait_linked([teacher, other])
        settled([teacher, other])
        assert refused(other, "accounts.login", name="Ann", password=PASSWORD) == "wrong-password"
        assert sign_in(other, "Ann", OTHER)["account_id"] == ann_id


def test_who_signs_in_over_somebody_signs_them_out() -> None:
    """No key stays but of who is there now; those who ask at once come one after the other."""
    with Lan(hosts=2, program=LEADS_AT_ONCE) as lan:
        teacher, shared = lan.node(0, "--name", "Teacher", "--registrar"), lan.node(1)
        wait_linked([teacher, shared])
        settled([teacher, shared])
        ids = {"Li": register(shared, "Li")["account_id"]}
        say(shared, "written by Li")
        ids["Ann"] = register(teacher, "Ann", OTHER)["account_id"]
        places = {"Li": shared.data_dir, "Ann": shared.data_dir / "accounts" / ids["Ann"]}

        def is_alone(name: str) -> None:
            assert peer_id(shared) == ids[name]
            for other, place in places.items():
                assert (place / "store.key").exists() is (other == name)

        asked = [shared.request("accounts.login", name="Ann", password=OTHER) for _ in range(3)]
        for one in asked:
            assert one.result(30)["account_id"] == ids["Ann"]
        is_alone("Ann")
        wait_linked([teacher, shared])
        assert sign_in(shared, "Li")["account_id"] == ids["Li"]
        is_alone("Li")
        assert "written by Li" in texts(shared)
