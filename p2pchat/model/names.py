"""What may be a name: of a person, of a room. Pure rules; `text.safe_name` says what is safe.

Names of persons are free text on one line. A room's name is typed after `#` in a terminal, so it
has no space. Rooms whose names differ only in letter case are one room: `#Maths` and `#maths`;
each profile shows the form that it met first.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import lru_cache

from p2pchat.config.limits import NAME_CHARS, ROOM_CHARS
from p2pchat.errors import RequestError
from p2pchat.model.ids import has_peer_id_form
from p2pchat.model.text import safe_name

Looks = Callable[[str], frozenset[str]]
"""All that a name looks like (UTS #39): names that have a look in common are one."""


def display_name(text: str) -> str:
    """The name that a person chose, in NFC and with its spaces collapsed; it may be empty.
    `name-not-allowed`: too long, of a PeerId's form, or with characters that don't show."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if len(name) > NAME_CHARS:
        raise _not_allowed(f"a name has at most {NAME_CHARS} characters")
    if has_peer_id_form(name):
        raise _not_allowed("a name can't look like a PeerId")
    if safe_name(name) != name:
        raise _not_allowed("a name can't hold characters that don't show")
    return name


def room_name(text: str) -> str:
    """The name of a room without `#`, in NFC; one `#` in front is taken off.
    `name-not-allowed`: empty, too long, or with a space, another `#` or `@` in front, or
    characters that don't show."""
    name = unicodedata.normalize("NFC", text.strip())
    name = name.removeprefix("#")
    if not name or name[0] in "#@":
        raise _not_allowed("a room needs a name, such as #maths")
    if len(name) > ROOM_CHARS:
        raise _not_allowed(f"a room's name has at most {ROOM_CHARS} characters")
    if any(char.isspace() for char in name):
        raise _not_allowed("a room's name has no spaces")
    if safe_name(name) != name:
        raise _not_allowed("a room's name can't hold characters that don't show")
    return name


def shown_name(text: str) -> str:
    """A person's name as a peer sent it, made safe; empty where nothing of it may be shown."""
    name = safe_name(text)
    return "" if has_peer_id_form(name) else name


def is_room_name(text: str) -> bool:
    """Whether a peer's room has a name that could be typed here."""
    try:
        return room_name(text) == text
    except RequestError:
        return False


@lru_cache(maxsize=1024)
def fold(name: str) -> str:
    """What is equal for names that differ only in letter case (Unicode caseless matching). An
    open room's id is made of this form."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _not_allowed(text: str) -> RequestError:
    return RequestError("name-not-allowed", text)
