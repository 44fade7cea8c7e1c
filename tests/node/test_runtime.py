"""Whatever goes wrong in one place, the runtime loses nothing of the others."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from p2pchat.config.settings import Settings
from p2pchat.errors import RequestError, StoreError
from p2pchat.events import Event, MessageReceived
from p2pchat.model.accounts import AnnouncementDraft
from p2pchat.model.entry import FileBody
from p2pchat.model.ids import ConversationId, EntryHash, InstanceId
from p2pchat.model.message import Draft, Message
from p2pchat.model.records import Applied, PutConversation, PutEntry, PutMeta, Write
from p2pchat.model.stream import PIECE_MIN_BYTES, Stream
from p2pchat.node import writing
from p2pchat.node.carrying import Carrying
from p2pchat.node.runtime import Handler, Runtime
from p2pchat.protocol import effects
from p2pchat.protocol.identity import Signer
from p2pchat.protocol.machine import Config, Machine
from p2pchat.protocol.registrar.announcements import DRAFT_KEY
from p2pchat.storage.store import SqliteStore

KEY = bytes(range(32))


class Nowhere:
    """Links and discovery of a machine without a network."""

    listening = (("127.0.0.1", 1),)

    async def start(self, *_: object) -> None: ...

    async def stop(self) -> None: ...

    def own_addresses(self) -> Sequence[tuple[str, int]]:
        return ()

    def heard(self) -> tuple[int, int] | None:
        return None

    def __getattr__(self, name: str) -> Callable[..., int]:
        return lambda *_: 0


def with_runtime(
    tmp_path: Path,
    test: Callable[[Runtime, Machine, SqliteStore], Coroutine[Any, Any, None]],
    handlers: dict[int, Handler] | None = None,
) -> None:
    async def main() -> None:
        store = SqliteStore(tmp_path / "store.db", KEY)
        rng = Random(1)
        store.apply([PutMeta(name, rng.randbytes(32)) for name in ("person_seed", "device_seed")])
        instance = InstanceId(rng.randbytes(16))
        config = Config(network="lan", agent="test", instance=instance, name="Ann")
        machine = Machine(
            config, store.load(), Settings(), rng, lambda name: frozenset((name.casefold(),))
        )
        nowhere: Any = Nowhere()
        made = Runtime(machine, store, nowhere, nowhere, nowhere, handlers or {}, lambda: None)
        await made.start()
        try:
            await asyncio.wait_for(test(made, machine, store), 30.0)
        finally:
            await made.close()
            store.close()

    asyncio.run(main())


async def say(runtime: Runtime, machine: Machine, text: str) -> Message:
    message = await runtime.ask(machine.commands.send, 7, "#lobby", text, None)
    assert isinstance(message, Message)
    return message


def stored(store: SqliteStore, message: Message) -> bool:
    return store.message(EntryHash(bytes.fromhex(message.message_id))) is not None


def note_writes(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> list[Sequence[Write]]:
    """What is written from now on, each transaction's."""
    written: list[Sequence[Write]] = []
    apply = store.apply

    def noted(writes: Sequence[Write]) -> Applied:
        written.append(writes)
        return apply(writes)

    monkeypatch.setattr(store, "apply", noted)
    return written


def test_a_front_end_that_fails_keeps_nothing_from_the_disk_and_the_others(tmp_path: Path) -> None:
    told: list[str] = []

    def broken(_: Sequence[Event]) -> None:
        raise BrokenPipeError("nobody reads this")

    def whole(events: Sequence[Event]) -> None:
        told.extend(event.message.text for event in events if isinstance(event, MessageReceived))

    async def test(runtime: Runtime, machine: Machine, store: SqliteStore) -> None:
        for text in ("one", "two"):
            assert stored(store, await say(runtime, machine, text))
        assert told == ["one", "two"]

    with_runtime(tmp_path, test, {1: broken, 2: whole})


def test_an_adapter_that_fails_takes_no_commit_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> int:
        raise OSError("no such socket")

    async def test(runtime: Runtime, machine: Machine, store: SqliteStore) -> None:
        monkeypatch.setattr(Nowhere, "dial", broken, raising=False)

        def both(request: int) -> None:
            machine.topology.connect(0, ("192.0.2.1", 27474))
            machine.commands.send(request, 7, "#lobby", "still here", None)

        assert stored(store, await runtime.ask(both))

    with_runtime(tmp_path, test)


