"""Who is in a protected room: proofs of its key on a link, and what those get who have proven to
know its password."""

from __future__ import annotations

from p2pchat.model.records import ConversationKind
from p2pchat.protocol import pake, sealing, wire
from p2pchat.protocol.conversations import Conversation, Conversations
from p2pchat.protocol.link import Link
from p2pchat.protocol.links import Links


class Membership:
    def __init__(self, conversations: Conversations, links: Links) -> None:
        self._conversations = conversations
        self._links = links

    # -- proving membership on a link

    def prove(self, link: Link, conversation: Conversation) -> None:
        """Show to a peer that says to be in a protected room that this side has its key."""
        if link.hello is None or not conversation.row.keys:
            return
        proof = sealing.membership_proof(
            conversation.row.keys[0][1],
            link.info.own_leaf,
            link.info.peer_leaf,
            link.nonce,
            link.hello.nonce,
        )
        self._links.send(link.id, wire.RoomProof(conversation.id, proof))

    def on_proof(self, link: Link, frame: wire.RoomProof) -> Conversation | None:
        """The room, where the proof is right and new."""
        conversation = self._conversations.get(frame.conversation)
        if conversation is None or not conversation.mine or link.hello is None:
            return None
        if conversation.row.kind != ConversationKind.PROTECTED or not conversation.row.keys:
            return None
        right = sealing.check_membership(
            frame.proof,
            conversation.row.keys[0][1],
            link.info.own_leaf,
            link.info.peer_leaf,
            link.nonce,
            link.hello.nonce,
        )
        if not right or conversation.id in link.proven:
            return None
        link.proven.add(conversation.id)
        return conversation

    # -- answering those who want to join

    def secret(self, conversation: bytes) -> bytes | None:
        found = self._conversations.get(conversation)
        return found.row.secret if found is not None and found.mine and found.row.secret else None

    def grant(self, conversation: bytes) -> bytes:
        found = self._conversations.get(conversation)
        assert found is not None, "secret() was asked before"
        keys = tuple(key for _, key in found.row.keys)
        return pake.encode_grant(pake.RoomGrant(found.row.name, keys))
