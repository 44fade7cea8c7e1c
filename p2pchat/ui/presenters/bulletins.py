"""What stands above everything until somebody has dismissed it: announcements, and that one's own
account has another name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from p2pchat.events import AccountRenamed, Announced, Event
from p2pchat.model.accounts import Announcement
from p2pchat.model.text import quoted, safe_name, safe_text
from p2pchat.node.api import NodeApi
from p2pchat.ui.language import _
from p2pchat.ui.presenters import words
from p2pchat.ui.presenters.directory import Directory
from p2pchat.ui.presenters.marks import Mark
from p2pchat.ui.presenters.runner import Delayed, Runner

SEEN_MS = 2000
"""So long it stands there, and the window has the focus: then it is seen."""
SHOWN_LINES, SHOWN_CHARS = 6, 600
"""Of a text; the page of announcements has all of it."""


@dataclass(frozen=True, slots=True)
class Bulletin:
    title: str
    text: str
    detail: str = ""
    """To whom, and when."""
    marks: tuple[Mark, ...] = ()
    """Drawn after the title."""
    announcement_id: str = ""
    """Else it is about one's own account."""


class BulletinView(Protocol):
    def show_bulletin(self, bulletin: Bulletin | None, more: int) -> None:
        """`more` wait behind it."""
        ...


class BulletinsPresenter:
    def __init__(
        self,
        node: NodeApi,
        runner: Runner,
        directory: Directory,
        view: BulletinView,
        now: Callable[[], datetime],
    ) -> None:
        self._node = node
        self._runner = runner
        self._directory = directory
        self._view = view
        self._now = now
        self._waiting: list[Bulletin] = []
        self._seen: set[str] = set()
        self._active = False
        self._looked = Delayed(runner, SEEN_MS, self._look)

    def events(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, Announced):
                self._put(self._announced(event.announcement))
            elif isinstance(event, AccountRenamed) and self._is_ours(event):
                self._put(renamed(event))

    def _is_ours(self, event: AccountRenamed) -> bool:
        return event.account_id == self._directory.me.peer_id

    def renewed(self) -> None:
        """This profile is someone else's from now on, who has seen nothing of it."""
        self._waiting.clear()
        self._seen.clear()
        self._show()

        async def unseen() -> list[Announcement]:
            me = (await self._node.profile()).peer_id
            found = await self._node.accounts.announcements()
            return [one for one in reversed(found) if me not in (one.author, *one.seen_by)]

        def put(found: list[Announcement]) -> None:
            for one in found:
                self._put(self._announced(one))

        self._runner.call(unseen, put)

    def set_active(self, active: bool) -> None:
        """Whether the window has the focus."""
        self._active = active
        self._await_look()

    def dismiss(self) -> None:
        if self._waiting:
            self._see(self._waiting.pop(0))
            self._show()

    def _announced(self, one: Announcement) -> Bulletin:
        label = self._directory.labels.get(one.author) or safe_name(one.author_label)
        text = safe_text(one.text).strip()
        lines = text.split("\n")
        to_whom = _("announces {to_whom}").format(to_whom=addressee(self._directory, one))
        shown = "\n".join(lines[:SHOWN_LINES])[:SHOWN_CHARS]
        return Bulletin(
            title=label,
            text=shown if shown == text else shown.rstrip() + " …",
            detail=f"{to_whom} · {when(one, self._now())}",
            marks=self._directory.marks.get(one.author, ()),
            announcement_id=one.announcement_id,
        )

    def _put(self, bulletin: Bulletin) -> None:
        if _key(bulletin) not in map(_key, self._waiting):
            self._waiting.append(bulletin)
            self._show()

    def _show(self) -> None:
        first = self._waiting[0] if self._waiting else None
        self._view.show_bulletin(first, max(0, len(self._waiting) - 1))
        self._await_look()

    def _await_look(self) -> None:
        self._looked.cancel()
        if self._active and self._waiting:
            self._looked.ask()

    def _look(self) -> None:
        if self._waiting:
            self._see(self._waiting[0])

    def _see(self, bulletin: Bulletin) -> None:
        id = bulletin.announcement_id
        if id and id not in self._seen:
            self._seen.add(id)
            self._runner.call(lambda: self._node.accounts.saw(id))


def _key(bulletin: Bulletin) -> object:
    """The same for what is told twice: when it was is told otherwise the day after."""
    return bulletin.announcement_id or bulletin


def addressee(directory: Directory, one: Announcement) -> str:
    if one.conversation is None:
        return _("to everyone")
    return _("to {room}").format(room=directory.title(one.conversation))


def when(one: Announcement, now: datetime) -> str:
    """The day, unless it is today, and the time."""
    at = words.local_time(one.sent_at)
    if at is None:
        return ""
    if at.date() == now.date():
        return words.clock(at)
    return _("{day}, {time}").format(day=words.day(at, now), time=words.clock(at))


def renamed(event: AccountRenamed) -> Bulletin:
    """What the person of the account has to know."""
    old, new = quoted(safe_name(event.old_name)), quoted(safe_name(event.new_name))
    if event.why == "released":
        why = _("Whoever runs the network has released the name {old}: somebody else may have it.")
    else:
        why = _("Two parts of the network had given the name {old} to two people, and the other "
                "one keeps it.")  # fmt: skip
    stays = _("Your messages and contacts stay yours. Sign in as {new} from now on, with the same "
              "password.")  # fmt: skip
    return Bulletin(
        title=_("Your account is called {new} now").format(new=new),
        text=f"{why.format(old=old)} {stays.format(new=new)}",
    )
