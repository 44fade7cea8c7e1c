"""Looking for what is missing below what is here: the beginning of a feed, which others may have
pruned, or a hole.

Once all that was shown has been fetched, everyone who is linked is asked for a vector, one after
the other. What none of them has is out of reach: it is neither asked for again nor waited for,
until somebody comes, or says with a digest that their spans begin elsewhere now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from p2pchat.model.ids import ConversationId, FeedId
from p2pchat.protocol import wire
from p2pchat.protocol.context import Context, Timer
from p2pchat.protocol.conversations import Conversation, lows_digest

ASK = bytes(16)
"""A digest that asks for the vector in any case; an empty conversation's is the same."""
ANSWER_S = 10.0
"""From asking to the vector; who takes longer is passed over, and asked again when it says how it
stands."""
UNKNOWN = b""
"""In place of a digest: nothing is known that would last."""


@dataclass(slots=True)
class _Round:
    """The search in one conversation."""

    conversation: Conversation
    sought: frozenset[bytes]
    """The bottoms that it is about."""
    shown: dict[int, bytes] = field(default_factory=dict)
    """By link that has shown its vector meanwhile: the digest of its lows."""
    asked: int | None = None
    timer: Timer | None = None
    told: set[int] = field(default_factory=set)
    """Links that were told how much is here, what is out of reach not counted."""
    touched: set[FeedId] = field(default_factory=set)
    """Feeds with gaps of which something came since the search began anew."""


class Search:
    def __init__(
        self,
        context: Context,
        send: Callable[[int, wire.Frame], None],
        audience: Callable[[Conversation], Sequence[int]],
        ended: Callable[[Conversation, Sequence[int], Iterable[FeedId]], None],
    ) -> None:
        """`ended` is told what nobody has, and is given the links that haven't been told since
        how much is here, and the feeds of which the others should hear."""
        self._ctx = context
        self._send = send
        self._audience = audience
        self._ended = ended
        self._rounds: dict[ConversationId, _Round] = {}

    def asks(self, conversation: Conversation, link: int) -> bool:
        """Whether this peer is to show its vector in any case."""
        if not conversation.gaps:
            return False
        found = self._rounds.get(conversation.id)
        if found is not None and link in found.shown:
            return False
        conversation.unreachable = frozenset()
        return True

    def vector(self, conversation: Conversation, link: int, rows: Sequence[wire.Row]) -> None:
        """A peer has shown its whole vector."""
        found = self._rounds.get(conversation.id)
        if found is None:
            return
        lasts = not _is_behind(conversation, rows)
        lows = lows_digest((row.feed, row.low) for row in rows)
        self._note(found, link, lows if lasts else UNKNOWN)

    def failed(self, conversation: ConversationId, link: int) -> None:
        """A peer didn't give what it has shown, or it couldn't be kept."""
        found = self._rounds.get(conversation)
        if found is not None:
            self._note(found, link, UNKNOWN)

    def _note(self, found: _Round, link: int, lows: bytes) -> None:
        found.shown[link] = lows
        if found.asked == link:
            self._stop_waiting(found)

    @staticmethod
    def _stop_waiting(found: _Round) -> None:
        found.asked = None
        if found.timer is not None:
            found.timer.cancel()

    def digest(self, conversation: Conversation, link: int, lows: bytes) -> None:
        """How a peer stands now: perhaps it has more than it has shown."""
        found = self._rounds.get(conversation.id)
        if found is not None and found.shown.get(link, lows) != lows:
            del found.shown[link]

    def arrived(self, conversation: Conversation, feeds: Iterable[FeedId]) -> None:
        found = self._rounds.get(conversation.id)
        if found is not None and not conversation.caught_up():
            found.touched.update(feed for feed in feeds if feed in conversation.gaps)

    def go_on(self, conversation: Conversation) -> None:
        """Nothing is on its way: whatever is missing now, nobody was known to have."""
        sought = frozenset(span.bottom for spans in conversation.gaps.values() for span in spans)
        found = self._rounds.get(conversation.id)
        if not sought:
            self.forget(conversation)
            return
        if found is None or not sought <= found.sought:
            self.forget(conversation)
            found = self._rounds[conversation.id] = _Round(conversation, sought)
        if found.asked is not None:
            return
        links = self._audience(conversation)
        unasked = next((link for link in links if link not in found.shown), None)
        if unasked is not None:
            self._ask(conversation, found, unasked)
        elif links:
            self._end(conversation, found, links)

    def _ask(self, conversation: Conversation, found: _Round, link: int) -> None:
        found.asked = link

        def overdue() -> None:
            self._note(found, link, UNKNOWN)
            if self._rounds.get(conversation.id) is found:
                self.go_on(conversation)

        found.timer = self._ctx.after(ANSWER_S, overdue)
        self._send(link, wire.Digest(conversation.id, ASK))

    def _end(self, conversation: Conversation, found: _Round, links: Sequence[int]) -> None:
        conversation.unreachable = found.sought
        new = [link for link in links if link not in found.told]
        touched, found.touched = found.touched, set()
        found.told.update(new)
        if new or touched:
            self._ended(conversation, new, touched)

    def link_closed(self, link: int) -> list[Conversation]:
        """Where something is sought that this peer might have had."""
        for found in self._rounds.values():
            found.shown.pop(link, None)
            found.told.discard(link)
            if found.asked == link:
                self._stop_waiting(found)
        return [found.conversation for found in self._rounds.values()]

    def forget(self, conversation: Conversation) -> None:
        found = self._rounds.pop(conversation.id, None)
        if found is not None:
            self._stop_waiting(found)


def _is_behind(conversation: Conversation, rows: Sequence[wire.Row]) -> bool:
    """Whether the peer is still to get what stands above a gap here: it may fill that as well
    without its lows showing it."""
    tops = dict.fromkeys(conversation.gaps, -1)
    for row in rows:
        if row.feed in tops:
            tops[row.feed] = max(tops[row.feed], row.high)
    return any(
        top < max(span.low for span in conversation.gaps[feed]) - 1 for feed, top in tops.items()
    )
