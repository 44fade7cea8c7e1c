"""The beacon's datagram (docs/PROTOCOL.md, "Beacon"): a MessagePack array of about 80 bytes."""

from __future__ import annotations

import msgspec

from p2pchat.config.limits import BEACON_BYTES
from p2pchat.discovery.hints import is_device_id, is_network

MAGIC = b"p2pchat"
VERSION = 1
INSTANCE_BYTES = 8

_START = b"\xc4\x07" + MAGIC
"""The second to tenth byte of every packet: the magic as MessagePack `bin 8`."""


class Beacon(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """A hint: signed by nobody, and nothing of the person is in it.

    Later versions may add elements at the end; they are ignored.
    """

    magic: bytes = MAGIC
    version: int = VERSION
    answer: bool
    """Sent to one newcomer, and never answered itself."""
    network: str
    """As in Announcement."""
    device_id: str
    port: int
    """TCP."""
    instance: bytes
    """Random, new with each process: tells oneself from others that share a device id."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Beacon)


def encode(beacon: Beacon) -> bytes:
    return _encoder.encode(beacon)


def decode(data: bytes) -> Beacon | None:
    """None for what is no beacon, whatever the bytes are."""
    if len(data) > BEACON_BYTES or data[1:10] != _START:
        return None
    try:
        beacon = _decoder.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    return beacon if _is_sound(beacon) else None


def _is_sound(beacon: Beacon) -> bool:
    return (
        beacon.version >= VERSION
        and 0 < beacon.port < 65536
        and len(beacon.instance) == INSTANCE_BYTES
        and is_device_id(beacon.device_id)
        and is_network(beacon.network)
    )
