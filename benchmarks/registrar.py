"""The registrar: how soon another one leads, what registering and signing in take, and how soon a
name has one owner after a split."""

from __future__ import annotations

import functools
import statistics
import time
from collections.abc import Sequence

from _lan import Lan, Node, wait_linked, wait_until
from report import Figure, tell

from p2pchat.node.lookalike import looks
from p2pchat.node.secrets import stretch
from p2pchat.protocol.hashing import network_tag
from p2pchat.protocol.identity import Identity, Signer
from p2pchat.protocol.registrar.claims import make_claim, make_request
from p2pchat.protocol.registrar.lease import make_lease
from p2pchat.protocol.registrar.registry import Registry

HOSTS, WILLING = 20, 5
PASSWORD = "correct horse"
ACCOUNTS = 1000
TRIES = 5
SETTLED_S = 4.0
"""After a start or a sign-in: mDNS, which is slow to start, has begun by then."""
VAULT_S = 12.0
"""Until what was changed is in the vault: it is looked for every 5 s."""


def leader(nodes: Sequence[Node]) -> Node | None:
    told = [node.call("registrar.info") for node in nodes]
    leads = [node for node, says in zip(nodes, told, strict=True) if says["state"] == "registrar"]
    return leads[0] if len(leads) == 1 and len({says["device_id"] for says in told}) == 1 else None


def settled(nodes: Sequence[Node]) -> Node:
    found = wait_until(functools.partial(leader, nodes), 30, "one registrar")
    assert found is not None
    return found


def until_another_leads(nodes: Sequence[Node], old: str, since: float) -> float:
    """Seconds from `since` until every node has been told of the same other one."""

    def told() -> list[float] | None:
        last = [
            [e for e in node.events if e.type == "registrar.changed" and e.at > since]
            for node in nodes
        ]
        ids = {events[-1]["registrar"]["device_id"] if events else old for events in last}
        if len(ids) != 1 or ids & {old, None}:
            return None
        return [events[-1].at for events in last]

    times = wait_until(told, 30, "another registrar")
    assert times is not None
    return max(times) - since


def measure_elections() -> None:
    with Lan(hosts=HOSTS) as lan:
        nodes = [
            lan.node(host, "--name", f"N{host}", *(["--registrar"] if host < WILLING else []))
            for host in range(HOSTS)
        ]
        wait_linked(nodes, 60)
        took: dict[str, list[float]] = {"killed": [], "left": []}
        for how in ("killed", "left", "killed"):
            gone = settled(nodes)
            old = gone.call("node.info")["device_id"]
            nodes.remove(gone)
            began = time.monotonic()
            if how == "killed":
                gone.kill9()
            else:
                gone.stop()
            took[how].append(until_another_leads(nodes, old, began))
    for how, most in (("killed", 12.0), ("left", 4.0)):
        tell(
            Figure(
                name=f"registrar {how}, 20 nodes: a new one known to all, worst",
                value=max(took[how]),
                unit="s",
                at_most=most,
                note=f"{len(took[how])} times; {WILLING} willing at first",
            )
        )


