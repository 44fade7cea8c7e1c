"""What is asked for in small pages: one's name, an address, a room and its password."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from p2pchat.config.limits import NAME_CHARS, PASSWORD_CHARS, PORT
from p2pchat.errors import P2PChatError, RequestError
from p2pchat.model.ids import has_peer_id_form
from p2pchat.model.message import Room
from p2pchat.model.names import room_name
from p2pchat.model.people import Peer
from p2pchat.model.text import safe_name
from p2pchat.node.api import NodeApi
from p2pchat.ui.language import _
from p2pchat.ui.presenters import words
from p2pchat.ui.presenters.runner import Runner


class PageView(Protocol):
    def show_error(self, text: str, field: int | None = None) -> None:
        """Under the fields; an empty text clears it. `field`: which of them is wrong, from the
        top: it is to be written anew."""
        ...

    def set_busy(self, busy: bool) -> None: ...

    def close(self) -> None: ...


class FirstStartPresenter:
    """Asks a new person for their name; nothing is opened before."""

    def __init__(self, view: PageView, suggested: str, chosen: Callable[[str], None]) -> None:
        self.suggested = safe_name(suggested)
        self._view = view
        self._chosen = chosen

    def submit(self, text: str) -> None:
        """An empty text takes the suggestion."""
        name = safe_name(text) or self.suggested
        problem = name_problem(name) if len(text) <= NAME_CHARS else _too_long()
        self._view.show_error(problem, 0)
        if not problem:
            self._view.set_busy(True)
            self._chosen(name)


def _too_long() -> str:
    return _("A name has at most {number} characters.").format(number=NAME_CHARS)


def name_problem(name: str) -> str:
    """Why a name can't be one's own; empty where it can."""
    if not name:
        return _("Please write a name that others will see.")
    if len(name) > NAME_CHARS:
        return _too_long()
    if has_peer_id_form(name):
        return _("That looks like the id of a person. Please choose a name.")
    return ""


class SomeoneElsePresenter:
    """Makes this profile a new person's."""

    def __init__(
        self, node: NodeApi, runner: Runner, view: PageView, renewed: Callable[[], None]
    ) -> None:
        self._node = node
        self._runner = runner
        self._view = view
        self._renewed = renewed

    def submit(self, text: str) -> None:
        name = text.strip()
        problem = name_problem(name)
        self._view.show_error(problem, 0)
        if not problem:
            self._view.set_busy(True)
            self._runner.call(
                lambda: self._node.become_someone_else(name), self._done, self._failed
            )

    def _done(self, _: object) -> None:
        self._view.close()
        self._renewed()

    def _failed(self, error: P2PChatError) -> None:
        self._view.set_busy(False)
        self._view.show_error(words.refusal(error))


class DeleteProfilePresenter:
    """Deletes another profile of this user: who has written its whole name means it."""

    def __init__(
        self,
        delete: Callable[[str], Coroutine[Any, Any, None]],
        runner: Runner,
        view: PageView,
        deleted: Callable[[], None],
    ) -> None:
        self._delete = delete
        self._runner = runner
        self._view = view
        self._deleted = deleted

    def submit(self, text: str) -> None:
        name = text.strip()
        self._view.show_error("" if name else _("Please write its name."), 0)
        if name:
            self._view.set_busy(True)
            self._runner.call(lambda: self._delete(name), self._done, self._failed)

    def _done(self, _: None) -> None:
        self._view.close()
        self._deleted()

    def _failed(self, error: P2PChatError) -> None:
        self._view.set_busy(False)
        self._view.show_error(words.refusal(error), 0)


class ConnectPresenter:
    """Links to an address, for networks where people aren't found by themselves."""

    def __init__(
        self, node: NodeApi, runner: Runner, view: PageView, linked: Callable[[Peer], None]
    ) -> None:
        self._node = node
        self._runner = runner
        self._view = view
        self._linked = linked
        self._busy = False

    def submit(self, text: str) -> None:
        address = text.strip()
        problem = address_problem(address)
        self._view.show_error(problem, 0)
        if problem or self._busy:
            return
        self._set_busy(True)
        match = _ADDRESS.fullmatch(address)
        port = int(match["port"] or PORT) if match else PORT
        self._runner.call(
            lambda: self._node.connect(address),
            self._done,
            lambda error: self._failed(error, port),
        )

    def _done(self, peer: Peer) -> None:
        self._set_busy(False)
        self._view.close()
        self._linked(peer)

    def _failed(self, error: P2PChatError, port: int) -> None:
        self._set_busy(False)
        nobody = isinstance(error, RequestError) and error.reason == "nobody-answered"
        self._view.show_error(
            _(
                "Nobody answered there. Does p2pchat run on that computer, and does its firewall "
                "let port {port} through?"
            ).format(port=port)
            if nobody
            else words.refusal(error),
            0,
        )

    def _set_busy(self, busy: bool) -> None:
        self._busy = busy
        self._view.set_busy(busy)


_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.%\w]+\]|[^\s:\[\]]+)(:(?P<port>\d{1,5}))?|[0-9A-Fa-f:]+")


def address_problem(address: str) -> str:
    """Why a text can't be HOST[:PORT]; empty where it can."""
    match = _ADDRESS.fullmatch(address)
    if match is None:
        return _("Write a computer's name or address, such as 192.168.1.20")
    port = match["port"]
    if port and not 0 < int(port) < 65536:
        return _("A port is a number from 1 to 65535.")
    return ""


class RoomPresenter:
    """Joins a room or creates one."""

    def __init__(
        self,
        node: NodeApi,
        runner: Runner,
        view: PageView,
        create: bool,
        opened: Callable[[str], None],
    ) -> None:
        self.create = create
        self._node = node
        self._runner = runner
        self._view = view
        self._opened = opened
        self._busy = False

    def submit(self, text: str, password: str) -> None:
        """A leading # may be written or left out; no password makes or joins an open room."""
        room = "#" + safe_name(text.strip().lstrip("#"))
        problem = room_problem(room)
        self._view.show_error(problem, 0)
        if not problem and len(password) > PASSWORD_CHARS:
            problem = _("A password has at most {number} characters.").format(number=PASSWORD_CHARS)
            self._view.show_error(problem, 1)
        if problem or self._busy:
            return
        self._set_busy(True)
        act = self._node.create_room if self.create else self._node.join_room
        self._runner.call(lambda: act(room, password or None), self._done, self._failed)

    def _done(self, room: Room) -> None:
        self._set_busy(False)
        self._view.close()
        self._opened(room.room)

    def _failed(self, error: P2PChatError) -> None:
        self._set_busy(False)
        reason = error.reason if isinstance(error, RequestError) else ""
        self._view.show_error(
            {
                "nobody-answered": _(
                    "Nobody of this room is here now, so the password can't be checked. "
                    "Try again when one of them is, or create a room of your own (Ctrl+Shift+N)."
                ),
                "room-exists": _("There is a room of that name already. Join it instead."),
            }.get(reason)
            or words.refusal(error),
            {"room-exists": 0, "wrong-password": 1}.get(reason),
        )

    def _set_busy(self, busy: bool) -> None:
        self._busy = busy
        self._view.set_busy(busy)


def room_problem(room: str) -> str:
    """Why there can't be such a room; empty where there can."""
    if room == "#":
        return _("Please write the room's name.")
    try:
        room_name(room)
    except RequestError as error:
        return words.refusal(error)
    return ""
