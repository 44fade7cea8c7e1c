"""What tests say to nodes and ask of them, beyond single requests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lan_node import Node, RpcError, wait_until

LOBBY = "#lobby"
ALL = 1_000_000

Message = dict[str, Any]


def peer_id(node: Node) -> str:
    """Of the node's person."""
    found: str = node.call("node.info")["peer_id"]
    return found


def say(node: Node, text: str, conversation: str = LOBBY, **params: Any) -> str:
    """Send a message; its id, once it is acknowledged."""
    sent = node.call("messages.send", conversation=conversation, text=text, **params)
    found: str = sent["message_id"]
    return found


def hear(node: Node, text: str, timeout: float = 10.0, since: int = 0) -> Message:
    """The message of this text, once the node has told of it."""
    event = node.wait_event(
        "message.received", lambda body: bool(body["message"]["text"] == text), timeout, since
    )
    message: Message = event["message"]
    return message


def messages(node: Node, conversation: str = LOBBY) -> list[Message]:
    """Everything that people wrote, in order, without what the node itself says."""
    found = node.call("messages.list", conversation=conversation, limit=ALL)
    return [message for message in found if message["kind"] != "system"]


def texts(node: Node, conversation: str = LOBBY) -> list[str]:
    return [message["text"] for message in messages(node, conversation)]


def message(node: Node, message_id: str, conversation: str = LOBBY) -> Message:
    """One message as the node shows it now; LookupError where it isn't there."""
    for found in messages(node, conversation):
        if found["message_id"] == message_id:
            return found
    raise LookupError(message_id)


def wait_message(
    node: Node,
    message_id: str,
    condition: Callable[[Message], object],
    conversation: str = LOBBY,
    timeout: float = 10.0,
) -> Message:
    """The message once it is there and as wanted."""

    def as_wanted() -> Message | None:
        try:
            found = message(node, message_id, conversation)
        except LookupError:
            return None
        return found if condition(found) else None

    found = wait_until(as_wanted, timeout, f"the message {message_id[:8]} of {node.pid} as wanted")
    assert found is not None
    return found


def wait_equal(
    nodes: Sequence[Node], wanted: set[str], conversation: str = LOBBY, timeout: float = 30.0
) -> list[str]:
    """Wait until all the nodes have exactly these texts, each once and in one order; the order."""

    def views() -> list[list[tuple[str, str]]]:
        return [
            [(found["message_id"], found["text"]) for found in messages(node, conversation)]
            for node in nodes
        ]

    def equal() -> bool:
        lists = views()
        return all(one == lists[0] for one in lists) and {text for _, text in lists[0]} >= wanted

    try:
        wait_until(equal, timeout, "one history at all nodes")
    except TimeoutError as error:
        for node, view in zip(nodes, views(), strict=True):
            lacking = sorted(wanted - {text for _, text in view})
            error.add_note(f"{node.data_dir.name} has {len(view)} messages, lacks {lacking[:20]}")
        raise
    order = [text for _, text in views()[0]]
    assert sorted(order) == sorted(wanted), "each message is there once, and nothing else is"
    return order


def peers(node: Node) -> dict[str, dict[str, Any]]:
    """The persons that the node knows, by id."""
    return {peer["peer_id"]: peer for peer in node.call("peers.list")}


def warnings(node: Node, since: int = 0) -> list[str]:
    """The reasons of all warnings so far."""
    return [event["reason"] for event in node.events[since:] if event.type == "warning"]


def refusal(node: Node, method: str, /, call_timeout: float = 15.0, **params: Any) -> RpcError:
    """The error that a request is answered with; AssertionError where it succeeds."""
    try:
        result = node.call(method, call_timeout, **params)
    except RpcError as error:
        return error
    raise AssertionError(f"{method} was not refused: {result}")


def join(node: Node, room: str, password: str | None = None) -> str:
    """Join a room; its name here."""
    label: str = node.call("rooms.join", **_room(room, password))["room"]
    return label


def create(node: Node, room: str, password: str | None = None) -> str:
    """Create a room; its name here."""
    label: str = node.call("rooms.create", **_room(room, password))["room"]
    return label


def _room(room: str, password: str | None) -> dict[str, Any]:
    return {"room": room} if password is None else {"room": room, "password": password}
