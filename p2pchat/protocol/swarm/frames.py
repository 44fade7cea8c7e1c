"""The frames of bulk links, and what the swarm asks of its runtime."""

from __future__ import annotations

import struct
from enum import StrEnum

import msgspec

from p2pchat.model.frame import RawFrame
from p2pchat.model.stream import Block, Stream
from p2pchat.protocol.wire import unreadable


class Reason(StrEnum):
    """Why a block isn't sent."""

    GONE = "gone"
    """Nothing of this file, to this peer: it needn't ask again."""
    BUSY = "busy"
    LACKING = "lacking"
    """This block isn't here; for ANY: all that the asker lacks has been given out to somebody, so
    that it chooses better itself."""


ANY = -1
"""As index of Wanted: whichever piece the holder of everything likes to give."""
WHOLE = -1
"""As layer of Have: everything is here."""


class _Frame(msgspec.Struct, frozen=True, array_like=True, gc=False):
    file: bytes
    """The EntryHash of the offer, 32 bytes."""


class Have(_Frame, frozen=True, array_like=True, gc=False, tag=30):
    """What the sender has of a layer, as `node.ports.Progress` shows it."""

    layer: int
    """WHOLE: everything is here; then there are no bits."""
    first: int
    """The block of the first bit; a multiple of 8."""
    bits: bytes
    last: bool
    """Nothing follows for this file."""


class Got(_Frame, frozen=True, array_like=True, gc=False, tag=31):
    """New blocks at the sender. Only pieces are told: who has one has the layers above it."""

    layer: int
    indexes: tuple[int, ...]


class Follow(_Frame, frozen=True, array_like=True, gc=False, tag=32):
    """Tell me what you have, then what you get; `on` False ends it."""

    on: bool


class Wanted(_Frame, frozen=True, array_like=True, gc=False, tag=33):
    """Send this block; with ANY as index a piece that I lack by what I told you."""

    layer: int
    index: int


class Piece(_Frame, frozen=True, array_like=True, gc=False, tag=34):
    """Part of a block; the parts come in order."""

    layer: int
    index: int
    offset: int
    data: memoryview
    """What came isn't copied: it lies in the frame."""


class Refused(_Frame, frozen=True, array_like=True, gc=False, tag=35):
    """The answer to a Wanted that gets no block."""

    layer: int
    index: int
    reason: str
    """One of `Reason`."""


Frame = Have | Got | Follow | Wanted | Piece | Refused

_decoder = msgspec.msgpack.Decoder(Frame)
_encoder = msgspec.msgpack.Encoder()
_NOTHING = memoryview(b"")
_NO_BYTES = b"\xc4\x00"
_BIN_32 = struct.Struct(">BI")
"""MessagePack's longest form of bytes."""


def encode(frame: Frame) -> bytes:
    return _encoder.encode(frame)


def encode_piece(file: bytes, block: Block, offset: int, size: int) -> bytes:
    """A Piece without its data, so many bytes, which have to follow."""
    head = _encoder.encode(Piece(file, block.layer, block.index, offset, _NOTHING))
    return head[: -len(_NO_BYTES)] + _BIN_32.pack(0xC6, size)


def decode(data: RawFrame) -> Frame:
    """ProtocolError where the bytes are no frame of a bulk link; UnknownFrame where only the number
    is none of these."""
    try:
        frame: Frame = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable(error) from error
    return frame


class Tell(msgspec.Struct, frozen=True, array_like=True):
    """Send one frame over these links."""

    links: tuple[int, ...]
    frame: Have | Got | Follow | Wanted | Refused


class Forget(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The parts of a block that were gathered from this link are of no use."""

    link: int
    layer: int
    index: int


class Read(msgspec.Struct, frozen=True, array_like=True):
    """Read a block for this link, then call `Server.ready`."""

    link: int
    file: bytes
    stream: Stream
    layer: int
    index: int


class Give(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Send so much of the block that was read, in Pieces of a size that the link takes; call
    `Server.sent` as the link takes them. A block's last Give ends at its size."""

    link: int
    file: bytes
    layer: int
    index: int
    offset: int
    size: int
