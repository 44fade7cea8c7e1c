"""Real nodes elect a registrar: one leads, it is replaced when it is killed or leaves, and the
appointed comes first."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from harness import Lan, wait_linked, wait_until
from lan_accounts import info, names, register, settled, sign_in
from lan_talk import peer_id

from p2pchat.config import limits

pytestmark = pytest.mark.lan


def test_one_leads_and_is_replaced_when_it_is_killed_or_leaves() -> None:
    """Killed right after it has acknowledged a registration, and so is the machine of who
    registered: the account opens at the next one."""
    with Lan(hosts=5) as lan:
        willing = [lan.node(host, "--name", f"N{host}", "--registrar") for host in range(3)]
        guest, pupil = (lan.node(host, "--name", f"N{host}") for host in (3, 4))
        wait_linked([*willing, guest, pupil])
        first = settled([*willing, guest, pupil])
        told = info(guest)
        assert told["state"] == "off"
        assert told["peer_id"] == peer_id(first)
        assert told["label"] == first.call("node.info")["name"]

        rest = [node for node in willing if node is not first]
        marks = {node: node.mark() for node in (*rest, guest)}
        account = register(pupil, "Li")["account_id"]
        killed = time.monotonic()
        first.kill9()
        pupil.kill9()
        wait_until(lambda: all(names(n) == {"Li": account} for n in marks), 10, "known to all")
        second = settled([*rest, guest], 3 * limits.LEASE_S)
        id = second.call("node.info")["device_id"]
        for node, mark in marks.items():
            told_at = node.wait_event(
                "registrar.changed", lambda e: e["registrar"]["device_id"] == id, since=mark
            ).at
            assert told_at - killed <= 2 * limits.LEASE_S
        assert sign_in(guest, "Li")["account_id"] == account

        (last,) = [node for node in rest if node is not second]
        wait_linked([second, last, guest])
        left = time.monotonic()
        second.stop()
        assert settled([last, guest]) is last
        assert time.monotonic() - left < limits.LEASE_S - limits.LEASE_RENEW_S, "it was told so"

        shown = lan.run(
            3, sys.executable, "-m", "p2pchat", "peers", "--data-dir", str(guest.data_dir)
        )
        (line,) = [line for line in shown.splitlines() if "registrar" in line]
        assert peer_id(last) in line


@pytest.mark.soak
def test_the_appointed_leads_and_whoever_has_the_key_believes_nobody_else(tmp_path: Path) -> None:
    with Lan(hosts=3) as lan:
        other = lan.node(0, "--name", "Other", "--registrar")
        key_file = tmp_path / "class.key"
        public = other.call("registrar.appoint", path=str(key_file))["appointed_by"]
        assert key_file.stat().st_mode & 0o777 == 0o600
        pupil = lan.node(1, "--name", "Pupil", "--appointed-by", public)
        wait_linked([other, pupil])
        wait_until(lambda: info(other)["state"] == "registrar", 8, "leads as far as it knows")
        assert info(pupil)["device_id"] is None
        teacher = lan.node(2, "--name", "Teacher", "--appointing-key", str(key_file))
        wait_linked([other, pupil, teacher])
        own = teacher.call("node.info")["device_id"]
        wait_until(lambda: info(pupil)["device_id"] == own, 10, "the appointed leads")
        other.call("settings.set", settings={"appointed_by": public})
        wait_until(lambda: info(other)["device_id"] == own, 10, "for the other one too")
