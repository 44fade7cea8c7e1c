"""A LAN of simulated hosts, and what has to hold of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from random import Random

from clockwork import Clockwork
from fabric import Fabric
from host import Host
from memory_store import MemoryStore

from p2pchat.model.ids import EntryHash
from p2pchat.protocol.hashing import network_tag, open_room_id

LOBBY = open_room_id(network_tag("lan"), "lobby")
DAY_MS = 24 * 3600 * 1000


class World:
    def __init__(self, seed: int) -> None:
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

    def add(self, store: MemoryStore | None = None, clock_off_ms: int = 0) -> Host:
        name = f"host{len(self.hosts)}"
        rng = Random(self.rng.getrandbits(64))
        host = Host(self.fabric, name, store or MemoryStore(), rng, clock_off_ms)
        self.hosts.append(host)
        host.start()
        return host

    def say(self, host: Host, conversation: str = "#lobby") -> None:
        self._texts += 1
        text = f"{self._texts} from {host.name}"
        host.ask(host.machine.commands.send, 0, conversation, text, None)

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

    def equal(self, hosts: Sequence[Host]) -> bool:
        """All hold the same entries of the lobby, and show the same messages in one order."""
        first, *others = hosts
        entries = first.store.hashes(LOBBY)
        if any(host.store.hashes(LOBBY) != entries for host in others):
            return False
        shown = first.store.all_messages(LOBBY)
        return all(
            [(row.hash, row.text, row.deleted) for row in host.store.all_messages(LOBBY)]
            == [(row.hash, row.text, row.deleted) for row in shown]
            for host in others
        )

    def wait(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        if not self.clock.run_until(condition, seconds):
            raise AssertionError(f"not within {seconds} s: {what}\n{self.describe()}")

    def describe(self) -> str:
        lines = []
        for host in self.hosts:
            held = len(host.store.hashes(LOBBY))
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
                for host in hosts:
                    assert host.store.entry(hash) is not None, (
                        f"{host.name} lacks {message.text!r}, acknowledged by {author.name}"
                    )

    def check_order(self, host: Host) -> None:
        """Every entry stands behind all that its author had seen."""
        for hash in host.store.hashes(LOBBY):
            entry = host.store.entry(hash)
            assert entry is not None
            header = entry.header
            for before in (header.prev, *header.heads):
                seen = host.store.entry(EntryHash(before)) if before else None
                assert seen is None or seen.order < entry.order, "behind what it names"

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
