"""The commands of the terminal chat, such as `/join`. Upper and lower case are the same."""

from __future__ import annotations

from p2pchat.errors import P2PChatError, RequestError
from p2pchat.model.ids import PeerId
from p2pchat.model.message import Message
from p2pchat.model.people import Status
from p2pchat.model.text import one_line, safe_name
from p2pchat.ui.marked import SIGN, marked
from p2pchat.ui.presenters import words
from p2pchat.ui.presenters.words import LOBBY
from p2pchat.ui.terminal.accountcommands import ACCOUNT_COMMANDS
from p2pchat.ui.terminal.appointedcommands import APPOINTED_COMMANDS
from p2pchat.ui.terminal.command import Command, Wrong, person_of
from p2pchat.ui.terminal.filecommands import FILE_COMMANDS
from p2pchat.ui.terminal.state import HISTORY, Chat

END = "over"
MOST_HISTORY = 5000


async def take_line(chat: Chat, line: str) -> bool:
    """Do what one line says: a command, `over`, or a message. False: the person leaves."""
    line = line.strip("\r\n")
    if line.strip().lower() == END:
        return False
    try:
        if line.startswith("/") and not line.startswith("//"):
            return await _command(chat, line)
        if line.strip():
            await chat.send(line[1:] if line.startswith("//") else line)
    except Wrong as error:
        chat.warn(str(error))
    except RequestError as error:
        _explain(chat, error)
    except P2PChatError as error:
        chat.explain(error)
    return True


async def _command(chat: Chat, line: str) -> bool:
    word, _, rest = line[1:].partition(" ")
    name = word.lower()
    if name in ("quit", "exit"):
        return False
    command = BY_NAME.get(name)
    if command is None:
        raise Wrong(f"there is no command /{one_line(word, 40)}; /help lists them")
    await command.run(chat, rest.strip())
    return True


def _explain(chat: Chat, error: RequestError) -> None:
    chat.explain(error)
    if error.reason == "ambiguous-name":
        for candidate in error.data.get("candidates", ()):
            peer_id = PeerId(str(candidate))
            chat.say(f"{chat.label(peer_id)} is @{one_line(peer_id, 40)}")


# -- help


async def _help(chat: Chat, rest: str) -> None:
    width = max(len(f"{c.name} {c.arguments}") for c in COMMANDS) + 3
    for command in COMMANDS:
        chat.say(f"/{command.name} {command.arguments}".ljust(width) + command.does)
    chat.say("Anything else is sent. //text sends /text, `over` leaves as /quit does.")
    chat.say(f"{SIGN} after a name: it is registered, and nobody else's can look like it.")


# -- rooms


def _room(text: str) -> tuple[str, str]:
    """A room's name with its `#`, and what follows it."""
    room, _, rest = text.partition(" ")
    if not room:
        raise Wrong("which room? /join #room")
    return (room if room.startswith("#") else f"#{room}"), rest.strip()


async def _join(chat: Chat, rest: str) -> None:
    room, password = _room(rest)
    known = chat.rooms.get(room)
    if known is None or not known.joined:
        given = password or None
        if given is None and known is not None and known.protected:
            given = await _ask_password(chat, room)
        try:
            known = await chat.node.join_room(room, given)
        except RequestError as error:
            if error.reason != "wrong-password" or given is not None:
                raise
            known = await chat.node.join_room(room, await _ask_password(chat, room))
        await chat.refresh_lists()
    chat.say(f"you are in {chat.title(known.room)}")
    await chat.open(known.room)


async def _ask_password(chat: Chat, room: str) -> str:
    if chat.ask_secret is None:
        raise Wrong(f"{chat.title(room)} takes a password: /join {chat.title(room)} PASSWORD")
    password = await chat.ask_secret(f"password of {chat.title(room)}: ")
    if not password:
        raise Wrong("no password, not joined")
    return password


async def _create(chat: Chat, rest: str) -> None:
    room, password = _room(rest)
    made = await chat.node.create_room(room, password or None)
    await chat.refresh_lists()
    chat.say(f"you made {chat.title(made.room)}{', with a password' if made.protected else ''}")
    await chat.open(made.room)


async def _leave(chat: Chat, rest: str) -> None:
    room = _room(rest)[0] if rest else chat.here
    if not room.startswith("#"):
        await chat.open(LOBBY)
        return
    await chat.node.leave_room(room)
    await chat.refresh_lists()
    chat.say(f"you left {chat.title(room)}")
    if chat.here == room:
        await chat.open(LOBBY)


