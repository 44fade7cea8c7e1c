"""What a registrar does for others: it takes registrations and new keyboxes, sees to it that
another of the willing keeps them too, and answers then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from p2pchat.config import limits
from p2pchat.protocol import wire
from p2pchat.protocol.buckets import Bucket
from p2pchat.protocol.link import Link
from p2pchat.protocol.pake import TryLimiter
from p2pchat.protocol.registrar.claims import (
    Countersignature,
    Record,
    Request,
    account_of,
    make_appointed,
    make_claim,
    read_request,
)
from p2pchat.protocol.registrar.keybox import Keybox, kept_keybox, read_keybox

if TYPE_CHECKING:
    from p2pchat.protocol.registrar.part import Registrar

Answer = Callable[[str, Sequence[bytes]], None]
"""With a reason why not, or the records that say so."""
KEEP_AGAIN_S = 1.5
"""After which others are asked to keep it as well."""
KEEP_S = 8.0
COUNTERSIGNED_AT_ONCE = 256
"""Claims, some 0.1 ms each: what it leads to comes before the next."""
UNDER_WAY = 256
"""Registrations at a time."""


@dataclass(eq=False)
class _Keeping:
    """Waits until somebody else has it too."""

    frame: wire.Keep
    done: Callable[[bool], None]
    until: float
    asked: set[int]


class Service:
    def __init__(self, registrar: Registrar) -> None:
        self._r = registrar
        self._m = registrar.machine
        self._ctx = registrar.machine.ctx
        self._rate = Bucket(*limits.REGISTRATIONS)
        self._sources = TryLimiter(limits.REGISTRATIONS_PER_SOURCE)
        self._pending: dict[bytes, frozenset[str]] = {}
        """By person, the looks of the name that is being made durable."""
        self._keeping: dict[int, _Keeping] = {}

    # -- registering

    def on_register(self, link: Link, frame: wire.Register) -> None:
        def answer(reason: str, records: Sequence[bytes]) -> None:
            self._m.links.send(link.id, wire.Registered(frame.number, reason, tuple(records)))

        self.take(frame.request, frame.keybox, link.info.person_key, link.source, answer)

    def take(
        self, request: bytes, keybox: bytes, person_key: bytes, source: str, answer: Answer
    ) -> None:
        """For the person at the other end: a request with its keybox. Or a keybox alone, which
        anyone may bring: its person has signed it, and it counts only if it is newer."""
        box = read_keybox(keybox, self._ctx.network)
        asked = read_request(request, self._ctx.network) if request else None
        if not self._r.leading.election.leads:
            answer("no-registrar", ())
        elif not self._is_allowed(source):
            answer("too-many-tries", ())
        elif box is None or (request and asked is None):
            answer("not-allowed", ())
        elif asked is None:
            self._renew(box, answer)
        elif not person_key == asked.person_key == box.record.person_key:
            answer("not-allowed", ())
        else:
            self._register(request, asked, box, answer)

    def _is_allowed(self, source: str) -> bool:
        now, key = self._ctx.now, source.encode()
        if len(self._keeping) >= UNDER_WAY or not self._sources.allowed(key, now):
            return False
        self._sources.mark(key, now)
        return self._rate.take(1, now)

    def _renew(self, box: Keybox, answer: Answer) -> None:
        """Another password."""
        if box.account not in self._r.registry.owners():
            answer("no-such-account", ())
        elif self._r.holding.is_outdated(box):
            answer("busy", ())
        else:
            self._keep([], box, answer)

    def _register(self, raw: bytes, asked: Request, box: Keybox, answer: Answer) -> None:
        registry = self._r.registry
        own = registry.owners().get(account_of(asked.person_key))
        known = registry.claim_of(asked.person_key, asked.name)
        if own is not None and own.claimed == asked.name and known is not None:
            # Asked before: the answer was lost, or the registrar that would have given it.
            if self._r.holding.is_outdated(box):
                answer("busy", ())
            else:
                self._keep([known], box, answer)
            return
        if own is not None:
            answer("not-allowed", ())
            return
        if asked.person_key in self._pending:
            answer("busy", ())
            return
        looks = registry.looks(asked.name)
        pending = any(not looks.isdisjoint(other) for other in self._pending.values())
        if registry.find(asked.name) is not None or pending:
            answer("name-taken", ())
            return
        if registry.full:
            answer("too-large", ())
            return
        records = self._claim(raw, asked)
        self._pending[asked.person_key] = looks

        def settled(reason: str, said: Sequence[bytes]) -> None:
            del self._pending[asked.person_key]
            answer(reason, said)

        self._keep(records, box, settled)

    def _claim(self, raw: bytes, asked: Request) -> list[Record]:
        current = self._r.leading.election.current
        assert current is not None, "it leads"
        identity, network = self._m.identity, self._ctx.network
        seen = self._r.registry.seen_by(asked.name, asked.person_key)
        records = [make_claim(identity, network, raw, current, seen)]
        if self._r.appointing is not None:
            said = Countersignature(asked.person_key, asked.name)
            records.append(make_appointed(self._r.appointing, network, said))
        return records

    def countersign(self) -> None:
        """The appointed: sign what holders have taken while it was away. A name that somebody has
        by that never changes hands."""
        key, network = self._r.appointing, self._ctx.network
        if key is None or key.key != self._r.appointed_by:
            return
        owners = self._r.registry.owners().values()
        plain = [one for one in owners if one.name == one.claimed and not one.countersigned]
        said = (Countersignature(one.person_key, one.name) for one in plain[:COUNTERSIGNED_AT_ONCE])
        raws = [make_appointed(key, network, one).raw for one in said]
        if raws:
            self._r.keep(raws)

    # -- making it durable, here and at somebody else

    def _keep(self, records: Sequence[Record], box: Keybox, answer: Answer) -> None:
        raws = [record.raw for record in records]

        def durable() -> None:
            self._r.took(raws, box)
            self._keep_elsewhere(raws, box, kept)

        def kept(elsewhere: bool) -> None:
            answer("" if elsewhere else "nobody-answered", raws)

        self._r.commit(raws, box, durable, lambda reason: answer(reason, ()))

    def _keep_elsewhere(
        self, raws: Sequence[bytes], box: Keybox, done: Callable[[bool], None]
    ) -> None:
        number = self._ctx.number()
        frame = wire.Keep(number, tuple(raws), box.raw)
        self._keeping[number] = _Keeping(frame, done, self._ctx.now + KEEP_S, set())
        self._ask_to_keep(number)

    def _ask_to_keep(self, number: int) -> None:
        """Two at a time; where nobody else is willing, it is enough that it is here."""
        keeping = self._keeping.get(number)
        if keeping is None:
            return
        fellows = self._r.fellows()
        linked = [link for link in self._m.links.up() if link.device in fellows]
        if not fellows or self._ctx.now >= keeping.until:
            del self._keeping[number]
            keeping.done(not fellows)
            return
        for device in fellows[:2] if not linked else ():
            self._m.demand(device)
        fresh = [link for link in linked if link.id not in keeping.asked] or linked
        keeping.asked.update(link.id for link in fresh[:2])
        self._m.links.send_all(fresh[:2], keeping.frame)
        again = KEEP_AGAIN_S if linked else KEEP_AGAIN_S / 5
        self._ctx.after(again, partial(self._ask_to_keep, number))

    def on_kept(self, link: Link, frame: wire.Kept) -> None:
        keeping = self._keeping.get(frame.number)
        if keeping is not None and link.id in keeping.asked:
            del self._keeping[frame.number]
            keeping.done(True)

    def on_keep(self, link: Link, frame: wire.Keep) -> None:
        """Another registrar's: keep it, and say so once it is durable."""
        if not (self._r.may_hold and self._r.is_fellow(link.device)):
            return
        if not all(self._r.may_check(link) for _ in (frame.keybox, *frame.records)):
            return
        self._r.checking.check(frame.records, partial(self._keep_for, link, frame))

    def _keep_for(self, link: Link, frame: wire.Keep, fresh: Sequence[bytes]) -> None:
        # Written again where they are here: they may be in memory alone, as after a full disk.
        valid = [raw for raw in frame.records if self._r.registry.has(raw)]
        box = self._r.holding.is_news(frame.keybox)

        def durable() -> None:
            self._r.took(fresh, box, link)
            if self._has(frame):
                self._m.links.send(link.id, wire.Kept(frame.number))

        self._r.commit(valid, box, durable)

    def _has(self, frame: wire.Keep) -> bool:
        """Where there was no room, or something in it isn't valid, it isn't kept."""
        box = kept_keybox(frame.keybox)
        held = self._r.holding.of(box.account) if box is not None else None
        if box is None or held is None or held.version < box.version:
            return False
        return all(self._r.registry.has(raw) for raw in frame.records)
