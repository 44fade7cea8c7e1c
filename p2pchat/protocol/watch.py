"""What a person should know: refused links, clocks, forks, and a profile that runs twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from p2pchat.config import limits
from p2pchat.events import RUNS_TWICE, Warned
from p2pchat.model.ids import ConversationId, DeviceId, FeedId, InstanceId, PeerId
from p2pchat.model.people import Status
from p2pchat.model.text import quoted, safe_text
from p2pchat.protocol.announce import Device
from p2pchat.protocol.conversations import Conversation
from p2pchat.protocol.ingest import Arrival
from p2pchat.protocol.link import Link

if TYPE_CHECKING:
    from p2pchat.protocol.machine import Machine

CLOCK_WARNED = "clock-off"
CLOCK_AFTER_S = 2.0
ELSEWHERE = "signed-in-elsewhere"
ELSEWHERE_AFTER_S = 3.0
"""Who is signing in is told by the answer where else they are."""
CLAIMS_BELIEVED = 16
TELL_AGAIN_S = 600.0
MAX_TOLD = 100
"""Warnings of one kind; more than these help nobody."""
_UNITS = (
    ("years", 365 * limits.DAY_MS), ("days", limits.DAY_MS), ("hours", 3_600_000),
    ("minutes", 60_000),
)  # fmt: skip
_REFUSALS = {
    "wrong-code": "Somebody at {} is in this network but has another network code, or none.",
    "protocol": "Somebody at {} sent what isn't allowed; the link was closed.",
    "other-version": "Somebody at {} runs a version that doesn't go together with this one.",
}
"""What a person is told of a link that was refused, by reason."""


class Watch:
    def __init__(self, machine: Machine) -> None:
        self._m = machine
        self._clock_warned: set[PeerId] = set()
        self._forks_told: set[FeedId] = set()
        self._twins_told: set[InstanceId] = set()
        self._elsewhere_told: set[DeviceId] = set()
        self._told_at: dict[tuple[str, str], float] = {}
        """When, by source and reason."""
        self._claims: Counter[ConversationId] = Counter()
        """Unproven ones of an own feed's rollback."""
        self._rolled_back: set[FeedId] = set()

    def link_refused(self, link: Link, reason: str) -> None:
        """This side or the other doesn't want the link; people are told once of what they can
        mend."""
        text = _REFUSALS.get(reason)
        if text is not None and self._is_news(link.source, reason):
            self._m.ctx.notify(Warned(reason, text.format(link.info.address[0])))

    def stranger_lied(self, host: str) -> None:
        """A connection that showed a certificate which doesn't prove who it is."""
        if self._is_news(host, "bad-certificate"):
            text = f"{host} showed keys that it couldn't prove"
            self._m.ctx.notify(Warned("bad-certificate", text))

    def served_wrong(self, link: Link) -> None:
        """A block of a file isn't what its offer says: the peer lies, or its disk does."""
        if self._is_news(link.source, "wrong-pieces"):
            label = self._m.people.label(link.person)
            text = f"{label} served wrong pieces of a file; nothing of them was kept"
            self._m.ctx.notify(Warned("wrong-pieces", text, peer_id=link.person))

    def file_barred(self, name: str, conversation: Conversation) -> None:
        """A large file that nobody has who is linked directly."""
        if self._is_news(conversation.label, "file-relayed"):
            name = safe_text(name, multiline=False)
            text = (
                f"{name} waits for a direct connection: who has it is reached only through another "
                "computer, and large files don't go that way."
            )
            self._m.ctx.notify(Warned("file-relayed", text, conversation=conversation.label))

    def store_failed(self, reason: str, text: str) -> None:
        """What couldn't be stored is told in the answer to each request; this once for all."""
        if self._is_news("the store", reason):
            self._m.ctx.notify(Warned(reason, text))

    def _is_news(self, source: str, reason: str) -> bool:
        """Whether people haven't been told of this for a while: one machine can show as many
        devices as it likes."""
        now, told = self._m.ctx.now, self._told_at
        if now - told.get((source, reason), -TELL_AGAIN_S) < TELL_AGAIN_S:
            return False
        if len(told) >= MAX_TOLD:
            del told[min(told, key=lambda key: told[key])]
        told[source, reason] = now
        return True

    def twin_found(self, instance: InstanceId) -> None:
        """The profile runs twice: the one with the larger instance goes on as a new device."""
        if self._m.instance < instance:
            if instance in self._twins_told or len(self._twins_told) >= MAX_TOLD:
                return
            self._twins_told.add(instance)
            text = "This profile also runs elsewhere; the other one becomes a device of its own."
            self._m.ctx.notify(Warned(RUNS_TWICE, text))
            return
        if self._m.renewal.under_way:
            return
        text = "This profile also runs elsewhere; from now on this is a device of its own."
        self._m.ctx.notify(Warned(RUNS_TWICE, text))
        self._m.renewal.new_device()

    def own_device(self, device: Device) -> None:
        """The account that is signed in here is open on another computer too, which may be: but
        its person shall know of each, as it may be somebody who has come by the password."""
        here = device.status is not Status.OFFLINE and device.person == self._m.identity.peer_id
        if not here or device.id in self._elsewhere_told:
            return
        link = self._m.links.of(device.id)
        host = link.info.address[0] if link is not None and not link.info.relayed else ""
        self._m.ctx.after(ELSEWHERE_AFTER_S, lambda: self._tell_elsewhere(device.id, host))

    def knows_elsewhere(self, devices: Iterable[DeviceId]) -> None:
        """The person knows that the account is open there."""
        self._elsewhere_told.update(devices)

    def _tell_elsewhere(self, id: DeviceId, host: str) -> None:
        told = self._elsewhere_told
        registered = self._m.registrar.has_account(self._m.identity.peer_id)
        if not registered or id in told or len(told) >= MAX_TOLD:
            return
        told.add(id)
        text = (
            "Your account was opened on another computer as well. If that wasn't you, somebody "
            "else knows its password."
        )
        if host:
            text = (
                f"Your account was opened on another computer as well, at {host}. If that wasn't "
                "you, somebody else knows its password."
            )
        self._m.ctx.notify(Warned(ELSEWHERE, text))

    def check_clock(self, link: Link) -> None:
        """A link is up. Soon its person's name is here, and other links, which together know
        better what time it is."""
        self._m.ctx.after(CLOCK_AFTER_S, lambda: self._check_clock(link))

    def _check_clock(self, link: Link) -> None:
        """Whose clock is off is told once: where it is this one's, that, and not of all others
        that theirs are."""
        own = self._m.ctx.wall_ms - self._m.clocks.now_ms()
        mine = abs(own) >= limits.CLOCK_WARNING_MS
        off, person = (own, self._m.identity.peer_id) if mine else (link.offset_ms, link.person)
        told = self._clock_warned
        if abs(off) < limits.CLOCK_WARNING_MS or person in told or len(told) >= MAX_TOLD:
            return
        told.add(person)
        way = "ahead of" if off > 0 else "behind"
        who = quoted(self._m.people.label(person))
        number, unit = _span(abs(off))
        text = f"The clock of {who} is {number} {unit} {way} this one's."
        if mine:
            text = f"This computer's clock is {number} {unit} {way} the others'."
        self._m.ctx.notify(Warned(CLOCK_WARNED, text, peer_id=None if mine else person))

    def own_tip_claimed(self, conversation: Conversation, feed: FeedId) -> None:
        """A peer says that it has more of the feed that this device writes: from now on another
        one is written, lest it be forked. It may be a lie, so people aren't told before such an
        entry is here, and who lies goes on lying: that many are believed."""
        claims = self._claims[conversation.id]
        if feed == conversation.row.own_feed and claims < CLAIMS_BELIEVED:
            self._claims[conversation.id] += 1
            self._m.ingest.writer.retire(conversation)

    def _own_entry_came(self, conversation: Conversation, feed: FeedId) -> None:
        """An entry of this device's own that wasn't here: a copy of the profile has written it,
        or this store was rolled back."""
        self._claims.pop(conversation.id, None)
        if feed == conversation.row.own_feed:
            self._m.ingest.writer.retire(conversation)
        if feed in self._rolled_back:
            return
        self._rolled_back.add(feed)
        text = (
            "Others have messages of this device that it doesn't have: the profile was copied or "
            "restored. It goes on in a new feed."
        )
        self._m.ctx.notify(Warned("feed-rolled-back", text, conversation=conversation.label))

    def arrived(self, arrival: Arrival) -> None:
        own = self._m.identity.device.key
        for entry, _ in arrival.new():
            if entry.header.feed[:32] == own:
                self._own_entry_came(arrival.conversation, entry.header.feed)
        for feed in {entry.header.feed for entry in arrival.entries}:
            spans = arrival.conversation.spans.get(feed, ())
            if sum(not span.bottom for span in spans) > 1:
                self._forked(arrival.conversation, feed)

    def _forked(self, conversation: Conversation, feed: FeedId) -> None:
        if feed in self._forks_told or len(self._forks_told) >= MAX_TOLD:
            return
        self._forks_told.add(feed)
        author = self._m.ingest.author(feed)
        who = quoted(self._m.people.label(author)) if author else "Someone"
        text = f"{who} wrote two different histories from one device; both are shown."
        self._m.ctx.notify(
            Warned("forked-feed", text, peer_id=author, conversation=conversation.label)
        )


def _span(ms: int) -> tuple[int, str]:
    """Rounded, in the largest unit of which it has two or more, else in the smallest."""
    spans = [(round(ms / unit), name) for name, unit in _UNITS]
    return next((span for span in spans if span[0] >= 2), spans[-1])
