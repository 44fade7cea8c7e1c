"""`files.*` of the JSON-RPC interface, byte in and byte out, over a node in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from paper_node import LI, PaperNode, with_two_called_li

from p2pchat.errors import REASON_CODES
from p2pchat.ui.rpc.methods import Table
from p2pchat.ui.rpc.session import Session


class Wire:
    """A client that reads everything at once."""

    def __init__(self, node: PaperNode) -> None:
        self.said: list[Any] = []
        self.session = Session(node.front_end(), Table(), self)

    def write(self, data: bytes) -> None:
        self.said += [json.loads(line) for line in data.splitlines()]

    def unread(self) -> int:
        return 0

    def pause(self, paused: bool) -> None: ...

    def overflow(self) -> None: ...


def ask(
    node: PaperNode, *calls: tuple[str, Any], meanwhile: Callable[[], object] = lambda: None
) -> list[Any]:
    """What is said to a client that writes all calls at once: answers by their place, events."""
    wire: list[Wire] = []

    async def main() -> None:
        wire.append(Wire(node))
        for number, (method, params) in enumerate(calls):
            request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            wire[0].session.feed(json.dumps(request).encode() + b"\n")
        meanwhile()
        await wire[0].session.finish(5.0, asyncio.Event())

    asyncio.run(main())
    return wire[0].said


def answers(node: PaperNode, *calls: tuple[str, Any]) -> dict[int, Any]:
    return {said["id"]: said for said in ask(node, *calls) if "id" in said}


def test_a_file_from_the_offer_to_the_end() -> None:
    node = with_two_called_li()
    file_id = node.offer("#lobby", "notes.pdf", LI, 4000).file_id
    said = answers(
        node,
        ("files.list", {"conversation": "#lobby"}),
        ("files.fetch", {"file_id": file_id}),
        ("files.pause", {"file_id": file_id}),
        ("files.resume", {"file_id": file_id}),
        ("files.cancel", {"file_id": file_id}),
        ("messages.list", {"conversation": "#lobby"}),
    )
    states = [said[n]["result"]["state"] for n in range(1, 5)]
    assert states == ["fetching", "paused", "fetching", "offered"]
    (listed,) = said[0]["result"]
    assert listed["name"] == "notes.pdf"
    assert listed["total"] == listed["size"] == 4000
    assert listed["receivers"] == []
    (message,) = said[5]["result"]
    assert (message["kind"], message["text"]) == ("file", "notes.pdf")
    assert message["file"]["file_id"] == message["message_id"] == file_id


def test_what_is_shared_goes_into_the_room_that_is_joined_before(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"12345")
    node = with_two_called_li()
    node.delay = 0.01
    said = answers(
        node,
        ("rooms.join", {"room": "#maths"}),
        ("files.share", {"conversation": "#maths", "path": str(tmp_path / "a.txt")}),
        ("files.list", {"conversation": "#maths"}),
        ("messages.list", {"conversation": "#maths"}),
    )
    assert said[1]["result"]["size"] == 5
    assert said[1]["result"]["state"] == "complete"
    assert [file["name"] for file in said[2]["result"]] == ["a.txt"]
    assert [message["text"] for message in said[3]["result"]] == ["a.txt"]


def test_a_long_share_holds_up_no_other_conversation(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"12345")
    node = with_two_called_li()
    node.delay = 0.2
    said = ask(
        node,
        ("files.share", {"conversation": "#lobby", "path": str(tmp_path / "a.txt")}),
        ("conversations.list", {}),
        ("files.list", {}),
    )
    assert [answer["id"] for answer in said if "id" in answer][-1] == 0


@pytest.mark.parametrize(
    ("method", "params", "reason"),
    [
        ("files.share", {"conversation": "#lobby", "path": "/nowhere/at all"}, "no-such-file"),
        ("files.share", {"conversation": "#none", "path": "/"}, "no-such-room"),
        ("files.list", {"conversation": "#none"}, "no-such-room"),
        ("files.fetch", {"file_id": "0" * 64}, "no-such-file"),
        ("files.fetch", {"file_id": "../../x"}, "no-such-file"),
        ("files.pause", {"file_id": ""}, "no-such-file"),
        ("files.resume", {"file_id": "0" * 64}, "no-such-file"),
        ("files.cancel", {"file_id": "0" * 64}, "no-such-file"),
    ],
)
def test_refusals(method: str, params: dict[str, Any], reason: str) -> None:
    refused = answers(with_two_called_li(), (method, params))[0]["error"]
    assert refused["code"] == REASON_CODES[reason]
    assert refused["data"]["reason"] == reason


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("files.share", {"conversation": "#lobby"}),
        ("files.share", {"conversation": "#lobby", "path": "a", "name": "b"}),
        ("files.share", {"conversation": "#lobby", "path": 5}),
        ("files.list", {"limit": -1}),
        ("files.list", {"conversation": "#lobby", "state": "complete"}),
        ("files.fetch", {}),
        ("files.fetch", {"file_id": "0" * 64, "to": "/tmp"}),
        ("files.pause", {"file_id": 7}),
        ("files.cancel", ["0" * 64, "more"]),
    ],
)
def test_wrong_parameters(method: str, params: Any) -> None:
    assert answers(with_two_called_li(), (method, params))[0]["error"]["code"] == -32602


def test_events() -> None:
    node = with_two_called_li()

    def transfer() -> None:
        file_id = node.offer("#lobby", "a.bin", LI).file_id
        node.progress(file_id, 500, sources=2, rate=50.0)
        node.finish(file_id, "/downloads/a.bin")
        node.fail_file(node.offer("#lobby", "b.bin", LI).file_id, "gone")

    said = [s["params"] for s in ask(node, meanwhile=transfer) if s.get("method") == "event"]
    of_files = [event for event in said if event["type"].startswith("file.")]
    assert [event["type"] for event in of_files] == [
        "file.offered", "file.progress", "file.complete", "file.offered", "file.failed",
    ]  # fmt: skip
    progress = of_files[1]["file"]
    assert (progress["done"], progress["sources"], progress["rate"]) == (500, 2, 50.0)
    assert of_files[2]["file"]["path"] == "/downloads/a.bin"
    assert of_files[4]["file"]["reason"] == "gone"
