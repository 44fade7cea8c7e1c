"""Two honest nodes that chat while somebody attacks one of them, and what must hold then."""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from harness import Lan, Node, environment, wait_linked, wait_until
from lan_talk import say, texts

MIB = 1024 * 1024
MEMORY = 20 * MIB
DESCRIPTORS = 100
AFTER_S = 15.0
"""By then memory and descriptors are back."""
ANSWER_S = 1.0
"""Within which the honest hear each other, whatever is going on."""
PAUSE_S = 0.1
ATTACKER = 2


class Chat:
    """Lines back and forth between two nodes, with the time that each took."""

    def __init__(self, one: Node, other: Node) -> None:
        self._pair = (one, other)
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._talk)
        self.took: list[float] = []
        self.error: BaseException | None = None

    def _talk(self) -> None:
        try:
            for number, (one, other) in enumerate(itertools.cycle((self._pair, self._pair[::-1]))):
                if self._ends.wait(PAUSE_S):
                    return
                self.took.append(latency(one, other, f"line {number}"))
        except BaseException as error:
            self.error = error

    def __enter__(self) -> Chat:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()


def latency(one: Node, other: Node, text: str) -> float:
    """Seconds from the request to the other's event, and of those no more than the main threads of
    the two have worked: while they wait for a core or a disk, it is this machine that is slow."""
    mark, began, (worked, waited) = other.mark(), time.monotonic(), cores(one, other)
    sent = say(one, text)
    heard = other.wait_event(
        "message.received", lambda body: body["message"]["message_id"] == sent, 15.0, mark
    )
    work, wait = cores(one, other)
    return min(heard.at - began - (wait - waited), work - worked)


def cores(*nodes: Node) -> tuple[float, float]:
    """Seconds that the nodes' main threads have had a core so far, and have waited for one."""
    try:
        read = [Path(f"/proc/{node.pid}/schedstat").read_text().split() for node in nodes]
    except OSError:  # a kernel that doesn't count it
        return time.monotonic(), 0.0
    return sum(int(one[0]) for one in read) / 1e9, sum(int(one[1]) for one in read) / 1e9


def launch(
    lan: Lan, host: int, address: tuple[str, int], attack: str, *words: str
) -> subprocess.Popen[bytes]:
    """Start an attack on the address; its process says `done` on stdout, and goes on until its
    input ends."""
    here = Path(__file__).resolve().parent
    env = environment(lan.directory / "home")
    env["PYTHONPATH"] += f":{here}"
    name, port = address
    return lan.popen(
        host,
        [sys.executable, str(here / "hostile_attacks.py"), attack, name, str(port), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=env,
    )


class Siege:
    """Three hosts: a victim, its friend, and the attacker."""

    def __init__(self, lan: Lan, *options: str) -> None:
        """`options`: of the victim."""
        self.lan = lan
        self.victim = lan.node(0, "--name", "Ann", *options)
        self.friend = lan.node(1, "--name", "Bob")
        wait_linked([self.victim, self.friend])
        _, port = self.victim.call("node.info")["listen"][0].rsplit(":", 1)
        self.port = int(port)
        # What a node allocates once, it has allocated before anything is measured.
        for number in range(50):
            say(self.victim, f"warming {number}")
            say(self.friend, f"warming up {number}")
        texts(self.victim)
        self.process = psutil.Process(self.victim.pid)

    @property
    def nodes(self) -> list[Node]:
        return [self.victim, self.friend]

    @property
    def address(self) -> tuple[str, int]:
        return self.lan.hosts[0].address, self.port

    def launch(self, attack: str, *words: str, host: int = ATTACKER) -> subprocess.Popen[bytes]:
        return launch(self.lan, host, self.address, attack, *words)

    @contextlib.contextmanager
    def attack(self, name: str, *words: str, timeout: float = 80.0) -> Iterator[int]:
        """Attack while the two chat, and see that they hardly notice. The body runs when the
        attack is over and its connections are still there; it gets the victim's `mark` of
        before."""
        memory, mark = self.process.memory_info().rss, self.victim.mark()
        process = self.launch(name, *words)
        assert process.stdout is not None
        with Chat(self.victim, self.friend) as chat:
            said: list[bytes] = []
            reader = threading.Thread(target=lambda: said.append(process.stdout.readline()))  # type: ignore[union-attr]  # as above
            reader.start()
            reader.join(timeout)
            assert said == [b"done\n"], f"the attack {name} came to nothing: {said}"
            yield mark
            wait_until(lambda: len(chat.took) >= 4 or chat.error, what="a few lines")
        assert process.stdin is not None
        process.stdin.close()
        process.wait()
        process.stdout.close()
        self._hardly_noticed(chat, memory)

    @contextlib.contextmanager
    def meanwhile(self, name: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run the body while the attack goes on and the two chat, from when its link is there."""
        memory, before = self.process.memory_info().rss, self.linked()
        process = self.launch(name, *words)
        with Chat(self.victim, self.friend) as chat:
            wait_until(lambda: self.linked() - before, what="the attacker's link")
            yield process
        said, _ = process.communicate(timeout=40)
        assert said == b"done\n", f"the attack {name} came to nothing: {said!r}"
        self._hardly_noticed(chat, memory)

    def _hardly_noticed(self, chat: Chat, memory: int) -> None:
        if chat.error is not None:
            raise chat.error
        slowest = max(chat.took)
        assert slowest < ANSWER_S, f"a line took {slowest:.2f} s of {len(chat.took)}"
        self.recovered(memory)

    def linked(self) -> set[str]:
        """Whom the victim has links to."""
        return {peer["peer_id"] for peer in self.victim.call("peers.list") if peer["linked"]}

    def warned(self, reason: str, mark: int) -> None:
        """The victim's front end is told."""
        self.victim.wait_event("warning", lambda body: bool(body["reason"] == reason), since=mark)

    def recovered(self, memory: int) -> None:
        def back() -> bool:
            grown: int = self.process.memory_info().rss - memory
            descriptors: int = self.process.num_fds()
            return grown < MEMORY and descriptors < DESCRIPTORS

        try:
            wait_until(back, AFTER_S, "memory and descriptors as before")
        except TimeoutError as error:
            grown = (self.process.memory_info().rss - memory) / MIB
            error.add_note(f"{grown:.0f} MiB more, {self.process.num_fds()} descriptors")
            raise
        for node in self.nodes:
            assert node.running
            assert "Traceback" not in node.stderr(), node.stderr()[-3000:]
