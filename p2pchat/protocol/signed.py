"""The form of every signed record: a MessagePack array of a payload, itself an encoded array, and a
signature. A record travels as the bytes that its author made; fields may be added at the end."""

from __future__ import annotations

from typing import TypeVar

import msgspec

Record = TypeVar("Record")


class Signed(msgspec.Struct, frozen=True, array_like=True, gc=False):
    payload: bytes
    signature: bytes


encode = msgspec.msgpack.Encoder().encode
_signed = msgspec.msgpack.Decoder(Signed)


def wrap(payload: bytes, signature: bytes) -> bytes:
    return encode(Signed(payload, signature))


def unwrap(raw: bytes, most: int) -> Signed | None:
    """None where the bytes, at most so many, have another form."""
    if len(raw) > most:
        return None
    try:
        return _signed.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def read(decoder: msgspec.msgpack.Decoder[Record], signed: Signed | None) -> Record | None:
    """The payload, unchecked; None where it isn't of the decoder's type."""
    if signed is None:
        return None
    try:
        return decoder.decode(signed.payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
