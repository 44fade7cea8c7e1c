"""The JSON-RPC interface, byte in and byte out, over a node in memory."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paper_node import LI, PaperNode, with_two_called_li

from p2pchat.config import limits
from p2pchat.errors import REASON_CODES
from p2pchat.events import Typing
from p2pchat.ui.rpc.methods import METHODS, Table
from p2pchat.ui.rpc.session import Session

CALM = asyncio.Event()
HURRY = asyncio.Event()
HURRY.set()


class Wire:
    """A channel that keeps what is written."""

    def __init__(self, node: PaperNode) -> None:
        self.node = node
        self.written: list[bytes] = []
        self.paused: list[bool] = []
        self.waiting = 0
        self.dropped = False
        self.session = Session(node.front_end(), Table(), self)

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def unread(self) -> int:
        return self.waiting

    def pause(self, paused: bool) -> None:
        self.paused.append(paused)

    def overflow(self) -> None:
        self.dropped = True

    def said(self) -> list[Any]:
        data = b"".join(self.written)
        assert not data or data.endswith(b"\n")
        return [json.loads(line) for line in data.splitlines()]


def over_wire(test: Callable[[Wire], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        await test(Wire(with_two_called_li()))

    asyncio.run(main())


def exchange(data: bytes, node: PaperNode | None = None) -> list[Any]:
    """What a client gets that writes this and ends its input."""
    said: list[Any] = []

    async def main() -> None:
        wire = Wire(node or with_two_called_li())
        wire.session.feed(data)
        await wire.session.finish(5.0, CALM)
        said.extend(wire.said())

    asyncio.run(main())
    return said


def call(method: str, params: Any = None, id: Any = 1) -> bytes:
    request = {"jsonrpc": "2.0", "id": id, "method": method}
    if params is not None:
        request["params"] = params
    return json.dumps(request).encode() + b"\n"


def result(method: str, **params: Any) -> Any:
    (said,) = exchange(call(method, params))
    assert said["jsonrpc"] == "2.0"
    assert said["id"] == 1
    return said["result"]


def error(data: bytes) -> dict[str, Any]:
    (said,) = exchange(data)
    assert "result" not in said
    answer: dict[str, Any] = said["error"]
    return answer


def test_shapes_of_results() -> None:
    assert set(result("node.info")) >= {
        *("peer_id", "device_id", "name", "network", "version", "listen", "data_dir")
    }
    assert set(result("peers.list")[0]) >= {
        *("peer_id", "name", "label", "status", "note", "avatar", "linked", "addresses"),
        *("verified", "contact", "account"),
    }
    message = result("messages.send", conversation="#lobby", text="hi")
    assert set(message) >= {
        *("message_id", "conversation", "author", "author_name", "author_label", "kind", "text"),
        *("sent_at", "order", "edited", "deleted", "late", "reply_to", "mentions", "reactions"),
        *("receipts", "file"),
    }
    assert message["kind"] == "text"
    assert message["receipts"] == {"delivered": [], "read": []}
    assert message["reactions"] == {}
    assert set(result("conversations.list")[0]) >= {
        *("conversation", "label", "unread", "mentions", "first_unread", "last", "muted", "draft")
    }
    assert set(result("rooms.list")[0]) >= {"room", "joined", "members", "unread", "protected"}
    assert set(result("rooms.members", room="#lobby")[0]) >= {"peer_id", "name", "label", "status"}
    assert result("peers.verify", peer_id=LI) == {"words": "apple river stone"}
    assert result("rooms.join", room="new")["room"] == "#new"
    assert result("conversations.mute", conversation="#lobby", on=True) == {}


def test_settings_and_profile() -> None:
    assert result("settings.set", settings={"theme": "dark"})["theme"] == "dark"
    assert error(call("settings.set", {"settings": {"theme": 1}}))["code"] == -32602
    assert error(call("settings.set", {"settings": {"no": 1}}))["code"] == -32602
    assert result("profile.set", status="busy", note="in class")["status"] == "busy"
    assert error(call("profile.set", {"status": "asleep"}))["code"] == -32602


def test_ids_come_back_as_they_were() -> None:
    for written in ('"a\\u00e9"', "1.50", "-3", "null", "123456789012345678901234567890"):
        line = f'{{"jsonrpc":"2.0","method":"node.info","id":{written}}}\n'.encode()
        wire = exchange(line)
        assert wire[0]["id"] == json.loads(written)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"junk\n", -32700),
        (b'{"jsonrpc":"2.0",\n', -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"node.info","params":{"a":"\xff"}}\n', -32700),
        (b"[" * 100_000 + b"\n", -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"m","params":' + b"[" * 100_000 + b"\n", -32700),
        (b"[]\n", -32600),
        (b"17\n", -32600),
        (b'"text"\n', -32600),
        (b"null\n", -32600),
        (b'{"id":1,"method":"node.info"}\n', -32600),
        (b'{"jsonrpc":"1.0","id":1,"method":"node.info"}\n', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":7}\n', -32600),
        (b'{"jsonrpc":"2.0","id":[1],"method":"node.info"}\n', -32600),
        (b'{"jsonrpc":"2.0","id":true,"method":"node.info"}\n', -32600),
        (call("calls.start", {}), -32601),
        (call("doctor.run"), -32601),
        (call("nothing"), -32601),
        (call("messages.send", {"conversation": "#lobby"}), -32602),
        (call("messages.send", {"conversation": "#lobby", "text": 5}), -32602),
        (call("messages.send", {"conversation": "#lobby", "text": "a", "b": 1}), -32602),
        (call("messages.send", ["#lobby", "a", None, 4]), -32602),
        (call("messages.send", "text"), -32602),
        (call("messages.list", {"conversation": "#lobby", "limit": -1}), -32602),
        (call("messages.list", {"conversation": "#lobby", "limit": True}), -32602),
        (call("node.info", {"a": 1}), -32602),
    ],
)
def test_bad_input(data: bytes, code: int) -> None:
    assert error(data)["code"] == code


@pytest.mark.parametrize(
    ("method", "params", "reason"),
    [
        ("messages.send", {"conversation": "#none", "text": "a"}, "no-such-room"),
        ("messages.send", {"conversation": "@nobody", "text": "a"}, "no-such-peer"),
        ("messages.list", {"conversation": "#lobby", "before": "0" * 64}, "no-such-message"),
        ("messages.edit", {"message_id": "0" * 64, "text": "a"}, "no-such-message"),
        ("messages.delete", {"message_id": "not hex"}, "no-such-message"),
        ("rooms.create", {"room": "#lobby"}, "room-exists"),
        ("rooms.join", {"room": "#none", "password": "x"}, "nobody-answered"),
        ("peers.connect", {"address": "192.0.2.1:9"}, "nobody-answered"),
        ("messages.send", {"conversation": "#lobby", "text": "a" * 20_000}, "too-large"),
    ],
)
def test_refusals(method: str, params: dict[str, Any], reason: str) -> None:
    refused = error(call(method, params))
    assert refused["code"] == REASON_CODES[reason] >= 1000
    assert refused["data"]["reason"] == reason


def test_candidates_are_named() -> None:
    refused = error(call("messages.send", {"conversation": "@Li", "text": "a"}))
    assert refused["data"]["reason"] == "ambiguous-name"
    assert len(refused["data"]["candidates"]) == 2


def test_positional_parameters() -> None:
    (said,) = exchange(call("messages.send", ["#lobby", "by place"]))
    assert said["result"]["text"] == "by place"


def test_batches() -> None:
    batch = [
        {"jsonrpc": "2.0", "id": 1, "method": "node.info"},
        {"jsonrpc": "2.0", "method": "conversations.typing", "params": ["#lobby"]},
        7,
        {"jsonrpc": "2.0", "id": "x", "method": "no.such"},
    ]
    (said,) = exchange(json.dumps(batch).encode())
    by_id = {answer["id"]: answer for answer in said}
    assert len(said) == 3
    assert "result" in by_id[1]
    assert by_id[None]["error"]["code"] == -32600
    assert by_id["x"]["error"]["code"] == -32601
    assert exchange(json.dumps([batch[1]]).encode()) == []
    too_many = b"[" + b",".join([b"1"] * (limits.RPC_BATCH + 1)) + b"]\n"
    assert error(too_many)["code"] == -32600


def test_notifications_are_never_answered() -> None:
    node = with_two_called_li()
    lines = [
        b'{"jsonrpc":"2.0","method":"messages.send","params":["#lobby","quiet"]}\n',
        b'{"jsonrpc":"2.0","method":"no.such"}\n',
        b'{"jsonrpc":"2.0","method":"messages.send","params":[1]}\n',
        b"\n \r\n",
    ]
    assert exchange(b"".join(lines), node) == []
    assert [m.text for m in node.stored] == ["quiet"]


def test_lines_cut_anywhere_and_the_last_without_newline() -> None:
    async def test(wire: Wire) -> None:
        data = call("messages.send", ["#lobby", "é"], 1) + call("node.info", id=2).rstrip()
        for byte in data:
            wire.session.feed(bytes([byte]))
        await wire.session.finish(5.0, CALM)
        assert {said["id"] for said in wire.said()} == {1, 2}

    over_wire(test)


def test_a_line_that_is_too_long_is_refused_and_the_next_is_taken() -> None:
    async def test(wire: Wire) -> None:
        for _ in range(18):
            wire.session.feed(b"x" * limits.MIB)
        wire.session.feed(b"x\n" + call("node.info"))
        wire.session.feed(b"y" * (limits.RPC_LINE_BYTES + 1) + b"\n" + call("node.info", id=2))
        await wire.session.finish(5.0, CALM)
        first, *rest = wire.said()
        assert first["error"]["code"] == -32600
        assert sorted(said["id"] for said in rest if said["id"]) == [1, 2]
        assert len(rest) == 3

    over_wire(test)


def test_a_script_may_write_everything_at_once() -> None:
    node = with_two_called_li()
    script = [
        call("rooms.create", ["#maths"], 1),
        *(call("messages.send", ["#maths", str(n)], 10 + n) for n in range(50)),
        call("messages.list", ["#maths"], 2),
        call("rooms.list", id=3),
        call("rooms.leave", ["#maths"], 4),
        call("messages.send", ["#maths", "too late"], 5),
    ]
    said = {answer["id"]: answer for answer in exchange(b"".join(script), node)}
    assert [m["text"] for m in said[2]["result"]] == [str(n) for n in range(50)]
    assert "#maths" in [room["room"] for room in said[3]["result"]]
    assert said[5]["error"]["data"]["reason"] == "no-such-room"


def test_slow_requests_hold_up_nothing_else() -> None:
    async def test(wire: Wire) -> None:
        wire.node.passwords["#secret"] = "pw"
        wire.node.joining.clear()
        wire.session.feed(
            call("rooms.join", ["#secret", "pw"], 1)
            + call("messages.send", ["#secret", "waits"], 2)
            + call("messages.send", ["#lobby", "does not"], 3)
            + call("conversations.list", id=4)
        )
        for _ in range(10):
            await asyncio.sleep(0)
        assert {said["id"] for said in wire.said()} == {3, 4}
        wire.node.joining.set()
        await wire.session.finish(5.0, CALM)
        assert [said["id"] for said in wire.said()][2:] == [1, 2]

    over_wire(test)


def test_what_is_not_done_in_time_is_answered_by_an_error() -> None:
    async def test(wire: Wire) -> None:
        wire.node.joining.clear()
        wire.session.feed(call("rooms.join", ["#secret", "pw"]))
        await wire.session.finish(0.05, CALM)
        assert wire.said()[0]["error"]["code"] == -32603
        assert wire.node.handlers == []

    over_wire(test)


def test_at_the_end_of_input_what_goes_on_is_waited_for() -> None:
    async def test(wire: Wire) -> None:
        wire.node.delay = 0.1
        asked = [call("messages.send", ["#lobby", str(n)], n) for n in range(4)]
        lists = [call("messages.list", ["#lobby"], 10 + n) for n in range(4)]
        in_turn = [line for pair in zip(asked, lists, strict=True) for line in pair]
        wire.session.feed(b"".join(in_turn))
        await wire.session.finish(0.3, CALM)
        assert len([said for said in wire.said() if "result" in said]) == 8

    over_wire(test)


def test_in_a_hurry_it_is_not() -> None:
    async def test(wire: Wire) -> None:
        wire.node.delay = 0.1
        asked = [call("messages.send", ["#lobby", str(n)], n) for n in range(8)]
        in_turn = [line for one in asked for line in (one, call("messages.list", ["#lobby"], 99))]
        wire.session.feed(b"".join(in_turn))
        await wire.session.finish(0.25, HURRY)
        answers = wire.said()
        assert len(answers) == 16
        assert 0 < sum("error" in said for said in answers) < 16

    over_wire(test)


def test_events() -> None:
    async def test(wire: Wire) -> None:
        wire.node.receive("#lobby", "hello", LI)
        wire.node.emit(Typing("#lobby", LI))
        await asyncio.sleep(0)
        first, second = wire.said()
        assert first["method"] == "event"
        assert "id" not in first
        assert first["params"]["type"] == "message.received"
        assert first["params"]["message"]["text"] == "hello"
        assert second["params"] == {"type": "typing", "conversation": "#lobby", "peer_id": LI}
        assert len(wire.written) == 1

    over_wire(test)


def test_what_one_client_does_the_others_are_told() -> None:
    async def test(wire: Wire) -> None:
        other = Wire(wire.node)
        wire.session.feed(call("messages.send", ["#lobby", "mine"]))
        await wire.session.finish(5.0, CALM)
        await other.session.finish(5.0, CALM)
        assert [said.get("method") for said in wire.said()] == [None]
        assert [said["params"]["message"]["text"] for said in other.said()] == ["mine"]

    over_wire(test)


def test_a_client_that_does_not_read() -> None:
    async def test(wire: Wire) -> None:
        wire.waiting = limits.RPC_PAUSE_BYTES + 1
        wire.session.feed(call("node.info"))
        assert wire.paused == [True]
        wire.waiting = limits.RPC_UNREAD_BYTES + 1
        wire.node.receive("#lobby", "lost", LI)
        assert wire.dropped
        wire.waiting = 0
        wire.session.drained()
        await asyncio.sleep(0.01)
        assert wire.paused == [True, False]
        lost = [said["params"] for said in wire.said() if "params" in said]
        assert [event["reason"] for event in lost] == ["events-lost"]
        await wire.session.finish(5.0, CALM)

    over_wire(test)


def test_too_many_requests_at_once_pause_the_input() -> None:
    async def test(wire: Wire) -> None:
        wire.node.delay = 0.01
        lines = (
            call("messages.send", ["#lobby", str(n)], n) for n in range(limits.RPC_PENDING + 9)
        )
        wire.session.feed(b"".join(lines))
        assert wire.paused == [True]
        await wire.session.finish(20.0, CALM)
        assert wire.paused == [True, False]
        assert [m.text for m in wire.node.stored] == [str(n) for n in range(limits.RPC_PENDING + 9)]

    over_wire(test)


def test_ten_thousand_sends_in_one_go() -> None:
    data = b"".join(call("messages.send", ["#lobby", f"message {n}"], n) for n in range(10_000))
    began = time.process_time()
    said = exchange(data)
    took = time.process_time() - began
    assert [answer["id"] for answer in said] == list(range(10_000))
    assert took < 5.0, f"{10_000 / took:.0f} a second"


def test_every_method_names_its_parameters_as_documented() -> None:
    assert METHODS["rooms.join"].params.__struct_fields__ == ("room", "password")
    assert METHODS["messages.list"].params.__struct_fields__ == (
        *("conversation", "limit", "before", "after", "around"),
    )


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_junk_is_answered_and_ends_nothing(junk: bytes) -> None:
    said = exchange(junk + b"\n" + call("node.info", id="alive"))
    assert said[-1]["id"] == "alive"
    assert all("error" in answer for answer in said[:-1])
