"""A real LAN on one machine: network namespaces on bridges, inside a namespace of their own.

Nothing of it touches the machine's own network. One holder process owns the outer network and a
mount namespace with a private /run, so names never collide; when it goes, everything goes: it
ends with its standard input, so also when the test process dies.

Works as root, and as a plain user where user namespaces are allowed (`unavailable` says why not).
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from lan_node import Node, wait_until

REPOSITORY = Path(__file__).resolve().parents[2]
SETUP_S = 30.0

_HOLD = """
mount -t tmpfs tmpfs /run && mkdir /run/netns && ip link set lo up && echo ready || exit 1
read -r line
for name in /run/netns/*; do
    ip netns pids "${name##*/}"
done | xargs -r kill -KILL 2>/dev/null
"""


class LanUnavailable(Exception):
    """This machine can't make namespaces; the text says why."""


@dataclass
class Host:
    """One machine of the LAN. `eth0` is its cable; the others come by `Lan.add_*`."""

    number: int
    subnet: int
    address: str
    address6: str
    """Link-local, without zone."""
    broadcast: str
    nodes: list[Node] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"h{self.number}"

    @property
    def port(self) -> str:
        """The bridge's end of the cable."""
        return f"p{self.number}"


class Lan:
    """`with Lan(hosts=3) as lan`: hosts 0, 1, 2 on one switch, at 10.77.0.1 and on.

    `Lan(subnets=(2, 3))` has two switches, 10.77.0.0/24 and 10.77.1.0/24, and a router.
    Every host has IPv6 link-local addresses, multicast and broadcast, and no default route
    unless there is a router.
    """

    def __init__(
        self,
        hosts: int = 2,
        subnets: Sequence[int] | None = None,
        directory: Path | None = None,
        program: Sequence[str] = (sys.executable, "-m", "p2pchat", "rpc"),
    ) -> None:
        self.subnets = tuple(subnets or (hosts,))
        self.hosts = [
            Host(0, subnet, f"10.77.{subnet}.{n}", f"fe80::{subnet}:{n:x}", f"10.77.{subnet}.255")
            for subnet, size in enumerate(self.subnets)
            for n in range(1, size + 1)
        ]
        for number, host in enumerate(self.hosts):
            host.number = number
        self._program = tuple(program)
        self._own_directory = directory is None
        self.directory = directory or Path(tempfile.mkdtemp(prefix="lan-"))
        self._holder: subprocess.Popen[bytes] | None = None
        self._processes: list[subprocess.Popen[bytes]] = []
        self._bridges = len(self.subnets)

    # -- coming and going

    def __enter__(self) -> Lan:
        try:
            self._holder = _start_holder()
            self._lay_cables()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if kind is not None:
            for host in self.hosts:
                for node in host.nodes:
                    sys.stderr.write(f"-- stderr of {host.name}:\n{node.stderr()[-2000:]}\n")
        self.close()

    def close(self) -> None:
        """Kill what still runs, and take the network down."""
        for node in (node for host in self.hosts for node in host.nodes):
            node.kill9()
        for process in self._processes:
            with contextlib.suppress(BrokenPipeError), process:
                process.kill()
        if self._holder is not None:
            self._holder.communicate()
            self._holder = None
        if self._own_directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    def _lay_cables(self) -> None:
        lines = [line for bridge in range(self._bridges) for line in _bridge(bridge)]
        for host in self.hosts:
            lines += [
                f"netns add {host.name}",
                *_cable(host.port, "eth0", host.name, host.subnet),
            ]
        if len(self.subnets) > 1:
            lines.append("netns add router")
            for subnet in range(len(self.subnets)):
                lines += _cable(f"r{subnet}", f"eth{subnet}", "router", subnet)
        self._batch(lines)
        script = "".join(self._host_script(host) for host in self.hosts)
        if len(self.subnets) > 1:
            script += self._router_script()
        self.shell(script)

    def _host_script(self, host: Host) -> str:
        lines = [
            "link set lo up",
            "link set eth0 addrgenmode none up",
            f"addr add {host.address}/24 brd + dev eth0",
            f"addr add {host.address6}/64 dev eth0 nodad",
        ]
        if len(self.subnets) > 1:
            lines.append(f"route add default via 10.77.{host.subnet}.254")
        return _ip_script(host.name, lines)

    def _router_script(self) -> str:
        lines = ["link set lo up"]
        for subnet in range(len(self.subnets)):
            lines += [
                f"link set eth{subnet} addrgenmode none up",
                f"addr add 10.77.{subnet}.254/24 brd + dev eth{subnet}",
            ]
        return _ip_script("router", lines) + (
            "ip netns exec router sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'\n"
        )

    # -- processes

    def enter(self, host: int | None) -> list[str]:
        """The words before a command that is to run in a host (None: where the bridges are), in
        the repository's folder. They exec it: the process that is started is the command itself."""
        assert self._holder is not None, "the LAN is not up"
        target = ["nsenter", "-t", str(self._holder.pid), "-m", "-n"]
        if not _as_root():
            target += ["-U", "--preserve-credentials"]
        # entering a mount namespace leads to its root folder
        target += ["sh", "-c", 'cd "$0" && exec "$@"', str(REPOSITORY)]
        if host is None:
            return target
        return [*target, "ip", "netns", "exec", self.hosts[host].name]

    def popen(self, host: int, command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        """Any program in a host; killed at the end."""
        process = subprocess.Popen([*self.enter(host), *command], start_new_session=True, **options)
        self._processes.append(process)
        return process

    def run(self, host: int | None, *command: str, timeout: float = 30.0) -> str:
        """A command's output, once it has ended well; RuntimeError where it hasn't."""
        return _checked([*self.enter(host), *command], "", timeout)

    def shell(self, script: str) -> str:
        """An sh script where the bridges are."""
        return _checked([*self.enter(None), "sh", "-e"], script, SETUP_S)

    def disk(self, path: Path, size: str) -> Path:
        """A disk of its own in a new folder, such as of `24m`; it goes with the LAN."""
        path.mkdir()
        self.shell(f"mount -t tmpfs -o size={size} tmpfs {path}")
        return path

    def fill(self, disk: Path) -> None:
        """Until its `filler` is removed, nothing more can be written there."""
        self.shell(f"cat /dev/zero > {disk}/filler 2>/dev/null || true")

    def node(
        self,
        host: int,
        *options: str,
        data_dir: Path | None = None,
        env: dict[str, str] | None = None,
    ) -> Node:
        """Start the program in a host. It may not listen yet: `node.call("node.info")` waits for
        that. Started again with the same data_dir (a folder a host by default), it goes on."""
        place = self.hosts[host]
        data_dir = data_dir or self.directory / place.name
        home = self.directory / "home"
        home.mkdir(parents=True, exist_ok=True)
        node = Node(
            [*self.enter(host), *self._program, "--data-dir", str(data_dir), *options],
            data_dir,
            self.directory / f"{data_dir.name}.stderr",
            environment(home) | (env or {}),
        )
        place.nodes.append(node)
        return node

    # -- what happens to a network

    def split(self, *groups: Iterable[int]) -> None:
        """Each group of hosts hears only itself; hosts not named stay where they are. The first
        group stays too (with the router, where there is one)."""
        lines = []
        for number, group in enumerate(groups):
            if number == 0:
                continue
            lines += _bridge(self._bridges)
            lines += [
                f"link set {self.hosts[host].port} master sw{self._bridges}" for host in group
            ]
            self._bridges += 1
        self._batch(lines)

    def heal(self) -> None:
        """Everybody is back on their own subnet's switch."""
        self._batch([f"link set {host.port} master sw{host.subnet}" for host in self.hosts])

    def unplug(self, host: int) -> None:
        """The cable out: the host sees its carrier go, and keeps its addresses."""
        self._batch([f"link set {self.hosts[host].port} down"])
        self._wait_carrier(host, "eth0", False)

    def plug(self, host: int) -> None:
        self._batch([f"link set {self.hosts[host].port} up"])
        self._wait_carrier(host, "eth0", True)

    def block_inbound(self, host: int, tcp: bool = True, udp: bool = False) -> None:
        """A one-way firewall: nobody can begin a TCP connection to the host; with `udp`, no
        datagram comes in either. Silent, as such firewalls are."""
        if tcp:
            self._rule(host, "INPUT", "-i eth+ -p tcp --syn -j DROP", also6=True)
        if udp:
            self._rule(host, "INPUT", "-i eth+ -p udp -j DROP", also6=True)

    def block_multicast(self, *hosts: int) -> None:
        """No UDP multicast to or from these hosts (none named: all)."""
        for host in hosts or range(len(self.hosts)):
            for chain in ("INPUT", "OUTPUT"):
                self._rule(host, chain, "-p udp -d 224.0.0.0/4 -j DROP")
                self._rule(host, chain, "-p udp -d ff00::/8 -j DROP", v6=True)

    def block_broadcast(self, *hosts: int) -> None:
        """No UDP broadcast to or from these hosts (none named: all)."""
        for host in hosts or range(len(self.hosts)):
            for chain in ("INPUT", "OUTPUT"):
                for address in ("255.255.255.255", self.hosts[host].broadcast):
                    self._rule(host, chain, f"-p udp -d {address} -j DROP")

    def block_between(self, first: int, second: int) -> None:
        """These two can't talk at all, others can with both."""
        for host, other in ((first, second), (second, first)):
            self._rule(host, "INPUT", f"-s {self.hosts[other].address} -j DROP")
            self._rule(host, "INPUT", f"-s {self.hosts[other].address6} -j DROP", v6=True)

    def lose(self, host: int, share: float) -> None:
        """Of what comes in to the host this share (0 to 1) is lost."""
        rule = f"-i eth+ -m statistic --mode random --probability {share} -j DROP"
        self._rule(host, "INPUT", rule, also6=True)

    def open_all(self, *hosts: int) -> None:
        """Away with all rules of these hosts (none named: all)."""
        for host in hosts or range(len(self.hosts)):
            for program in ("iptables", "ip6tables"):
                self.run(host, program, "-F")

    def limit_rate(self, host: int, bits: int) -> None:
        """The cable carries so many bits a second, each way; 0: no limit."""
        device = f"dev {self.hosts[host].port} root"
        inside = f"ip netns exec {self.hosts[host].name} tc qdisc"
        shape = f"tbf rate {bits}bit burst {max(bits // 800, 16 * 1024)} latency 50ms"
        if bits:
            self.shell(f"tc qdisc replace {device} {shape}\n{inside} replace dev eth0 root {shape}")
        else:
            self.shell(f"tc qdisc del {device}\n{inside} del dev eth0 root")

    # -- what else a host may have

    def add_address(self, host: int, address: str, device: str = "eth0") -> None:
        """`address` with its prefix length, such as 192.168.5.1/24."""
        extra = [] if ":" in address else ["brd", "+"]
        self.run(host, "ip", "addr", "add", address, *extra, "dev", device)

    def remove_address(self, host: int, address: str, device: str = "eth0") -> None:
        self.run(host, "ip", "addr", "del", address, "dev", device)

    def add_dead_bridge(self, host: int, name: str = "docker0") -> None:
        """A bridge with an address and nothing on it, as Docker leaves it: 172.17.0.1/16."""
        lines = [
            f"link add {name} type bridge",
            f"link set {name} up",
            # a bridge says that it has no carrier only after its last port has gone
            f"link add once type veth peer name once_ netns {self.hosts[host].name}",
            f"link set once master {name}",
            "link del once",
            f"addr add 172.17.0.1/16 brd + dev {name}",
        ]
        self.shell(_ip_script(self.hosts[host].name, lines))
        self._wait_carrier(host, name, False)

    def add_cable(self, host: int, subnet: int, address: str, device: str = "eth1") -> None:
        """A second cable of the host, to that subnet's switch."""
        place = self.hosts[host]
        self._batch(_cable(f"{place.port}{device}", device, place.name, subnet))
        self.run(host, "ip", "link", "set", device, "up")
        self.add_address(host, address, device)

    def _wait_carrier(self, host: int, device: str, there: bool) -> None:
        """The kernel tells programs of a carrier up to a second after it has changed."""
        wait_until(
            lambda: ("NO-CARRIER" in self.run(host, "ip", "link", "show", device)) != there,
            what=f"the carrier of {device}",
        )

    def _rule(
        self, host: int, chain: str, rule: str, v6: bool = False, also6: bool = False
    ) -> None:
        programs = ["ip6tables"] if v6 else ["iptables"]
        for program in programs + (["ip6tables"] if also6 else []):
            self.run(host, program, "-w", "-A", chain, *rule.split())

    def _batch(self, lines: Iterable[str]) -> None:
        _checked([*self.enter(None), "ip", "-batch", "-"], "\n".join(lines) + "\n", SETUP_S)


def wait_linked(nodes: Sequence[Node], timeout: float = 15.0) -> None:
    """Until each of the nodes has a link to each other one (all of different persons)."""
    ids = {node: node.call("node.info")["peer_id"] for node in nodes}

    def linked(node: Node) -> bool:
        have = {peer["peer_id"] for peer in node.call("peers.list") if peer["linked"]}
        return set(ids.values()) - {ids[node]} <= have

    for node in nodes:
        wait_until(functools.partial(linked, node), timeout, f"a link of {node.pid} to each")


def environment(home: Path) -> dict[str, str]:
    """Of a program under test: a home of its own, no desktop, no keyring of the user's."""
    kept = {key: os.environ[key] for key in ("PATH", "LD_LIBRARY_PATH") if key in os.environ}
    return kept | {
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(REPOSITORY),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
    }


@functools.cache
def unavailable() -> str | None:
    """Why there can't be a LAN on this machine; None where there can."""
    if sys.platform != "linux":
        return "network namespaces need Linux"
    for program in ("ip", "unshare", "nsenter", "iptables", "tc"):
        if shutil.which(program, path=_path()) is None:
            return f"{program} is not installed"
    try:
        with Lan(hosts=1) as lan:
            lan.run(0, "ip", "link")
    except (LanUnavailable, RuntimeError, OSError) as error:
        return str(error)
    return None


def _start_holder() -> subprocess.Popen[bytes]:
    user = [] if _as_root() else ["--map-root-user"]
    holder = subprocess.Popen(
        ["unshare", *user, "--net", "--mount", "sh", "-c", _HOLD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={"PATH": _path()},
    )
    assert holder.stdout is not None
    if holder.stdout.readline() != b"ready\n":
        error = holder.communicate()[1].decode(errors="replace").strip()
        raise LanUnavailable(f"no network namespace: {error}")
    return holder


@functools.cache
def _as_root() -> bool:
    """Whether namespaces can be made without a user namespace."""
    return (
        os.geteuid() == 0
        and subprocess.run(["unshare", "-nm", "true"], capture_output=True).returncode == 0
    )


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/bin:/bin"


def _checked(command: Sequence[str], text: str, timeout: float) -> str:
    done = subprocess.run(
        command,
        input=text.encode(),
        capture_output=True,
        timeout=timeout,
        env=os.environ | {"PATH": _path()},
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode(errors="replace")


def _ip_script(namespace: str, lines: Iterable[str]) -> str:
    return f"ip -n {namespace} -batch - <<END\n" + "\n".join(lines) + "\nEND\n"


def _bridge(number: int) -> list[str]:
    """A switch that forwards at once and floods multicast; it has no address of its own."""
    return [
        f"link add sw{number} type bridge forward_delay 0 mcast_snooping 0",
        f"link set sw{number} addrgenmode none up",
    ]


def _cable(port: str, device: str, namespace: str, bridge: int) -> list[str]:
    return [
        f"link add {port} type veth peer name {device} netns {namespace}",
        f"link set {port} master sw{bridge} addrgenmode none up",
    ]


__all__ = ["Host", "Lan", "LanUnavailable", "Node", "unavailable", "wait_linked", "wait_until"]
