"""Attacks of those who don't come to Hello, and on the ways of finding each other."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import ssl
import time

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from hostile import (
    WAIT_S,
    Address,
    Peer,
    attack,
    connect,
    connect_tls,
    link_identity,
    new_identity,
)

from p2pchat.config import limits
from p2pchat.discovery.beacon_packet import Beacon, encode
from p2pchat.protocol.hashing import network_tag
from p2pchat.transport.leaf import Voucher, credentials_of, make_voucher, sign_leaf

MDNS = ("224.0.0.251", 5353)


@attack
def junk_bytes(address: Address) -> None:
    """Everything but TLS, on many connections."""
    for number in range(150):
        with contextlib.suppress(OSError), connect(address) as sock:
            junk = (os.urandom(3000), b"GET / HTTP/1.1\r\n\r\n", b"\0" * 3000, b"\x16\x03\x01\xff")
            sock.sendall(junk[number % 4])


@attack
def idle_connections(address: Address) -> object:
    """Hundreds that say nothing, and come again when they are dropped."""
    kept: list[socket.socket] = []
    for _ in range(400):
        with contextlib.suppress(OSError):
            kept.append(connect(address))
    return kept


@attack
def half_open_connections(address: Address) -> object:
    """Hundreds that begin a handshake and stop."""
    kept: list[socket.socket] = []
    for _ in range(400):
        with contextlib.suppress(OSError):
            sock = connect(address)
            sock.sendall(b"\x16\x03\x01\x02\x00\x01")
            kept.append(sock)
    return kept


@attack
def silent_links(address: Address) -> object:
    """TLS is done, and Hello never comes."""
    kept: list[Peer] = []
    for _ in range(100):
        with contextlib.suppress(OSError):
            kept.append(Peer(address, hello=False))
    return kept


@attack
def no_certificate(address: Address) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    for _ in range(20):
        with (
            contextlib.suppress(OSError),
            connect(address) as sock,
            context.wrap_socket(sock) as tls,
        ):
            assert tls.recv(1) == b"", "the node went on"


@attack
def other_identity(address: Address) -> None:
    """A leaf with the voucher of somebody else's leaf, as anyone sees it who was linked to them."""
    stolen = make_voucher(
        link_identity(new_identity()), ec.generate_private_key(ec.SECP256R1()).public_key()
    )
    for number in range(20):
        key = ec.generate_private_key(ec.SECP256R1())
        voucher = stolen
        if number % 2:
            voucher = Voucher(*(os.urandom(size) for size in (32, 32, 16, 64, 64)))  # type: ignore[arg-type]  # random bytes for an InstanceId
        with contextlib.suppress(OSError):
            tls = connect_tls(address, credentials_of(key, sign_leaf(key, voucher)))
            tls.settimeout(WAIT_S)
            assert tls.recv(1) == b"", "the node went on"


@attack
def junk_beacons(address: Address, broadcast: str) -> None:
    """Datagrams to the beacon's port: junk, and thousands of devices that don't exist."""
    chance = random.Random(1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        for number in range(6000):
            data = chance.randbytes(chance.randrange(1400)) if number % 2 else _beacon(chance)
            with contextlib.suppress(OSError):
                sock.sendto(data, (broadcast, limits.PORT))
            if not number % 100:
                time.sleep(0.02)


def _beacon(chance: random.Random) -> bytes:
    return encode(
        Beacon(
            answer=chance.random() < 0.5,
            network=network_tag("lan").hex()[:16],
            device_id="".join(chance.choices("abcdefghijklmnopqrstuvwxyz234567", k=32)),
            port=chance.randrange(1, 65536),
            instance=chance.randbytes(8),
        )
    )


@attack
def junk_mdns(address: Address) -> None:
    """Datagrams to the group of mDNS: junk, loops of compressed names, thousands of services."""
    chance = random.Random(2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("", 0))
        for number in range(3000):
            kind = number % 3
            data = (
                chance.randbytes(chance.randrange(1400)),
                _loop(),
                _service(number, chance),
            )[kind]
            with contextlib.suppress(OSError):
                sock.sendto(data, MDNS)
            if not number % 100:
                time.sleep(0.02)


def _loop() -> bytes:
    """An answer whose name points at itself."""
    return b"\0\0\x84\0\0\0\0\1\0\0\0\0" + b"\xc0\x0c" + b"\0\x0c\0\1\0\0\0\x78\0\2\xc0\x0c"


def _service(number: int, chance: random.Random) -> bytes:
    """A pointer to one more instance of our service."""
    kind = b"\x08_p2pchat\x04_tcp\x05local\0"
    name = b"\x10" + chance.randbytes(8).hex().encode() + b"\xc0\x0c"
    return (
        b"\0\0\x84\0\0\0\0\1\0\0\0\0"
        + kind
        + b"\0\x0c\0\1\0\0\x11\x94"
        + len(name).to_bytes(2, "big")
        + name
    )


@attack
def deep_nesting(address: Address) -> None:
    """Frames that would make a recursive reader fall over: each ends its link."""
    for deep in (b"\x91" * 60_000, b"\x92\x05" + b"\x91" * 50_000, b"\x81\xa1a" * 20_000):
        peer = Peer(address)
        peer.send_raw(len(deep).to_bytes(4, "big") + deep)
        peer.expect_closed()
        first = Peer(address, hello=False)
        first.send_raw(len(deep[:4000]).to_bytes(4, "big") + deep[:4000])
        first.expect_closed()


@attack
def bad_frames(address: Address) -> None:
    """Lengths and texts that aren't allowed: each ends its link."""
    surrogate = msgspec.msgpack.encode([4, "leaving"]).replace(b"leaving", b"lea\xed\xa0\x80v"[:7])
    for data in (
        (limits.FRAME_BYTES + 1).to_bytes(4, "big"),
        b"\xff\xff\xff\xff",
        b"\0\0\0\0",
        len(surrogate).to_bytes(4, "big") + surrogate,
        b"\0\0\0\x05\x92\x04\xa2\xff\xfe",
        b"\0\0\0\x02\x91\x0b",
        b"\0\0\0\x01\xc1",
    ):
        peer = Peer(address)
        peer.send_raw(data)
        peer.expect_closed()
