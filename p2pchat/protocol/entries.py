"""Making entries and checking those that come in: by their own bytes alone.

The signature covers a context, the network's tag and the header's bytes as they came; a header is
never encoded again. DESIGN's rule holds here: whether an entry is taken depends on nothing that
the receiver might lack.
"""

from __future__ import annotations

import msgspec

from p2pchat.config import limits
from p2pchat.model.entry import (
    Content,
    EntryKind,
    FileBody,
    Header,
    KeyBody,
    OpenBody,
    ReactBody,
    TextBody,
    WireEntry,
)
from p2pchat.model.ids import EntryHash
from p2pchat.model.stream import is_well_formed
from p2pchat.protocol.hashing import body_hash, entry_hash
from p2pchat.protocol.identity import check_vouch, verify

SIGN_CONTEXT = b"p2pchat 1 entry\0"
VERSION = 1
MAX_CLOCK = (1 << 63) - 1
"""SQLite's largest integer; 48 bits of milliseconds reach far beyond any sane clock."""

_encode = msgspec.msgpack.Encoder().encode
_header = msgspec.msgpack.Decoder(Header)
_bodies: dict[int, msgspec.msgpack.Decoder[Content]] = {
    EntryKind.OPEN: msgspec.msgpack.Decoder(OpenBody),
    EntryKind.TEXT: msgspec.msgpack.Decoder(TextBody),
    EntryKind.EDIT: msgspec.msgpack.Decoder(TextBody),
    EntryKind.REACT: msgspec.msgpack.Decoder(ReactBody),
    EntryKind.KEY: msgspec.msgpack.Decoder(KeyBody),
    EntryKind.FILE: msgspec.msgpack.Decoder(FileBody),
}
UNSEALED = (EntryKind.OPEN, EntryKind.KEY)
"""Kinds that are never under a conversation key."""
_TARGETED = (EntryKind.EDIT, EntryKind.DELETE, EntryKind.REACT)


class Checked(msgspec.Struct, frozen=True, gc=False):
    """An entry whose signature, hash and limits are right."""

    hash: EntryHash
    header: Header
    wire: WireEntry


def signed_bytes(network: bytes, header: bytes) -> bytes:
    return SIGN_CONTEXT + network + header


def check(wire: WireEntry, network: bytes) -> Checked | None:
    """None where the entry isn't one of this network, whole and within its limits."""
    if len(wire.header) > limits.HEADER_BYTES or len(wire.signature) != 64:
        return None
    try:
        header = _header.decode(wire.header)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not _well_formed(header) or not _body_fits(header, wire):
        return None
    if not verify(header.feed[:32], wire.signature, SIGN_CONTEXT, network, wire.header):
        return None
    if header.kind == EntryKind.OPEN and not _vouched(header, wire):
        return None
    return Checked(entry_hash(wire.header), header, wire)


def _vouched(header: Header, wire: WireEntry) -> bool:
    try:
        content = decode_body(EntryKind.OPEN, wire.body or b"")
    except BadContent:
        return False
    return isinstance(content, OpenBody) and check_vouch(
        content.person_key, header.feed[:32], content.vouch
    )


def _well_formed(header: Header) -> bool:
    return (
        header.version == VERSION
        and len(header.conversation) == 32
        and len(header.feed) == 40
        and 0 <= header.seq < 1 << 53
        and len(header.prev) == (32 if header.seq else 0)
        and len(header.heads) <= limits.HEADS
        and all(len(head) == 32 for head in header.heads)
        and 0 <= header.clock <= MAX_CLOCK
        and 0 <= header.sent_at < 1 << 53
        and 0 <= header.kind < 1 << 16
        and (header.kind == EntryKind.OPEN) == (header.seq == 0)
        and len(header.target) in ((32,) if header.kind in _TARGETED else (0, 32))
        and len(header.body_hash) == 32
        and len(header.key_id) in ((0,) if header.kind in UNSEALED else (0, 16))
    )


def _body_fits(header: Header, wire: WireEntry) -> bool:
    if wire.body is None:
        return not wire.salt and header.kind not in (EntryKind.OPEN, EntryKind.KEY)
    if len(wire.body) > limits.BODY_BYTES or len(wire.salt) != 16:
        return False
    return body_hash(wire.salt, wire.body) == header.body_hash


def read_header(raw: bytes) -> Header:
    """The header of an entry that was checked before."""
    return _header.decode(raw)


def encode_header(header: Header) -> bytes:
    return _encode(header)


def encode_body(content: Content) -> bytes:
    """The plain bytes of a body; empty for kinds that carry nothing."""
    return b"" if content is None else _encode(content)


class BadContent(ValueError):
    """A plain body that doesn't have the form of its kind."""


def decode_body(kind: int, plain: bytes) -> Content:
    """The content of a plain body. Kinds without content, and unknown ones, give None; BadContent
    where it breaks the form or limits of its kind."""
    decoder = _bodies.get(kind)
    if decoder is None:
        return None
    try:
        content = decoder.decode(plain)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadContent(str(error)) from error
    if not _content_fits(content):
        raise BadContent("over a limit")
    return content


def _content_fits(content: Content) -> bool:
    match content:
        case TextBody(text=text, reply_to=reply_to, mentions=mentions):
            return (
                0 < len(text.encode("utf-8", "surrogatepass")) <= limits.TEXT_BYTES
                and len(reply_to) in (0, 32)
                and len(mentions) <= limits.MENTIONS
                and all(len(peer) == 32 for peer in mentions)
            )
        case ReactBody(emoji=emoji):
            return 0 < len(emoji) <= limits.EMOJI_CHARS
        case OpenBody(person_key=key, vouch=vouch):
            return len(key) == 32 and len(vouch) == 64
        case KeyBody(key_id=key_id, boxes=boxes):
            return len(key_id) == 16 and 0 < len(boxes) <= 64
        case FileBody(name=name, mime=mime, stream=stream, size=size, files=files):
            return (
                0 < len(name) <= limits.FILE_NAME_CHARS
                and len(mime) <= limits.MIME_CHARS
                and is_well_formed(stream)
                and size == stream.size - stream.manifest
                and 0 <= files <= limits.FOLDER_FILES
            )
    return True
