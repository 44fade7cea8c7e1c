"""The registrar's machine is lost, or sleeps: what it has acknowledged is not lost with it, and in
each connected part with a willing node soon exactly one leads."""

from __future__ import annotations

import random
import signal
from concurrent.futures import Future
from typing import Any

import pytest
from harness import Lan, Node, wait_linked, wait_until
from lan_accounts import PASSWORD, leader, names, settled, sign_in
from lan_node import RpcError

pytestmark = pytest.mark.lan


def wake(node: Node) -> None:
    node.process.send_signal(signal.SIGCONT)


def sleep(node: Node) -> None:
    node.process.send_signal(signal.SIGSTOP)


def outcome(asked: Future[Any]) -> str | None:
    """The account that was registered, or none."""
    try:
        account: str = asked.result(40)["account_id"]
    except RpcError as error:
        if error.reason not in ("nobody-answered", "no-registrar"):
            raise
        return None
    return account


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(3))
def test_killed_and_put_to_sleep_again_and_again(seed: int) -> None:
    """At any moment of a registration: an account that was acknowledged opens at the end."""
    rng = random.Random(seed)
    with Lan(hosts=7) as lan:
        nodes = {
            host: lan.node(host, "--name", f"N{host}", *(["--registrar"] if host < 4 else []))
            for host in range(7)
        }
        pupil, guest = nodes[5], nodes[6]
        wait_linked(list(nodes.values()))
        settled(list(nodes.values()))
        made: dict[str, str] = {}
        down: list[int] = []
        for number in range(8):
            running = [node for host, node in nodes.items() if host not in down]
            led = settled(running, 40.0)
            host = next(host for host, node in nodes.items() if node is led)
            asked = pupil.request("accounts.register", name=f"Pupil {number}", password=PASSWORD)
            when = rng.choice(("at once", "soon", "after"))
            if when == "soon":
                wait_until(lambda: rng.random() < 0.1, what="some moment")
            elif when == "after":
                wait_until(asked.done, what="the answer")
            if rng.random() < 0.5 and len(down) < 2:
                led.kill9()
                down.append(host)
                rest = [node for node in running if node is not led]
            else:
                sleep(led)
                rest = [node for node in running if node is not led]
                settled(rest, 15.0)
                wake(led)
                rest = running
            settled(rest, 25.0)
            if (account := outcome(asked)) is not None:
                made[f"Pupil {number}"] = account
                pupil.call("accounts.logout")
                wait_linked([pupil, *(node for node in rest if node is not pupil)], 30.0)
            if down and rng.random() < 0.5:
                back = down.pop()
                nodes[back] = lan.node(back, "--registrar")
                wait_linked([nodes[back], pupil], 30.0)
        assert made, "something was registered"
        alive = [node for host, node in nodes.items() if host not in down]
        settled(alive, 25.0)
        for node in alive:
            wait_until(lambda node=node: made.items() <= names(node).items(), 40, "all known")  # type: ignore[misc]  # as loops need it
        assert leader(alive) is not None
        for name, account in made.items():
            assert sign_in(guest, name)["account_id"] == account
            guest.call("accounts.logout")
