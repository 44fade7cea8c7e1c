"""Blocks of files, between this node and the members of their conversations, over bulk links.

Each file that is being fetched has a `Swarm`; one `Server` gives to others. Here is who may have
what: a peer is heard and answered about a file only as a member of its conversation.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

from p2pchat.errors import ProtocolError, RequestError
from p2pchat.model.file import FileState
from p2pchat.model.frame import RawFrame
from p2pchat.model.ids import EntryHash
from p2pchat.model.records import FileRow, MessageRow
from p2pchat.model.stream import HASH_BYTES, Block, Kept
from p2pchat.protocol import effects
from p2pchat.protocol.context import Timer
from p2pchat.protocol.conversations import Conversation
from p2pchat.protocol.fetch import REACH, Fetch, FileEvents
from p2pchat.protocol.link import Link, LinkState
from p2pchat.protocol.seeking import Seeking
from p2pchat.protocol.swarm import frames
from p2pchat.protocol.swarm.fetch import Part, Swarm
from p2pchat.protocol.swarm.followers import Followers
from p2pchat.protocol.swarm.late import Late
from p2pchat.protocol.swarm.serve import Server

if TYPE_CHECKING:
    from p2pchat.protocol.machine import Machine

KNOWN = 256
"""Offers that others ask about, kept at hand; and as many that aren't here."""
ASKED_MEANWHILE = 1024
"""Frames of one link that wait for an offer to be looked up, and files that it follows which aren't
here: more than a node fetches at once (limits.FETCHES_AT_ONCE)."""


