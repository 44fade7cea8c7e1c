"""Which conversations are shared on which links, and with whom entries and receipts go around."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from p2pchat.config import limits
from p2pchat.model.ids import ConversationId, DeviceId, FeedId, PeerId
from p2pchat.model.records import ConversationKind
from p2pchat.protocol.announce import Device
from p2pchat.protocol.conversations import Conversation
from p2pchat.protocol.link import Link
from p2pchat.protocol.overlay import NETWORK, Mode

if TYPE_CHECKING:
    from p2pchat.protocol.machine import Machine


class Sharing:
    def __init__(self, machine: Machine) -> None:
        self._m = machine
        self._begun: set[tuple[int, ConversationId]] = set()

    def shared(self, link: int, conversation: Conversation) -> bool:
        """Whether the peer may have, and is believed about, this conversation's entries."""
        found = self._m.links.get(link)
        if found is None or not found.up:
            return False
        row = conversation.row
        if row.kind == ConversationKind.DIRECT:
            me = self._m.identity.peer_id
            if found.person in row.peers:
                return not (conversation.mine and self._is_blocked(found.person, conversation))
            return conversation.mine and (
                found.person == me or self._m.directs.holds(found.device, conversation)
            )
        if not conversation.mine:
            return False
        if row.kind == ConversationKind.PROTECTED:
            return conversation.id in found.proven
        if conversation is self._m.rooms.lobby:
            return True
        device = self._m.directory.device(found.device)
        return device is not None and any(room.id == conversation.id for room in device.rooms)

    def member(self, link: int, conversation: Conversation) -> bool:
        """Whether the peer may have what the conversation's entries speak of. Who holds the
        ciphertext for another may not."""
        found = self._m.links.get(link)
        if found is None or not conversation.mine or not self.shared(link, conversation):
            return False
        persons = (*conversation.row.peers, self._m.identity.peer_id)
        return not conversation.direct or found.person in persons

    def _is_blocked(self, person: PeerId, conversation: Conversation) -> bool:
        other = self._m.directs.other(conversation)
        return self._m.people.blocked(person) or self._m.people.blocked(other)

    def refuses(self, author: PeerId, conversation: Conversation) -> bool:
        """Whether nothing of this author's is taken there."""
        if self._m.config.delivers and author != self._m.identity.peer_id:
            return True
        if not conversation.direct:
            return False
        if author not in conversation.row.peers:
            return True
        if not conversation.mine:
            return self._m.directs.full(conversation)
        return self._m.people.blocked(author)

    def is_sated(self, conversation: Conversation) -> bool:
        """Whether nothing more of it is kept here."""
        full = not conversation.mine and self._m.directs.full(conversation)
        return full or self._m.config.delivers

    def begin(self, link: Link, conversation: Conversation) -> None:
        """From now on the peer and this node share the conversation: compare."""
        if not self.shared(link.id, conversation) or (link.id, conversation.id) in self._begun:
            return
        self._begun.add((link.id, conversation.id))
        self._m.gossip.update(conversation)
        self._m.sync.greet(link.id, conversation)
        self._m.receipts.greet(link, conversation)
        self._m.bodies.begun(conversation)
        self._m.files.link_shares(link, conversation)

    def begin_rooms(self, link: Link, device: Device) -> None:
        for room in device.rooms:
            conversation = self._m.conversations.get(room.id)
            if conversation is None or not conversation.mine or conversation.direct:
                continue
            if conversation.row.kind == ConversationKind.PROTECTED:
                self._m.membership.prove(link, conversation)
            self.begin(link, conversation)

    def neighbours(self, conversation: Conversation) -> tuple[Sequence[DeviceId], bool]:
        sharers = [link.device for link in self._m.links.up() if self.shared(link.id, conversation)]
        if conversation.direct:
            return sorted(sharers), True
        graph = NETWORK if conversation is self._m.rooms.lobby else conversation.id
        neighbours = self._m.overlay.neighbours(graph)
        if len(set(sharers).intersection(neighbours)) < limits.RINGS:
            # Neighbours that can't be reached, or were made up, don't leave a node alone.
            neighbours = tuple(dict.fromkeys((*neighbours, *sorted(sharers))))
        return neighbours, self._m.overlay.mode(graph) is Mode.MESH

    def update_trees(self) -> None:
        for conversation in self._m.conversations:
            self._m.gossip.update(conversation)

    def audience(self, conversation: Conversation) -> list[Link]:
        return [link for link in self._m.links.up() if self.shared(link.id, conversation)]

    def member_count(self, conversation: Conversation) -> int:
        if conversation.direct:
            return 2
        if conversation is self._m.rooms.lobby:
            return self._m.overlay.size
        return sum(row.joined for row in conversation.members.values())

    def forget(self, conversation: Conversation) -> None:
        for link in self._m.links.up():
            link.proven.discard(conversation.id)
        self._m.sync.forget(conversation)
        self._m.gossip.forget(conversation)
        self._m.ingest.forget()
        self._begun = {pair for pair in self._begun if pair[1] != conversation.id}

    def introduce(self, link: int, feed: FeedId) -> None:
        """Who comes late is told who wrote: the author may not be there to say it."""
        found, author = self._m.links.get(link), self._m.ingest.author(feed)
        if found is not None and author is not None and author != found.person:
            self._m.directory.introduce(found, author)

    def end(self, link: Link, conversation: Conversation) -> None:
        """The peer has left the room."""
        self._begun.discard((link.id, conversation.id))
        link.proven.discard(conversation.id)

    def link_down(self, link: Link) -> None:
        self._begun = {pair for pair in self._begun if pair[0] != link.id}