async def _rooms(chat: Chat, rest: str) -> None:
    await chat.refresh_lists()
    for room in sorted(chat.rooms.values(), key=lambda room: (not room.joined, room.room)):
        parts = [words.count(room.members, "person", "people")]
        if room.protected:
            parts.append("password")
        if room.looks_like:
            parts.append(f"not {room.looks_like}, whose name its own looks like")
        if room.joined:
            parts.append(f"{room.unread} unread" if room.unread else "joined")
        chat.say(f"{chat.title(room.room)}: {', '.join(parts)}")


# -- people


async def _msg(chat: Chat, rest: str) -> None:
    peer_id, text = await person_of(chat, rest)
    conversation = f"@{peer_id}"
    if text:
        await chat.send(text, conversation)
    else:
        await chat.open(conversation)
        chat.say(f"you write to {chat.title(conversation)} alone; /join #lobby goes back")


async def _who(chat: Chat, rest: str) -> None:
    if rest or chat.here.startswith("#"):
        room = _room(rest)[0] if rest else chat.here
        members = await chat.node.members(room)
        people = [(m.label, m.status, m.peer_id) for m in members]
        chat.say(f"in {chat.title(room)}:")
    else:
        people = [(p.label, p.status.value, p.peer_id) for p in chat.people.values()]
    order = [status.value for status in Status]
    for label, status, peer_id in sorted(
        people, key=lambda p: (order.index(p[1]), p[0].casefold())
    ):
        peer = chat.people.get(peer_id)
        marks = ["verified"] if peer and peer.verified else []
        marks += ["blocked"] if peer and peer.blocked else []
        marks += [one_line(peer.note, 80)] if peer and peer.note else []
        marks += [one_line(peer.warning, 200)] if peer and peer.warning else []
        you = " (you)" if peer_id == chat.me.peer_id else ""
        marks += ["keeps attendance"] if peer and peer.keeps_register else []
        marks += ["keeps accounts"] if peer and peer.holder else []
        shown = marked(words.person_label(label, peer_id), chat.is_registered(peer_id))
        chat.say(f"{shown}{you}: {', '.join([status, *marks])}")


async def _verify(chat: Chat, rest: str) -> None:
    peer_id, answer = await person_of(chat, rest)
    if answer.lower() in ("yes", "no"):
        peer = await chat.node.set_verified(peer_id, answer.lower() == "yes")
        chat.people[peer_id] = peer
        chat.say(f"{chat.label(peer_id)} is {'' if peer.verified else 'not '}verified")
        return
    phrase = one_line(await chat.node.verify_words(peer_id), 200)
    label = chat.label(peer_id)
    chat.say(f"{phrase}: does {label} see the same words? /verify @{peer_id} yes")


async def _block(chat: Chat, rest: str) -> None:
    peer_id, answer = await person_of(chat, rest)
    on = answer.lower() not in ("off", "no")
    chat.people[peer_id] = await chat.node.block(peer_id, on)
    chat.say(f"{chat.label(peer_id)} is {'blocked' if on else 'no longer blocked'}")


async def _contacts(chat: Chat, rest: str) -> None:
    if rest:
        peer_id, answer = await person_of(chat, rest)
        on = answer.lower() not in ("off", "no")
        chat.people[peer_id] = await chat.node.set_contact(peer_id, on)
        chat.say(f"{chat.label(peer_id)} is {'' if on else 'no longer '}a contact")
        return
    found = sorted(
        (peer for peer in chat.people.values() if peer.contact),
        key=lambda peer: peer.label.casefold(),
    )
    for peer in found:
        label = words.person_label(peer.label, peer.peer_id)
        chat.say(f"{marked(label, chat.is_registered(peer.peer_id))}: {peer.status.value}")
    if not found:
        chat.say("nobody is a contact yet: /contacts @PERSON adds one")


async def _connect(chat: Chat, rest: str) -> None:
    if not rest:
        raise Wrong("where? /connect HOST:PORT")
    peer = await chat.node.connect(rest)
    chat.people[peer.peer_id] = peer
    chat.say(f"linked to {chat.label(peer.peer_id)}")


# -- messages


async def _history(chat: Chat, rest: str) -> None:
    limit = HISTORY
    if rest:
        if not rest.isdecimal() or not 0 < int(rest) <= MOST_HISTORY:
            raise Wrong(f"how many? /history {HISTORY}, at most {MOST_HISTORY}")
        limit = int(rest)
    for message in await chat.node.messages(chat.here, limit):
        chat.show(message)