def test_what_one_commit_leads_to_keeps_no_other_from_its_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(runtime: Runtime, machine: Machine, store: SqliteStore) -> None:
        arrived = machine.receipts.arrived
        fail = [True]

        def failing_once(arrival: Any) -> None:
            if fail.pop() if fail else False:
                raise KeyError("a defect")
            arrived(arrival)

        monkeypatch.setattr(machine.receipts, "arrived", failing_once)
        # Of one turn, so of one transaction.
        messages = await asyncio.gather(*(say(runtime, machine, text) for text in "abc"))
        assert not fail
        assert all(stored(store, message) for message in messages)

    with_runtime(tmp_path, test)


def test_a_message_has_files_written_bit_by_bit_and_an_offer_hasnt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    talked: list[object] = []
    monkeypatch.setattr(Carrying, "talk", lambda carrying: talked.append(carrying))

    async def test(runtime: Runtime, machine: Machine, store: SqliteStore) -> None:
        lobby = machine.commands.conversation("#lobby")
        film = FileBody("film", "video/mp4", Stream(bytes(32), 1, PIECE_MIN_BYTES), 1)

        def offer(request: int) -> None:
            machine.commands.write_offer(
                request, 7, lobby, film, lambda _: machine.ctx.reply(request, None)
            )

        await runtime.ask(offer)
        assert not talked
        await say(runtime, machine, "look at this")
        assert len(talked) == 1

    with_runtime(tmp_path, test)


async def begin(runtime: Runtime, machine: Machine, text: str) -> None:
    await runtime.ask(machine.commands.set_draft, 7, "#lobby", Draft(text))


def draft_of(store: SqliteStore) -> str:
    return next(row.draft for row in store.load().conversations if row.label == "#lobby")


