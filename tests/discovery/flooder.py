"""A program for a host of the test LAN that floods its neighbours with junk.

flooder.py KIND OWN_ADDRESS BROADCAST SECONDS; KIND: `beacon`, `mdns`. Prints how much it sent.
"""

from __future__ import annotations

import random
import socket
import struct
import sys
import time
from collections.abc import Iterator

from p2pchat.discovery.beacon_packet import Beacon, encode

SERVICE = "_p2pchat._tcp.local."
NETWORK = "0123456789abcdef"


def device_id(rng: random.Random) -> str:
    return "".join(rng.choices("abcdefghijklmnopqrstuvwxyz234567", k=32))


def beacons(rng: random.Random) -> Iterator[bytes]:
    """In turn: plain junk, one that breaks off, one that has all but sense, a forged one."""
    while True:
        good = encode(
            Beacon(
                answer=False,
                network=NETWORK,
                device_id=device_id(rng),
                port=rng.randrange(1, 65536),
                instance=rng.randbytes(8),
            )
        )
        yield rng.randbytes(rng.randrange(1400))
        yield good[: rng.randrange(len(good))]
        yield good[:10] + rng.randbytes(40)
        yield good


def name_bytes(name: str) -> bytes:
    labels = [label.encode() for label in name.split(".")]
    return b"".join(bytes([len(label)]) + label for label in labels)


def record(name: str, kind: int, data: bytes) -> bytes:
    """One resource record of class IN that lives for 4500 s (RFC 1035)."""
    return name_bytes(name) + struct.pack("!HHIH", kind, 1, 4500, len(data)) + data


def answers(rng: random.Random) -> Iterator[bytes]:
    """mDNS answers: services that nobody has, with much text, and plain junk."""
    while True:
        host = rng.randbytes(8).hex()
        name = f"{host}.{SERVICE}"
        texts = [b"v=1", b"net=" + NETWORK.encode(), b"id=" + device_id(rng).encode()]
        texts += [rng.randbytes(255) for _ in range(4)]
        address = rng.choice([b"\x0a\x4d\x00" + rng.randbytes(1), rng.randbytes(4)])
        yield struct.pack("!6H", 0, 0x8400, 0, 4, 0, 0) + b"".join(
            (
                record(SERVICE, 12, name_bytes(name)),
                record(name, 33, struct.pack("!3H", 0, 0, 1234) + name_bytes(f"{host}.local.")),
                record(name, 16, b"".join(bytes([len(text)]) + text for text in texts)),
                record(f"{host}.local.", 1, address),
            )
        )
        yield rng.randbytes(rng.randrange(1400))


def main(kind: str, own: str, broadcast: str, seconds: float) -> None:
    rng = random.Random(1)
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(own))
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((own, 5353 if kind == "mdns" else 27474))
    packets, target = {
        "beacon": (beacons(rng), (broadcast, 27474)),
        "mdns": (answers(rng), ("224.0.0.251", 5353)),
    }[kind]
    sent = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sock.sendto(next(packets), target)
        sent += 1
    sys.stdout.write(f"{sent}\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]))
