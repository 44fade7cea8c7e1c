"""A LAN of simulated hosts, and what has to hold of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import Any

from clockwork import Clockwork
from fabric import Fabric
from host import Host
from memory_store import MemoryStore
from signatures import verify_once

from p2pchat.model.entry import TextBody
from p2pchat.model.ids import ConversationId, EntryHash
from p2pchat.model.records import ConversationKind
from p2pchat.protocol.hashing import network_tag, open_room_id

LOBBY = open_room_id(network_tag("lan"), "lobby")
DAY_MS = 24 * 3600 * 1000


class World:
    def __init__(self, seed: int) -> None:
        verify_once()
        self.seed = seed
        self.rng = Random(seed)
        self.clock = Clockwork()
        self.fabric = Fabric(self.clock, self.rng)
        self._texts = 0

    @property
    def hosts(self) -> list[Host]:
        return self.fabric.hosts

    @property
    def running(self) -> list[Host]:
        return [host for host in self.hosts if host.up and not host.frozen]

    def add(self, store: MemoryStore | None = None, clock_off_ms: int = 0, **config: Any) -> Host:
        name = f"host{len(self.hosts)}"
        rng = Random(self.rng.getrandbits(64))
        host = Host(self.fabric, name, store or MemoryStore(), rng, clock_off_ms, **config)
        self.hosts.append(host)
        host.start()
        return host

    def text(self, host: Host) -> str:
        self._texts += 1
        return f"{self._texts} from {host.name}"

    def say(self, host: Host, conversation: str = "#lobby") -> None:
        host.ask(host.machine.commands.send, 0, conversation, self.text(host), None)

    def split(self, one: Iterable[Host], other: Iterable[Host]) -> None:
        others = list(other)
        for left in one:
            for right in others:
                self.fabric.part(left, right)

    # -- what has to hold

    def linked(self, hosts: Sequence[Host]) -> bool:
        """Each to each."""
        devices = {host.device for host in hosts}
        return all(
            devices - {host.device} <= {link.device for link in host.machine.links.up()}
            for host in hosts
        )

    def conversations(self) -> set[ConversationId]:
        """All that somebody takes part in."""
        return {
            conversation.id
            for host in self.running
            for conversation in host.machine.conversations.mine()
        }

    def members(self, conversation: ConversationId, hosts: Sequence[Host]) -> list[Host]:
        found = [(host, host.machine.conversations.get(conversation)) for host in hosts]
        return [host for host, known in found if known is not None and known.mine]

    def equal(self, hosts: Sequence[Host]) -> bool:
        """All members hold the same entries, and show the same messages in the same order."""
        return all(
            self._alike(conversation, self.members(conversation, hosts))
            for conversation in self.conversations()
        )

    def _alike(self, conversation: ConversationId, hosts: Sequence[Host]) -> bool:
        if not hosts:
            return True
        first, *others = hosts
        entries = first.store.hashes(conversation)
        if any(host.store.hashes(conversation) != entries for host in others):
            return False
        shown = self._shown(first, conversation)
        return all(self._shown(host, conversation) == shown for host in others)

    @staticmethod
    def _shown(host: Host, conversation: ConversationId) -> list[object]:
        return [
            (row.hash, row.text, row.edited, row.deleted, row.reactions)
            for row in host.store.all_messages(conversation)
        ]

    def wait(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        if not self.clock.run_until(condition, seconds):
            raise AssertionError(f"not within {seconds} s: {what}\n{self.describe()}")

    def describe(self) -> str:
        lines = []
        for host in self.hosts:
            held = len(host.store.all_entries())
            links = sorted(link.device[:4] for link in host.machine.links.up()) if host.up else []
            state = "off" if not host.up else "asleep" if host.frozen else "up"
            lines.append(
                f"  {host.name} {host.device[:4]} {state}: {held} entries, linked to {links}, "
                f"warned {sorted(set(host.warnings))}, refused {host.refused}"
            )
        return "\n".join(lines)

    def check_acknowledged(self, hosts: Sequence[Host]) -> None:
        """Nothing that was acknowledged is lost."""
        for author in self.hosts:
            for message in author.acknowledged:
                hash = EntryHash(bytes.fromhex(message.message_id))
                entry = author.store.entry(hash)
                assert entry is not None, f"{author.name} has lost {message.text!r}"
                for host in self.members(entry.header.conversation, hosts):
                    assert host.store.entry(hash) is not None, (
                        f"{host.name} lacks {message.text!r}, acknowledged by {author.name}"
                    )

    def check_order(self, host: Host) -> None:
        """Every entry stands behind all that its author had seen."""
        for entry in host.store.all_entries():
            header = entry.header
            for before in (header.prev, *header.heads):
                seen = host.store.entry(EntryHash(before)) if before else None
                assert seen is None or seen.order < entry.order, "behind what it names"

    def check_secrets(self, host: Host) -> None:
        """Who isn't one of the two has ciphertext of a direct message at most; and of what was
        deleted nobody has the text."""
        me = host.machine.identity.peer_id
        for row in host.store.load().conversations:
            for entry in host.store.entries_of(row.id):
                if row.kind == ConversationKind.DIRECT and me not in row.peers:
                    assert not isinstance(entry.content, TextBody), "somebody else's secret"
            for message in host.store.all_messages(row.id):
                kept = host.store.entry(message.hash)
                assert kept is not None
                assert not (message.deleted and kept.wire.body), "a deleted text is still there"

    def check_told_once(self, hosts: Sequence[Host]) -> None:
        for host in hosts:
            twice = [id for id, times in host.received.items() if times > 1]
            assert not twice, f"{host.name} was told of {twice} more than once"

    def check_forks_are_told(self, hosts: Sequence[Host]) -> None:
        """No node holds two histories of one device without a word."""
        warned = {"forked-feed", "profile-runs-twice", "feed-rolled-back"}
        for host in hosts:
            if host.store.forked_feeds():
                assert warned & set(host.warnings), f"{host.name} has a silent fork"