def test_a_draft_becomes_its_message_in_one_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill between two would lose it, or send it twice."""

    async def test(runtime: Runtime, machine: Machine, store: SqliteStore) -> None:
        await begin(runtime, machine, " hello")
        written = note_writes(store, monkeypatch)
        await runtime.ask(machine.commands.send, 7, "#lobby", "hello", None, " hello")
        drafts = [w.row.draft for w in written[0] if isinstance(w, PutConversation)]
        assert drafts == [""]
        assert any(isinstance(write, PutEntry) for write in written[0])
        assert draft_of(store) == ""

    with_runtime(tmp_path, test)


def test_what_is_begun_meanwhile_stays(tmp_path: Path) -> None:
    async def test(runtime: Runtime, machine: Machine, store: SqliteStore) -> None:
        await begin(runtime, machine, "the next")
        await runtime.ask(machine.commands.send, 7, "#lobby", "hello", None, "hello")
        await say(runtime, machine, "from a script")
        assert draft_of(store) == "the next"

    with_runtime(tmp_path, test)


def test_a_draft_that_could_not_be_sent_is_one_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Sequence[Write]) -> Applied:
        raise StoreError("no room")

    async def test(runtime: Runtime, machine: Machine, store: SqliteStore) -> None:
        await begin(runtime, machine, "hello")
        with monkeypatch.context() as patched:
            patched.setattr(store, "apply", broken)
            with pytest.raises(RequestError):
                await runtime.ask(machine.commands.send, 7, "#lobby", "hello", None, "hello")
        assert machine.commands.conversation("#lobby").row.draft == "hello"

    with_runtime(tmp_path, test)


def announcement(store: SqliteStore) -> bytes:
    return store.load().meta[DRAFT_KEY]


def test_a_begun_announcement_goes_in_one_write_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(runtime: Runtime, machine: Machine, store: SqliteStore) -> None:
        def broken(_: Sequence[Write]) -> Applied:
            raise StoreError("no room")

        page = machine.registrar.announcements
        machine.registrar.appointing = Signer(bytes(32))
        begun = AnnouncementDraft("Books away ", "#lobby")
        await runtime.ask(page.set_draft, begun)
        assert b"Books away" in announcement(store)
        with monkeypatch.context() as patched:
            patched.setattr(store, "apply", broken)
            with pytest.raises(RequestError):
                await runtime.ask(page.send, "Books away", None)
        assert await runtime.ask(page.draft) == begun, "not sent: it is one still"
        await runtime.ask(page.send, "from a script", None)
        assert await runtime.ask(page.draft) == begun, "another one"
        written = note_writes(store, monkeypatch)
        await runtime.ask(page.send, "Books away", None)
        keys = [write.key for write in written[0] if isinstance(write, PutMeta)]
        assert len(keys) == 2
        assert DRAFT_KEY in keys
        assert announcement(store) == b""
        assert await runtime.ask(page.draft) == AnnouncementDraft()

    with_runtime(tmp_path, test)


def test_someone_else_has_begun_no_announcement(tmp_path: Path) -> None:
    async def test(runtime: Runtime, machine: Machine, store: SqliteStore) -> None:
        await runtime.ask(machine.registrar.announcements.set_draft, AnnouncementDraft("half"))
        await runtime.ask(machine.renewal.new_person, "Bo")
        assert announcement(store) == b""

    with_runtime(tmp_path, test)


def test_tidying_that_fails_doesnt_end_the_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "TIDY_AFTER_S", 0.001)
    tidied = asyncio.Event()

    async def test(runtime: Runtime, machine: Machine, store: SqliteStore) -> None:
        loop = asyncio.get_running_loop()

        def broken() -> bool:
            loop.call_soon_threadsafe(tidied.set)
            raise ValueError("nobody thought of this")

        monkeypatch.setattr(store, "tidy", broken)
        await say(runtime, machine, "one")
        await tidied.wait()
        assert stored(store, await say(runtime, machine, "two"))

    with_runtime(tmp_path, test)


def test_the_end_answers_everyone_and_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    async def test(runtime: Runtime, machine: Machine, store: SqliteStore) -> None:
        asked = [asyncio.ensure_future(say(runtime, machine, str(n))) for n in range(50)]
        await asyncio.sleep(0)  # they are under way
        await runtime.close()
        answers = await asyncio.gather(*asked, return_exceptions=True)
        kept = [answer for answer in answers if isinstance(answer, Message)]
        assert len(kept) == 50
        assert all(stored(store, message) for message in kept)
        with pytest.raises(RequestError, match="closing"):
            await say(runtime, machine, "too late")

    with_runtime(tmp_path, test)


def test_a_timer_that_fails_stops_no_other(tmp_path: Path) -> None:
    async def test(runtime: Runtime, machine: Machine, store: SqliteStore) -> None:
        rung = asyncio.Event()

        def broken() -> None:
            raise KeyError("a defect")

        def set_both() -> None:
            machine.ctx.after(0.01, broken)
            machine.ctx.after(0.01, rung.set)

        runtime.run(set_both)
        await rung.wait()

    with_runtime(tmp_path, test)


def test_a_read_that_fails_leaves_no_request_without_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Any:
        raise StoreError("the disk can't be read")

    async def test(runtime: Runtime, machine: Machine, store: SqliteStore) -> None:
        message = await say(runtime, machine, "one")
        row = store.message(EntryHash(bytes.fromhex(message.message_id)))
        monkeypatch.setattr(store, "positions", broken)
        with pytest.raises(RequestError) as refused:
            await runtime.ask(machine.commands.mark_read, 7, "#lobby", row)
        assert refused.value.reason == "no-such-message"

    with_runtime(tmp_path, test)


def test_a_message_that_cannot_be_read_is_answered_as_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes next in a queue of look-ups would else wait for ever."""

    def broken(*_: object) -> Any:
        raise StoreError("the disk can't be read")

    async def test(runtime: Runtime, machine: Machine, store: SqliteStore) -> None:
        monkeypatch.setattr(store, "message", broken)
        found: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def look() -> None:
            query = machine.number()
            machine.ctx.wait(query, found.set_result)
            machine.ctx.emit(effects.ReadMessage(query, EntryHash(bytes(32))))

        runtime.run(look)
        assert await asyncio.wait_for(found, 10.0) is None

    with_runtime(tmp_path, test)


def test_who_fetches_a_history_keeps_no_front_end_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = threading.Event()

    def slow(*_: object) -> Any:
        assert given.wait(10.0)
        return []

    async def test(runtime: Runtime, machine: Machine, store: SqliteStore) -> None:
        monkeypatch.setattr(store, "read_branch", slow)
        read: list[Any] = []

        def many() -> None:
            for _ in range(8):
                query = machine.number()
                machine.ctx.wait(query, read.append)
                wanted = (ConversationId(bytes(32)), EntryHash(bytes(32)), 0, 1000, False)
                machine.ctx.emit(effects.ReadBranch(query, *wanted))

        runtime.run(many)
        try:
            assert await asyncio.wait_for(runtime.query(store.overviews), 10.0) is not None
            assert not read
        finally:
            given.set()
        end = asyncio.get_running_loop().time() + 10.0
        while len(read) < 8:
            assert asyncio.get_running_loop().time() < end
            await asyncio.sleep(0)

    with_runtime(tmp_path, test)
