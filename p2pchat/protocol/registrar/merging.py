"""What an account has on two of its machines becomes one: of each contact, room and setting the
change counts that was made last, as a last-writer-wins element set has it (Shapiro et al. 2011).

A change has a stamp: the wall clock in ms, but above every stamp that its machine knew.
"""

from __future__ import annotations

from typing import Any

import msgspec

from p2pchat.protocol.announce import kept_profile
from p2pchat.protocol.hashing import digest
from p2pchat.protocol.registrar.vault import Contact, Contents, VaultRoom
from p2pchat.protocol.signed import encode

KEY_BYTES = 8
GONE = 500
"""Things that were taken away of which it is remembered when: after so many more, what a machine
that was off still has comes back."""
_NOTE, _AVATAR = b"note", b"avatar"

Items = dict[bytes, Any]
"""What is changed as one, by a key."""


def stamped(known: Contents, now: Contents, wall_ms: int) -> Contents:
    """What a machine has now, with the stamps that were known; what has changed gets a new one."""
    before, after = _items(known), _items(now)
    changed = [key for key in before.keys() | after.keys() if _differs(before, after, key)]
    stamp = max(wall_ms, max(known.stamps.values(), default=0) + 1)
    return _made(after, known.stamps | dict.fromkeys(changed, stamp))


def merged(one: Contents, other: Contents) -> Contents:
    """The same whichever is the first."""
    mine, theirs = _items(one), _items(other)

    def rank(contents: Contents, items: Items, key: bytes) -> tuple[int, bool, bytes]:
        value = items.get(key)
        return contents.stamps.get(key, 0), value is not None, encode(_value(value))

    items: Items = {}
    for key in mine.keys() | theirs.keys():
        both = mine.get(key), theirs.get(key)
        found = both[rank(other, theirs, key) > rank(one, mine, key)]
        if isinstance(found, Contact):
            found = msgspec.structs.replace(found, profile=max(map(_profile, both), key=_clock))
        if found is not None:
            items[key] = found
    stamps = {
        key: max(one.stamps.get(key, 0), other.stamps.get(key, 0))
        for key in one.stamps.keys() | other.stamps.keys()
    }
    return _made(items, stamps)


def is_alike(one: Contents, other: Contents) -> bool:
    """Whether both have the same, but for what others say of themselves."""
    mine, theirs = _items(one), _items(other)
    return not any(_differs(mine, theirs, key) for key in mine.keys() | theirs.keys())


def has_newer_profile(known: Contents, now: Contents) -> bool:
    """Of somebody who is a contact in both."""
    before = {contact.person_key: contact.profile for contact in known.contacts}
    return any(
        contact.profile != before.get(contact.person_key, contact.profile)
        and _clock(contact.profile) > _clock(before[contact.person_key])
        for contact in now.contacts
    )


def settings_of(contents: Contents) -> dict[str, Any]:
    try:
        return msgspec.json.decode(contents.settings, type=dict[str, Any])
    except msgspec.MsgspecError:
        return {}


def _items(contents: Contents) -> Items:
    items: Items = {_key("contact", contact.person_key): contact for contact in contents.contacts}
    items |= {_key("room", room.id): room for room in contents.rooms}
    for name, value in settings_of(contents).items():
        items[_key("setting", name.encode())] = (name, value)
    if contents.note:
        items[_NOTE] = contents.note
    if contents.avatar:
        items[_AVATAR] = contents.avatar
    return items


def _made(items: Items, stamps: dict[bytes, int]) -> Contents:
    gone = sorted(stamps.keys() - items.keys(), key=lambda key: (stamps[key], key))
    forgotten = set(gone[:-GONE])
    contacts = [item for item in items.values() if isinstance(item, Contact)]
    rooms = [item for item in items.values() if isinstance(item, VaultRoom)]
    settings: dict[str, Any] = dict(sorted(item for item in items.values() if type(item) is tuple))
    return Contents(
        contacts=tuple(sorted(contacts, key=lambda contact: contact.person_key)),
        rooms=tuple(sorted(rooms, key=lambda room: room.id)),
        settings=msgspec.json.encode(settings),
        note=items.get(_NOTE, ""),
        avatar=items.get(_AVATAR, b""),
        stamps={key: stamp for key, stamp in sorted(stamps.items()) if key not in forgotten},
    )


def _key(kind: str, what: bytes) -> bytes:
    return digest("p2pchat 1 vault item", kind.encode(), what)[:KEY_BYTES]


def _differs(one: Items, other: Items, key: bytes) -> bool:
    return bool(_value(one.get(key)) != _value(other.get(key)))


def _value(item: Any) -> Any:
    """What a person changes of it: what a contact says of themselves isn't that."""
    match item:
        case Contact(verified=verified):
            return verified
        case VaultRoom():
            return True
        case _:
            return item


def _profile(contact: Contact | None) -> bytes:
    return contact.profile if contact is not None else b""


def _clock(profile: bytes) -> tuple[int, bytes]:
    kept = kept_profile(profile) if profile else None
    return kept.version if kept is not None else (-1, profile)