def argon2_s() -> float:
    """Just now: a virtual machine takes 0.1 s for it, and in the next second 0.14."""
    times = []
    for _ in range(3):
        began = time.perf_counter()
        stretch(PASSWORD, bytes(32))
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def measure_accounts() -> None:
    registering, signing_in, left_out = [], [], []
    with Lan(hosts=4) as lan:
        nodes = [lan.node(host, *(["--registrar"] if host < 2 else [])) for host in range(4)]
        wait_linked(nodes, 30)
        settled(nodes)
        pupil, other = nodes[2:]
        pupil.call("settings.set", settings={"theme": "dark"})
        for number in range(TRIES):
            name = f"Pupil {number}"
            left_out.append(argon2 := argon2_s())
            began = time.monotonic()
            made = pupil.call("accounts.register", name=name, password=PASSWORD)
            registering.append(time.monotonic() - began - 2 * argon2)
            pupil.call("rooms.create", room=f"#room{number}", password=PASSWORD)
            wait_until(functools.partial(_is_known, other, made["account_id"]), 10, "known")
            wait_until(lambda: other.call("registrar.info")["device_id"], 20, "a registrar")
            time.sleep(VAULT_S if number == 0 else SETTLED_S)
            left_out.append(argon2 := argon2_s())
            began = time.monotonic()
            other.call("accounts.login", name=name, password=PASSWORD)
            here = other.call("rooms.list")
            signing_in.append(time.monotonic() - began - argon2)
            if number == 0:
                assert f"#room{number}" in {room["room"] for room in here if room["joined"]}
                assert other.call("settings.get")["theme"] == "dark"
            pupil.call("accounts.logout")
            wait_linked([nodes[0], nodes[1], pupil], 30)
            wait_until(lambda: pupil.call("registrar.info")["device_id"], 20, "a registrar")
    usual = statistics.median(left_out) * 1000
    for what, times, count in (
        ("registering", registering, 2),
        ("signing in elsewhere", signing_in, 1),
    ):
        tell(
            Figure(
                name=f"{what}, Argon2id apart",
                value=sorted(times)[TRIES // 2] * 1000,
                unit="ms",
                at_most=100.0,
                note=f"median of {TRIES}, {count} times {usual:.0f} ms left out",
            )
        )


def _is_known(node: Node, account: str) -> bool:
    return account in {known["account_id"] for known in node.call("accounts.list")}


def measure_merge() -> None:
    """Two halves of a thousand accounts, every name of both halves the same."""
    network = network_tag("lan")
    device = Identity(b"d" * 32, b"e" * 32)
    halves: list[list[bytes]] = [[], []]
    for number in range(ACCOUNTS):
        half = number % 2
        person = Signer(number.to_bytes(32, "big"))
        lease = make_lease(device, network, 1 + half, 1, False, b"")
        request = make_request(person, network, f"Pupil {number // 2}")
        halves[half].append(make_claim(device, network, request, lease, ()).raw)
    looks("")  # reads its data
    found = []
    for first, second in (halves, halves[::-1]):
        registry = Registry(network, looks, lambda: b"", lambda *_: True)
        for raw in first:
            registry.add(raw)
        registry.owners()
        began = time.perf_counter()
        for raw in second:
            registry.add(raw)
        owners = registry.owners()
        found.append((time.perf_counter() - began, owners))
    assert found[0][1] == found[1][1], "the same on both"
    tell(
        Figure(
            name="1,000 accounts merged after a split",
            value=max(took for took, _ in found),
            unit="s",
            at_most=1.0,
            note="two halves that have registered the same 500 names; signatures checked",
        )
    )


def measure_healing() -> None:
    with Lan(hosts=6) as lan:
        nodes = [lan.node(host, *(["--registrar"] if host % 3 == 0 else [])) for host in range(6)]
        wait_linked(nodes, 30)
        settled(nodes)
        lan.split(range(3), range(3, 6))
        for part in (nodes[:3], nodes[3:]):
            wait_until(functools.partial(leader, part), 40, "a registrar in each part")
        for node in (nodes[1], nodes[4]):
            node.call("accounts.register", name="Li", password=PASSWORD)
        lan.heal()
        healed = time.monotonic()

        def one() -> bool:
            lists = [node.call("accounts.list") for node in nodes]
            names = [{a["account_id"]: a["name"] for a in accounts} for accounts in lists]
            return len(names[0]) == 2 and all(found == names[0] for found in names)

        wait_until(one, 60, "one owner on all nodes")
        took = time.monotonic() - healed
    tell(
        Figure(
            name="after healing, one owner of a name on all nodes",
            value=took,
            unit="s",
            at_most=25.0,
            note="six hosts, split in halves that have both registered it",
        )
    )


def main() -> None:
    measure_merge()
    measure_accounts()
    measure_healing()
    measure_elections()


if __name__ == "__main__":
    main()