async def _search(chat: Chat, rest: str) -> None:
    if not rest:
        raise Wrong("what for? /search words")
    found = await chat.node.search(rest, limit=HISTORY)
    for message in reversed(found):
        place = chat.title(message.conversation)
        chat.lines.show(*chat.parts(message, place, quoted={}))
    if not found:
        chat.say("nothing found")


def _needed(message: Message | None) -> Message:
    if message is None:
        raise Wrong("there is no such message on the screen")
    return message


async def _reply(chat: Chat, rest: str) -> None:
    if not rest:
        raise Wrong("what? /reply text")
    await chat.send(rest, reply_to=_needed(chat.last(own=False)).message_id)


async def _react(chat: Chat, rest: str) -> None:
    if not rest:
        raise Wrong("how? /react 👍")
    message = _needed(chat.last(own=False))
    _changed(chat, await chat.node.react(message.message_id, rest))


async def _edit(chat: Chat, rest: str) -> None:
    if not rest:
        raise Wrong("to what? /edit text")
    _changed(chat, await chat.node.edit(_needed(chat.last(own=True)).message_id, rest))


async def _delete(chat: Chat, rest: str) -> None:
    _changed(chat, await chat.node.delete(_needed(chat.last(own=True)).message_id))


def _changed(chat: Chat, message: Message) -> None:
    chat.shown[message.message_id] = message
    chat.lines.show(*chat.parts(message))


# -- oneself


async def _name(chat: Chat, rest: str) -> None:
    if rest:
        chat.me = await chat.node.set_profile(name=rest)
    chat.say(f"you are {safe_name(chat.me.name)}")


async def _status(chat: Chat, rest: str) -> None:
    if rest:
        word, _, note = rest.partition(" ")
        if word.lower() not in ("online", "away", "busy"):
            raise Wrong("/status online, away or busy, and a note if you like")
        chat.me = await chat.node.set_profile(status=word.lower(), note=note.strip())
    note = f", {one_line(chat.me.note, 80)}" if chat.me.note else ""
    chat.say(f"you are {chat.me.status.value}{note}")


async def _someone_else(chat: Chat, rest: str) -> None:
    line = f"/someone-else {rest}".strip()
    if chat.asked_twice != line:
        chat.asked_twice = line
        chat.say("As a new person you keep your rooms. Your direct messages, who you have verified")
        chat.say("or blocked, and your drafts go from this profile. To do it, write once more:")
        chat.say(one_line(line, 100))
        return
    chat.asked_twice = ""
    await chat.node.become_someone_else(rest)
    await chat.begin()


async def _quit(chat: Chat, rest: str) -> None:
    """Never called: `_command` ends before."""


COMMANDS = (
    Command("help", "", "this list", _help),
    Command("join", "ROOM [PASSWORD]", "go to a room", _join),
    Command("create", "ROOM [PASSWORD]", "make a room, with a password if you like", _create),
    Command("leave", "[ROOM]", "leave a room", _leave),
    Command("msg", "@PERSON [TEXT]", "write to one person alone", _msg),
    Command("who", "[ROOM]", "who is here", _who),
    Command("rooms", "", "all rooms", _rooms),
    Command("history", "[N]", "older messages", _history),
    Command("search", "WORDS", "find messages", _search),
    Command("reply", "TEXT", "answer the last message", _reply),
    Command("react", "EMOJI", "react to the last message", _react),
    Command("edit", "TEXT", "change your last message", _edit),
    Command("delete", "", "delete your last message", _delete),
    *FILE_COMMANDS,
    Command("name", "[NAME]", "your name", _name),
    Command("status", "[online|away|busy] [NOTE]", "your status", _status),
    Command("someone-else", "[NAME]", "become a new person, on a copy of a profile", _someone_else),
    *ACCOUNT_COMMANDS,
    *APPOINTED_COMMANDS,
    Command("connect", "HOST:PORT", "link to an address", _connect),
    Command("verify", "@PERSON [yes|no]", "compare words, to know who it is", _verify),
    Command("contacts", "[@PERSON [off]]", "your contacts, or one more or less", _contacts),
    Command("block", "@PERSON [off]", "get nothing from someone", _block),
    Command("quit", "", "leave", _quit),
)
BY_NAME = {command.name: command for command in COMMANDS}