class Exchange:
    def __init__(self, machine: Machine, events: FileEvents) -> None:
        self._m = machine
        self._events = events
        self._fetches: dict[bytes, Fetch] = {}
        self._alike: dict[Kept, list[Fetch]] = {}
        """Fetches of one content: it was offered more than once in a conversation."""
        self._stirred: dict[bytes, None] = {}
        """Files whose swarms may have something to say; in order, so that a run can be repeated."""
        self._moving: set[bytes] = set()
        self._late = Late()
        self._served: OrderedDict[bytes, Conversation] = OrderedDict()
        """Files that are here, the one asked about last is the last: who may have them."""
        self._absent: OrderedDict[bytes, Conversation | None] = OrderedDict()
        """Files that were asked about and aren't here, with the conversation of an own offer that
        isn't given any more. Apart from the others, so that made-up names drive out none that is
        here."""
        self._looking: dict[bytes, list[tuple[Link, frames.Frame]]] = {}
        self._waiting: Counter[int] = Counter()
        """How many frames of each link wait for a look-up."""
        self._followers = Followers(ASKED_MEANWHILE)
        self._server = Server(self._allowed)
        self._news = False
        """The server may have something to say, or the swarm of a file that is stirred."""
        self._timer: Timer | None = None
        self._seeking = Seeking(machine, events, self._fetches)
        self._frames: dict[type, Callable[[Link, Any], None]] = {
            frames.Follow: self._on_follow,
            frames.Wanted: self._on_wanted,
            frames.Have: self._on_have,
            frames.Got: self._on_got,
            frames.Piece: self._on_piece,
            frames.Refused: self._on_refused,
        }

    # -- what is fetched and served here

    @property
    def fetches(self) -> int:
        """How many are under way: not those that are paused."""
        return len(self._moving)

    def begin(self, row: FileRow, conversation: Conversation, progress: Sequence[bytes]) -> Fetch:
        # One of its own: it draws for each block, and the system's takes a system call.
        rng = Random(self._m.ctx.rng.getrandbits(64))
        alike = self._alike.setdefault(row.stream, [])
        swarm = Swarm(row.id, row.stream, progress, rng, [other.swarm for other in alike])
        fetch = self._fetches[row.id] = Fetch(row, conversation, swarm)
        alike.append(fetch)
        self._stir(row.id)
        self._known(row.id, conversation)
        self._server.share(row.id, row.stream, swarm.holds)
        for bulk in self._m.links.bulks():
            self._join(bulk, fetch)
        for follower in self._followers.take(row.id):
            link = self._m.links.get(follower)
            if link is not None and self._may(link, conversation, row.stream.size):
                swarm.followed(follower, True, self._m.ctx.now)
        self._moving.add(row.id)
        self._seeking.begin(fetch)
        return fetch

    def pause(self, fetch: Fetch, on: bool) -> None:
        """Nobody is asked for more, or they are again; what is here is served."""
        self._stir(fetch.row.id)
        fetch.swarm.pause(on, self._m.ctx.now)
        moves = not on and self._fetches.get(fetch.row.id) is fetch
        (self._moving.add if moves else self._moving.discard)(fetch.row.id)

    def end(self, id: EntryHash) -> None:
        """It is fetched no more. What is here of it is served until `forget`."""
        fetch = self._fetches.pop(id, None)
        self._moving.discard(id)
        if fetch is not None:
            alike = self._alike[fetch.row.stream]
            alike.remove(fetch)
            if not alike:
                del self._alike[fetch.row.stream]
            fetch.swarm.close()
            self._say(fetch)
            if fetch.timer is not None:
                fetch.timer.cancel()
            silent = self._late.add(fetch.swarm)
            if silent is not None:
                self._m.ctx.after(0.0, partial(self._leave, silent))

    def _leave(self, silent: int) -> None:
        link = self._m.links.get(silent)
        if link is not None:
            self._m.links.close(link, "silent")

    def serve(self, row: FileRow, conversation: Conversation) -> None:
        """All of it is here."""
        self._news = True
        self._known(row.id, conversation)
        self._server.share(row.id, row.stream, None)

    def _known(self, id: EntryHash, conversation: Conversation) -> None:
        self._served[id] = conversation
        self._absent.pop(id, None)

    def forget(self, id: EntryHash) -> None:
        """It is served no more."""
        self._news = True
        self.end(id)
        self._served.pop(id, None)
        self._server.unshare(id, self._m.ctx.now)

    def withdraw(self, id: EntryHash, conversation: Conversation) -> None:
        """An own offer isn't given any more. Whoever asks hears so, also before that is durable."""
        self.forget(id)
        self._absent[id] = conversation

    # -- connections

    def link_shares(self, link: Link, conversation: Conversation) -> None:
        """A peer and this node share the conversation from now on."""
        if not self._m.sharing.member(link.id, conversation):
            return
        for fetch in self._fetches.values():
            large = self._seeking.too_large(link, fetch.row.stream.size)
            if fetch.conversation is conversation and not large:
                self._m.bulk.want(link.device)
                bulk = self._m.links.bulk(link.device)
                if bulk is not None:
                    self._join(bulk, fetch)

    def _stir(self, file: bytes) -> None:
        """Its swarm may have something to say."""
        self._news = True
        self._stirred[file] = None

    def is_idle(self, link: Link) -> bool:
        """Whether nothing is under way with this peer."""
        fetches = self._fetches.values()
        return not any(self._may(link, one.conversation, one.row.stream.size) for one in fetches)

    def bulk_up(self, link: Link) -> None:
        for fetch in self._fetches.values():
            self._join(link, fetch)

    def bulk_down(self, link: Link) -> None:
        self._news = True
        now = self._m.ctx.now
        for id, fetch in list(self._fetches.items()):
            self._stir(id)
            fetch.swarm.lost(link.id, now)
            self._events.moved(EntryHash(id))
        self._late.lost(link.id, now)
        self._server.lost(link.id, now)
        for waiting in self._looking.values():
            waiting[:] = [item for item in waiting if item[0] is not link]
        self._waiting.pop(link.id, None)
        self._followers.lost(link.id)

    def _join(self, link: Link, fetch: Fetch) -> None:
        late = self._late.of(link.id, fetch.row.id) is not None
        if not late and self._may(link, fetch.conversation, fetch.row.stream.size):
            self._stir(fetch.row.id)
            by_author = link.person == fetch.row.author
            fetch.swarm.joined(link.id, link.info.device_key, self._m.ctx.now, by_author)

    def _may(self, link: Link, conversation: Conversation, size: int) -> bool:
        """Whether blocks of a file of this size may go over a connection."""
        return self._member(link, conversation) and not self._seeking.too_large(link, size)

    def _member(self, link: Link, conversation: Conversation) -> bool:
        main = self._m.links.of(link.device)
        return main is not None and self._m.sharing.member(main.id, conversation)

    def _allowed(self, link: int, file: bytes) -> bool:
        found, conversation = self._m.links.get(link), self._served.get(file)
        if found is None or conversation is None:
            return False
        return self._may(found, conversation, self._server.size(file))

    # -- frames

    def frame(self, link: Link, data: RawFrame) -> None:
        frame = frames.decode(data)
        self._stir(frame.file)
        self._frames[type(frame)](link, frame)

    def _on_follow(self, link: Link, frame: frames.Follow) -> None:
        now = self._m.ctx.now
        fetch = self._fetches.get(frame.file)
        if fetch is not None:
            if self._may(link, fetch.conversation, fetch.row.stream.size):
                self._join(link, fetch)
                fetch.swarm.followed(link.id, frame.on, now)
        elif self._is_known(link, frame):
            self._server.followed(link.id, frame)
            if frame.file not in self._served:
                self._followers.follow(link.id, frame.file, frame.on)
                if frame.on:
                    self._tell_withdrawn(link, frame.file)

    def _tell_withdrawn(self, link: Link, file: bytes) -> None:
        """Whoever comes late doesn't wait for what its author doesn't give any more."""
        conversation = self._absent.get(file)
        if conversation is not None and self._member(link, conversation):
            gone = frames.Refused(file, frames.WHOLE, 0, frames.Reason.GONE.value)
            self._send((link.id,), gone)

    def _on_wanted(self, link: Link, frame: frames.Wanted) -> None:
        if frame.file in self._fetches or self._is_known(link, frame):
            self._server.wanted(link.id, frame, self._m.ctx.now)

    def _is_known(self, link: Link, frame: frames.Follow | frames.Wanted) -> bool:
        """Whether it is known what to answer; else it is looked up, and the frame comes again."""
        id = EntryHash(frame.file)
        if id in self._served:
            self._served.move_to_end(id)
            return True
        if id in self._absent:
            self._absent.move_to_end(id)
            return True
        if len(id) != HASH_BYTES:
            raise ProtocolError("no name of a file")
        if self._waiting[link.id] >= ASKED_MEANWHILE:
            if isinstance(frame, frames.Wanted):
                busy = frames.Refused(id, frame.layer, frame.index, frames.Reason.BUSY.value)
                self._send((link.id,), busy)
            return False
        waiting = self._looking.get(id)
        if waiting is None:
            waiting = self._looking[id] = []
            self._m.ctx.ask(lambda query: effects.ReadMessage(query, id), partial(self._found, id))
        waiting.append((link, frame))
        self._waiting[link.id] += 1
        return False

    def _found(self, id: EntryHash, row: MessageRow | None) -> None:
        self._news = True
        waiting = self._looking.pop(id, [])
        conversation = self._m.conversations.get(row.conversation) if row else None
        file = row.file if row is not None and not row.deleted else None
        if id not in self._served and id not in self._absent:
            if file is not None and conversation and file.state is FileState.COMPLETE:
                self.serve(file, conversation)
            else:
                own = file is not None and file.author == self._m.identity.peer_id
                withdrawn = own and file is not None and file.state is FileState.FAILED
                self._absent[id] = conversation if withdrawn else None
        self._trim()
        for link, frame in waiting:
            self._waiting[link.id] -= 1
            if link.state is LinkState.BULK:
                self._again(link, frame)

    def _trim(self) -> None:
        """Keep at hand what is asked about."""
        while len(self._absent) > KNOWN:
            self._absent.popitem(last=False)
        if len(self._served) <= KNOWN:
            return
        for id in list(self._served)[: len(self._served) - KNOWN]:
            if id not in self._fetches and not self._server.is_followed(id):
                self.forget(EntryHash(id))

    def _again(self, link: Link, frame: frames.Frame) -> None:
        """A frame that has waited: what it gets wrong ends its link as it would have then."""
        self._stir(frame.file)
        try:
            self._frames[type(frame)](link, frame)
        except ProtocolError:
            self._m.link_refused(link, "protocol")
            self._m.links.close(link, "protocol")

    def _on_have(self, link: Link, frame: frames.Have) -> None:
        fetch = self._fetches.get(frame.file)
        if fetch is not None:
            fetch.swarm.have(link.id, frame, self._m.ctx.now)
        self._server.have(link.id, frame)

    def _on_got(self, link: Link, frame: frames.Got) -> None:
        fetch = self._fetches.get(frame.file)
        if fetch is not None:
            fetch.swarm.got(link.id, frame, self._m.ctx.now)
        self._server.got(link.id, frame)

    def _on_piece(self, link: Link, frame: frames.Piece) -> None:
        now, size = self._m.ctx.now, len(frame.data)
        late, fetch = self._late.of(link.id, frame.file), self._fetches.get(frame.file)
        if late is not None:
            late.part(link.id, frame.layer, frame.index, frame.offset, size, now)
            self._came_late(link, frame.file)
            return
        if fetch is None:
            return
        part = fetch.swarm.part(link.id, frame.layer, frame.index, frame.offset, size, now)
        if part is not Part.DROPPED:
            block = Block(frame.layer, frame.index)
            stream = fetch.row.stream
            keep = effects.KeepPart(link.id, frame.file, stream, block, frame.offset, frame.data)
            self._m.ctx.emit(keep)

    def _came_late(self, link: Link, file: bytes) -> None:
        """It may be the last of an earlier fetch: then it is a source of the one under way."""
        fetch = self._fetches.get(file)
        if fetch is not None and self._late.of(link.id, file) is None:
            self._join(link, fetch)

    def _on_refused(self, link: Link, frame: frames.Refused) -> None:
        late, fetch = self._late.of(link.id, frame.file), self._fetches.get(frame.file)
        if late is not None and frame.layer != frames.WHOLE:
            late.refused(link.id, frame, self._m.ctx.now)
            self._came_late(link, frame.file)
            return
        if fetch is None:
            return
        by_author = link.person == fetch.row.author
        if frame.layer != frames.WHOLE or not by_author:
            fetch.swarm.refused(link.id, frame, self._m.ctx.now)
        if frame.reason == frames.Reason.GONE and by_author:
            self._events.author_lost(EntryHash(frame.file))

    # -- what became of blocks

    def kept(self, link: int, file: bytes, block: Block, outcome: Any) -> None:
        """A block that came: kept (True), not what it should be (False), or a RequestError of the
        disk."""
        self._stir(file)
        fetch = self._fetches.get(file)
        if fetch is None:
            return
        now = self._m.ctx.now
        if isinstance(outcome, RequestError):
            fetch.swarm.failed(block.layer, block.index, now)
            self._events.broke(EntryHash(file), outcome.reason)
        elif outcome:
            alike = self._alike[fetch.row.stream]
            others = [one for one in alike if one is not fetch] if len(alike) > 1 else ()
            fetch.swarm.stored(block.layer, block.index, now)
            self._events.moved(EntryHash(file))
            for other in others:
                self._stir(other.row.id)
                other.swarm.found(block.layer, block.index, now)
                self._events.moved(other.row.id)
            if not block.layer and not fetch.reach and file in self._fetches:
                fetch.reach = REACH
                self._seeking.go_on()
        else:
            fetch.swarm.bad(block.layer, block.index, now)
            liar = self._m.links.get(link)
            if liar is not None:
                self._m.watch.served_wrong(liar)

    def read(self, link: int, file: bytes, block: Block, here: bool) -> bool:
        """A block that is to be given was read, or is not what it was. Whether to keep it."""
        self._news = True
        now = self._m.ctx.now
        if not here and self._served.get(file) is not None and file not in self._fetches:
            self.forget(EntryHash(file))
            self._events.changed(EntryHash(file))
        return self._server.ready(link, file, block.layer, block.index, here, now)

    def sent(self, link: int, size: int) -> None:
        """A link has taken so much of what it was given."""
        self._news = True
        self._server.sent(link, size, self._m.ctx.now)

    # -- out

    def flush(self) -> None:
        """What swarms and server want done; and when they want to be called again."""
        self._news |= self._server.limit(self._m.ctx.settings.limit, self._m.ctx.now)
        if not self._news:
            return
        self._news = False
        stirred, self._stirred = self._stirred, {}
        for file in stirred:
            fetch = self._fetches.get(file)
            if fetch is not None:
                self._say(fetch)
                due = fetch.swarm.deadline()
                fetch.timer = self._call_at(due, fetch.timer, partial(self._tick, fetch))
        for wish in self._server.take():
            self._perform(wish)
        self._timer = self._call_at(self._server.deadline(), self._timer, self._serve_more)

    def _say(self, fetch: Fetch) -> None:
        for said in fetch.swarm.take():
            if isinstance(said, frames.Tell):
                self._send(said.links, said.frame)
            else:
                block = Block(said.layer, said.index)
                self._m.ctx.emit(effects.DropPart(said.link, fetch.row.id, block))

    def _perform(self, wish: frames.Tell | frames.Read | frames.Give) -> None:
        if isinstance(wish, frames.Tell):
            self._send(wish.links, wish.frame)
            return
        block = Block(wish.layer, wish.index)
        if isinstance(wish, frames.Read):
            self._m.ctx.emit(effects.ReadBlock(wish.link, wish.file, wish.stream, block))
        else:
            give = effects.GiveBlock(wish.link, wish.file, block, wish.offset, wish.size)
            self._m.ctx.emit(give)

    def _call_at(
        self, due: float | None, timer: Timer | None, call: Callable[[], None]
    ) -> Timer | None:
        """`timer`, or one instead of it that fires in time."""
        if timer is not None and timer.call is not None:
            if due is not None and timer.at <= due:
                return timer  # it looks again when it fires
            timer.cancel()
        if due is None:
            return None
        return self._m.ctx.after(max(0.0, due - self._m.ctx.now), call)

    def _tick(self, fetch: Fetch) -> None:
        self._stir(fetch.row.id)
        if fetch.swarm.tick(self._m.ctx.now):
            self._events.moved(fetch.row.id)

    def _serve_more(self) -> None:
        self._news = True
        self._server.tick(self._m.ctx.now)

    def _send(self, links: Sequence[int], frame: frames.Frame) -> None:
        self._m.ctx.emit(effects.Send(tuple(links), frames.encode(frame)))
