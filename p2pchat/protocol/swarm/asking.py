"""Whom to ask for which block, how much of it at once, and when to ask another."""

from __future__ import annotations

from random import Random

from p2pchat.config import limits
from p2pchat.errors import ProtocolError
from p2pchat.protocol.swarm.frames import ANY, Forget, Tell, Wanted
from p2pchat.protocol.swarm.news import News
from p2pchat.protocol.swarm.picker import Picker, block_of
from p2pchat.protocol.swarm.sources import Ask, Source


class Asking:
    """The requests of one fetch: what each source owes, and which blocks are on their way. Blocks
    are named by key."""

    def __init__(
        self, file: bytes, picker: Picker, news: News, rng: Random, out: list[Tell | Forget]
    ) -> None:
        """`out`: where effects are put."""
        self.paused = False
        self.sources: dict[int, Source] = {}
        """By link."""
        self.asked: dict[int, int] = {}
        """Of a block that is being fetched: how many are asked for it."""
        self.arrived: dict[int, bytes] = {}
        """Of a block that came and isn't stored yet: the device that sent it."""
        piece = picker.stream.piece
        self.room = max(4, limits.SWARM_BYTES // piece)
        """Further blocks that may be on their way to the disk."""
        self.received = 0
        """Bytes that came, of use or not."""
        self.heard_at = float("-inf")
        """When anything came."""
        self.starved = False
        """More could have been asked for, but the disk or the port is behind."""
        self._unstored = max(2, limits.SWARM_UNSTORED_BYTES // piece)
        self._file = file
        self._picker = picker
        self._news = news
        self._count = picker.counts[0]
        self._rng = rng
        self._out = out
        self._chooser: Source | None = None
        """The only one that has everything: of two, both would choose the same."""
        self._latency = 0.0
        """Between request and block, smoothed."""
        self._recent = 0.0
        """Blocks that came in the last second or so."""
        self._most = self.room
        self._quiet = 0
        """Requests at sources from which nothing came of late, as of the last look."""

    def find_chooser(self) -> None:
        whole = [source for source in self.sources.values() if source.whole]
        self._chooser = whole[0] if len(whole) == 1 else None

    def chosen(self, source: Source, key: int) -> Ask:
        """The first part of a block that the peer chose."""
        layer, index = block_of(key)
        if layer or not (source.anys or source.given_up_anys):
            raise ProtocolError("a piece that wasn't asked for")
        given_up = bool(source.given_up_anys)
        asked_at = (source.given_up_anys or source.anys).popleft()
        ask = source.owes[key] = Ask(asked_at, self._picker.size(layer, index))
        if given_up:
            ask.given_up = True
            return ask
        here = key in self.arrived or self._picker.has(layer, index)
        if here or key in self.asked:
            source.useless += 1
            source.chooses &= source.useless < limits.SWARM_USELESS
        if here:
            ask.given_up = True
            self.landed(source)
        else:
            self._picker.take(key)
            self.asked[key] = self.asked.get(key, 0) + 1
        return ask

    def revive(self, source: Source, key: int, ask: Ask) -> None:
        """What was given up comes after all, and nobody else was asked."""
        ask.given_up = False
        source.flying += 1
        self.room -= 1
        self.asked[key] = 1
        self._picker.take(key)

    def answered(self, source: Source, key: int, now: float, latency: float) -> None:
        """A block is here: whoever else was asked for it comes too late."""
        source.flying -= 1
        source.gave_at = now
        source.window.adapt(latency, source.flying)
        self.arrived[key] = source.device
        self.asked[key] -= 1
        self.here(key)

    def here(self, key: int) -> None:
        """Whoever else was asked for this block comes too late."""
        if not self.asked.pop(key, 0):
            return
        for other in self.sources.values():
            late = other.owes.get(key)
            if late is not None and not late.given_up:
                self._abandon(other, key, late)
                self.landed(other)

    def came(self, latency: float) -> None:
        """A block came so long after it was asked for, of use or not."""
        self._latency += (latency - self._latency) / 16 if self._latency else latency
        self._recent += 1

    def settle(self, key: int) -> None:
        del self.arrived[key]
        self.room += 1

    # -- asking

    def fill_all(self, now: float, also_others: bool = False) -> None:
        """All, from one of them on that is drawn, as long as more may be asked for at all; last
        those but the author that never gave a block. `also_others`: for what another fetch of the
        same content is at, too."""
        self.starved = False
        sources = list(self.sources.values())
        first = int(self._rng.random() * len(sources))
        untried = []
        for source in (*sources[first:], *sources[:first]):
            if self.starved:
                return
            if source.author or source.gave_at >= 0:
                self.fill(source, now, also_others)
            else:
                untried.append(source)
        for source in untried:
            if self.starved:
                return
            self.fill(source, now, also_others)

    def fill(self, source: Source, now: float, also_others: bool = False) -> None:
        """Ask this peer for as much as it may have in flight."""
        if self.paused:
            return
        while source.may_be_asked(now):
            if self._is_behind(source):
                self.starved = True
                return
            key = self._choose(source, also_others)
            if key is None:
                return
            self._ask(source, key, now)

    def _is_behind(self, source: Source) -> bool:
        """The disk, or this node's own port: what is asked for beyond a second would make every
        source look silent. Whatever others owe, the author may be asked for something."""
        if self.room <= 0 or len(self.arrived) >= self._unstored:
            return True
        flying = self._most - self.room - len(self.arrived) - self._quiet
        return flying >= self._flying_at_most() and (source.flying > 0 or not source.author)

    def _flying_at_most(self) -> float:
        return limits.SWARM_FLYING_BLOCKS + self._recent

    def _choose(self, source: Source, also_others: bool) -> int | None:
        """A block's key, top down and the rarest first; or ANY, but where the content was offered
        twice: two that choose choose the same."""
        picker = self._picker
        if picker.uppers_left and (source.has or source.upper):
            upper = picker.upper(source.lacks, source.owes)
            if upper is not None:
                return upper
        chooses = source is self._chooser and source.chooses and picker.alone
        if chooses and (lonely := picker.lonely()):
            return ANY if lonely.bit_count() > len(source.anys) else None
        piece = picker.piece(source.has, also_others)
        if piece is None or piece not in source.owes:
            return piece
        given_up = 0
        for key in source.owes:
            given_up |= 1 << key if key < self._count else 0
        return picker.piece(source.has & ~given_up, also_others)

    def _ask(self, source: Source, key: int, now: float) -> None:
        if not source.flying:
            source.heard_at, source.heard = now, self.received
        self._out += self._news.along(source.link)
        source.flying += 1
        self.room -= 1
        if key == ANY:
            source.anys.append(now)
            self._out.append(Tell((source.link,), Wanted(self._file, 0, ANY)))
            return
        layer, index = block_of(key)
        source.owes[key] = Ask(now, self._picker.size(layer, index))
        self.asked[key] = self.asked.get(key, 0) + 1
        self._picker.take(key)
        self._out.append(Tell((source.link,), Wanted(self._file, layer, index)))

    def landed(self, source: Source) -> None:
        source.flying -= 1
        self.room += 1

    def free(self, source: Source, key: int) -> None:
        """A request came to nothing."""
        self.landed(source)
        self.asked[key] -= 1
        if not self.asked[key]:
            del self.asked[key]
            self._picker.release(key)

    def _abandon(self, source: Source, key: int, ask: Ask) -> None:
        ask.given_up = True
        if ask.got:
            self._out.append(Forget(source.link, *block_of(key)))

    def give_up(self, source: Source, begun: bool = True) -> None:
        """Others may be asked for all that this peer owes; what has `begun` to come too?"""
        for key, ask in source.owes.items():
            if not ask.given_up and (begun or not ask.got):
                self._abandon(source, key, ask)
                self.free(source, key)
        while source.anys:
            source.given_up_anys.append(source.anys.popleft())
            self.landed(source)

    # -- asking others

    def look(self, now: float) -> None:
        """Every SWARM_LOOK_S: whoever is silent is left, stragglers are asked of others. A block
        that has begun to come may still do so, as long as there is room: on a slow link a part of
        it may take longer than what counts as silence."""
        self._recent *= 1 - limits.SWARM_LOOK_S
        usual = min(3 * self._latency, limits.SWARM_SLOW_S)
        patience = max(limits.SWARM_SILENT_S, usual)
        turn = limits.SWARM_QUIET_TURNS * self._flying_at_most() * self._picker.stream.piece
        long_ago = now - max(limits.SWARM_QUIET_S, usual)
        self._quiet = 0
        for source in self.sources.values():
            if source.flying and now - source.heard_at >= patience:
                source.silent = True
                self.give_up(source, begun=self.room <= 0)
            if self.received - source.heard >= turn or (
                self.heard_at <= long_ago and source.heard_at <= long_ago
            ):
                self._quiet += source.flying
        self.fill_all(now)
        if not self._picker.alone and not any(it.flying for it in self.sources.values()):
            self.fill_all(now, also_others=True)
        if not self.paused:
            self._ask_again(now)

    def _ask_again(self, now: float) -> None:
        """Stragglers are asked of one more peer, of those that could be asked for nothing new; of
        a third and further ones after ever longer waits, as the second may be slow as well. Sooner
        when nothing new is left: then all the others wait for the last one."""
        if self._picker.all_taken:
            patience = max(limits.SWARM_LAST_S, self._latency)
        else:
            patience = max(limits.SWARM_STRAGGLER_S, 2 * self._latency)
        for source in list(self.sources.values()):
            for key, ask in list(source.owes.items()):
                if ask.given_up:
                    continue
                if now - ask.asked_at < patience * limits.SWARM_PATIENCE ** (self.asked[key] - 1):
                    continue
                other = self._another(key, ask.asked_at, now)
                if other is not None:
                    if self._is_behind(other):
                        return
                    self._ask(other, key, now)

    def _another(self, key: int, asked_at: float, now: float) -> Source | None:
        """Whom to ask for a straggler as well: the author or who has given a block since it was
        asked for, also if that one can be asked a little later only; else anybody."""
        others = [
            other
            for other in self.sources.values()
            if key not in other.owes and not other.silent and self._has(other, key)
        ]
        good = [other for other in others if other.author or other.gave_at > asked_at]
        able = [other for other in good or others if other.may_be_asked(now)]
        return min(able, key=lambda other: other.flying, default=None)

    def _has(self, source: Source, key: int) -> bool:
        if key < self._count:
            return bool(source.has >> key & 1)
        return bool(source.has or source.upper) and key not in source.lacks
