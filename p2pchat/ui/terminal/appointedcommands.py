"""The commands of the terminal chat for what the appointed announces and writes down."""

from __future__ import annotations

from datetime import datetime

from p2pchat.model.accounts import Announcement
from p2pchat.model.ids import PeerId
from p2pchat.model.people import Status
from p2pchat.model.text import one_line, safe_name, safe_text
from p2pchat.ui.marked import marked
from p2pchat.ui.presenters import words
from p2pchat.ui.presenters.bulletins import when
from p2pchat.ui.presenters.spans import Span, Usual, read_span, usual
from p2pchat.ui.terminal.command import Command, Wrong, person_of
from p2pchat.ui.terminal.rendering import INDENT
from p2pchat.ui.terminal.state import Chat

LISTED = 10
NAMES = 30
_USUAL = {which.name.lower(): which for which in Usual}


async def _announce(chat: Chat, rest: str) -> None:
    room: str | None = None
    if rest.startswith("#"):
        room, _, rest = rest.partition(" ")
    if not rest.strip():
        raise Wrong("what? /announce TEXT for everyone, /announce #room TEXT")
    made = await chat.node.accounts.announce(rest.strip(), room)
    chat.say(f"announced to {_addressee(chat, made)}; /announcements says who has seen it")


async def _announcements(chat: Chat, rest: str) -> None:
    if rest and not (rest.isdecimal() and int(rest)):
        raise Wrong(f"how many? /announcements {LISTED}")
    found = await chat.node.accounts.announcements()
    for one in reversed(found[: int(rest or LISTED)]):
        label = marked(safe_name(one.author_label), chat.is_registered(one.author))
        text = safe_text(one.text).replace("\n", f"\n{INDENT}")
        at = when(one, datetime.now().astimezone())
        chat.say(f"{at} {label} to {_addressee(chat, one)}: {text}")
        chat.say(f"{INDENT}seen by {_names(chat, one.seen_by) or 'nobody yet'}")
        missing = await _missing(chat, one)
        if missing:
            chat.say(f"{INDENT}of those here not yet by {_names(chat, missing)}")
    if not found:
        chat.say("nothing was announced yet")


def _addressee(chat: Chat, one: Announcement) -> str:
    return "everyone" if one.conversation is None else chat.title(one.conversation)


def _names(chat: Chat, people: list[PeerId] | tuple[PeerId, ...]) -> str:
    return words.several(sorted(map(chat.label, people), key=str.casefold), NAMES)


async def _missing(chat: Chat, one: Announcement) -> list[PeerId]:
    here = [p.peer_id for p in chat.people.values() if p.status != Status.OFFLINE]
    here.append(chat.me.peer_id)
    if one.conversation is not None:
        members = {member.peer_id for member in await chat.node.members(one.conversation)}
        here = [person for person in here if person in members]
    return [person for person in here if person not in (one.author, *one.seen_by)]


async def _attendance(chat: Chat, rest: str) -> None:
    parts = rest.split()
    path = ""
    if parts[:1] == ["export"]:
        if len(parts) < 2:
            raise Wrong("where to? /attendance export FILE [SPAN]")
        path, parts = parts[1], parts[2:]
    since, until = _span(parts).rfc3339
    if path:
        written = await chat.node.accounts.export_attendance(path, since, until, spreadsheet=True)
        chat.say(f"written to {one_line(written, 400)}")
        return
    stays = await chat.node.accounts.attendance(since, until)
    for stay in stays:
        came, left = words.local_time(stay.came), words.local_time(stay.left or "")
        label = marked(safe_name(stay.label), stay.account is not None)
        end = f"{left:%Y-%m-%d %H:%M}" if left else "still here"
        chat.say(f"{came:%Y-%m-%d %H:%M}  {end:16}  {label}" if came else label)
    people = len({stay.peer_id for stay in stays})
    chat.say(f"{words.count(people, 'person', 'people')} in the register")


async def _appoint(chat: Chat, rest: str) -> None:
    if not rest:
        raise Wrong("where to? /appoint FILE makes the network's key, once")
    public = await chat.node.accounts.make_appointing_key(rest)
    chat.say(f"The key is in {one_line(rest, 400)}: keep it as you keep a password.")
    chat.say("Start this computer with --appointing-key and that file, and give all computers")
    chat.say(f"--appointed-by {public}")


async def _holder(chat: Chat, rest: str) -> None:
    if not rest:
        raise Wrong("whose computer? /holder NAME lets it keep accounts")
    peer_id, more = await person_of(chat, rest)
    if more:
        raise Wrong("whose computer? /holder NAME, and nothing else")
    label, line = chat.label(peer_id), f"/holder {rest}"
    if chat.asked_twice != line:
        chat.asked_twice = line
        chat.say(f"While this computer is off, {label}'s registers names and signs people in then,")
        chat.say("where its settings say that it helps. Whoever controls it could refuse that, or")
        chat.say("try to guess passwords; without the password it opens no account, and it takes")
        chat.say("nobody's name that this one has confirmed. This can't be taken back.")
        chat.say(f"To do it, write once more: {one_line(line, 100)}")
        return
    chat.asked_twice = ""
    await chat.node.accounts.sign_holders(peer_id)
    chat.say(f"{label}'s computer may keep accounts now")


async def _release(chat: Chat, rest: str) -> None:
    """By the name as it is written, as another one may differ in a letter's case alone."""
    found = [one for one in await chat.node.accounts.accounts() if one.name == rest]
    if not rest or not found:
        raise Wrong("whose name? /release NAME, as /accounts has it")
    line = f"/release {rest}"
    if chat.asked_twice != line:
        chat.asked_twice = line
        chat.say("Somebody else may register the name then; the account goes on under another.")
        chat.say(f"To do it, write once more: {one_line(line, 100)}")
        return
    chat.asked_twice = ""
    await chat.node.accounts.release(found[0].account_id)
    chat.say(f"{safe_name(rest)} is free now")


def _span(parts: list[str]) -> Span:
    if len(parts) < 2:
        which = _USUAL.get(parts[0].lower() if parts else "today")
        if which is not None:
            return usual(which, datetime.now().astimezone())
    if len(parts) > 2:
        raise Wrong(f"/attendance {', '.join(_USUAL)}, or FROM TO, such as 2026-03-16T09:30")
    return read_span(parts[0], parts[1] if len(parts) == 2 else parts[0])


APPOINTED_COMMANDS = (
    Command("announcements", "[N]", "what was announced, and who has seen it", _announcements),
    Command("announce", "[#ROOM] TEXT", "the appointed: tell everyone, or a room", _announce),
    Command(
        "attendance",
        "[export FILE] [SPAN]",
        "the appointed: who was here from when to when",
        _attendance,
    ),
    Command("release", "NAME", "the appointed: give a forgotten account's name free", _release),
    Command("holder", "NAME", "the appointed: let somebody's computer keep accounts", _holder),
    Command("appoint", "FILE", "make the key of whoever runs the network", _appoint),
)
