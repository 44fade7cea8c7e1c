"""What tests do with accounts and registrars on a LAN."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness import Node, wait_until
from lan_talk import refusal

PASSWORD, OTHER = "correct horse", "battery staple"
LEADS_AT_ONCE = (sys.executable, str(Path(__file__).with_name("leads_at_once.py")), "rpc")
"""A LAN's `program` where only one node may lead and how it comes to is no subject."""


def refused(node: Node, method: str, **params: Any) -> str:
    """The reason; registrars are asked for up to 15 s."""
    return refusal(node, method, 30, **params).reason


def register(node: Node, name: str, password: str = PASSWORD) -> dict[str, str]:
    made: dict[str, str] = node.call("accounts.register", 30, name=name, password=password)
    return made


def sign_in(node: Node, name: str, password: str = PASSWORD) -> dict[str, str]:
    signed: dict[str, str] = node.call("accounts.login", 30, name=name, password=password)
    return signed


def names(node: Node) -> dict[str, str]:
    """Account ids by name, as the node knows them."""
    return {account["name"]: account["account_id"] for account in node.call("accounts.list")}


def info(node: Node) -> dict[str, Any]:
    found: dict[str, Any] = node.call("registrar.info")
    return found


def leader(nodes: Sequence[Node]) -> Node | None:
    """The one of them that leads, where all agree."""
    told = [info(node) for node in nodes]
    leading = [node for node, says in zip(nodes, told, strict=True) if says["state"] == "registrar"]
    ids = {says["device_id"] for says in told}
    if len(leading) != 1 or ids != {leading[0].call("node.info")["device_id"]}:
        return None
    return leading[0]


def settled(nodes: Sequence[Node], within: float = 15.0) -> Node:
    """The only registrar, once there is one."""
    found = wait_until(lambda: leader(nodes), within, "one registrar")
    assert found is not None
    return found


def joined(node: Node) -> set[str]:
    return {room["room"] for room in node.call("rooms.list") if room["joined"]}


def contacts(node: Node) -> set[str]:
    return {peer["peer_id"] for peer in node.call("contacts.list")}
