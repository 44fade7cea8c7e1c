"""The page of settings: oneself, the look, what is told and kept, and other profiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from p2pchat.config.limits import MIB, NAME_CHARS, NOTE_CHARS
from p2pchat.config.settings import Settings
from p2pchat.errors import P2PChatError
from p2pchat.model.people import NodeInfo, Profile, Status
from p2pchat.node.api import NodeApi
from p2pchat.ui import language
from p2pchat.ui.language import _
from p2pchat.ui.presenters import words
from p2pchat.ui.presenters.alerts import Notifier
from p2pchat.ui.presenters.dialogs import name_problem
from p2pchat.ui.presenters.directory import Directory
from p2pchat.ui.presenters.runner import Runner

PERSON, NETWORK, KEY, MADE = "person", "network", "key", "made"
"""What on the page an error is about."""
EVERY_FILE = 2**50
"""Bytes; as a limit of what comes by itself: none."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A setting with few values, as they are offered."""

    names: tuple[str, ...]
    values: tuple[object, ...]
    chosen: int


@dataclass(frozen=True, slots=True)
class Person:
    """Oneself, as the page shows it."""

    name: str
    note: str
    status: Status
    avatar: str | None
    initials: str
    seed: str


class Around(Notifier, Protocol):
    """What the system around the program can do, each only where it can."""

    async def clicked(self) -> str:
        """The conversation of the next notification that is clicked."""
        ...

    def in_tray(self) -> bool:
        """Whether the program has an icon in the system's tray now."""
        ...

    def autostart(self) -> bool | None:
        """Whether the program starts with the system; None where it can't be told to."""
        ...

    def set_autostart(self, on: bool) -> None:
        """P2PChatError."""
        ...

    def profiles(self) -> Sequence[str]:
        """The names of the profiles of this user; the unnamed one is the empty text."""
        ...

    def open_profile(self, name: str) -> None:
        """In a window of its own; made where there is none. P2PChatError."""
        ...

    async def delete_profile(self, name: str) -> None:
        """For good, but what it has downloaded. P2PChatError, also for the unnamed one and one
        that is open anywhere."""
        ...


class PreferencesView(Protocol):
    def show_person(self, person: Person) -> None: ...

    def show_settings(self, settings: Settings, choices: dict[str, Choice]) -> None: ...

    def show_error(self, text: str, about: str = PERSON) -> None:
        """Beside what it is about; an empty text clears it."""
        ...

    def show_made(self, path: str, public: str) -> None:
        """Where a new key is, and its public half, to be given to the others."""
        ...

    def show_downloads(self, folder: str, chosen: bool, trouble: str) -> None:
        """Where files go; whether a person has chosen it; why another one can't be, or nothing."""
        ...


class PreferencesPresenter:
    def __init__(
        self,
        node: NodeApi,
        runner: Runner,
        directory: Directory,
        change: Callable[[Mapping[str, object]], None],
        changed: Callable[[Settings], None],
    ) -> None:
        """`change` keeps settings and has the window follow them; `changed` has it follow those
        that are kept already."""
        self._node = node
        self._runner = runner
        self._directory = directory
        self._change = change
        self._changed = changed
        self._view: PreferencesView | None = None
        self._settings = Settings()
        directory.listeners.append(self._show_person)

    def open(self, view: PreferencesView) -> None:
        self._view = view
        self._show_person()
        self._runner.call(self._node.settings, self.follow)

    def close(self) -> None:
        self._view = None

    def follow(self, settings: Settings) -> None:
        """They are so now."""
        self._settings = settings
        if self._view is not None:
            self._view.show_settings(settings, choices(settings))
            self._show_downloads()

    def choose(self, setting: str, index: int) -> None:
        """One of the values that were offered for it."""
        self._change({setting: choices(self._settings)[setting].values[index]})

    def set_network(self, text: str) -> None:
        """The network's name from the next start on; empty: the usual one."""
        name = text.strip()
        if len(name) > NAME_CHARS:
            said = _("A name has at most {number} characters.").format(number=NAME_CHARS)
            self._error(said, NETWORK)
            return
        self._error("", NETWORK)
        if name != self._settings.network:
            self._change({"network": name})

    def set_key(self, text: str) -> None:
        """The public half of the network's appointing key, from the next start on."""
        key = text.strip()
        if key == self._settings.appointed_by:
            self._error("", KEY)
            return
        self._runner.call(
            lambda: self._node.set_settings({"appointed_by": key}),
            self._key_set,
            lambda _error: self._error(_("This is no key of a network."), KEY),
        )

    def _key_set(self, settings: Settings) -> None:
        self._error("", KEY)
        self._changed(settings)

    def make_key(self, path: str) -> None:
        """A new appointing key, in a new file."""

        def made(public: str) -> None:
            self._error("", MADE)
            if self._view is not None:
                self._view.show_made(path, public)

        self._runner.call(
            lambda: self._node.accounts.make_appointing_key(path),
            made,
            lambda error: self._error(words.refusal(error), MADE),
        )

    def set_downloads(self, folder: str) -> None:
        """Files go there from now on; empty: to the profile's own folder."""
        self._runner.call(
            lambda: self._node.set_settings({"downloads": folder}),
            self._changed,
            lambda error: self._show_downloads(words.refusal(error)),
        )

    def _show_downloads(self, trouble: str = "") -> None:
        def show(info: NodeInfo) -> None:
            if self._view is not None:
                self._view.show_downloads(info.downloads, bool(self._settings.downloads), trouble)

        self._runner.call(self._node.info, show)

    def switch(self, setting: str, on: bool) -> None:
        self._change({setting: on})

    # -- oneself

    def _show_person(self) -> None:
        if self._view is not None:
            self._view.show_person(person(self._directory.me))

    def set_name(self, text: str) -> None:
        name = text.strip()
        if name == self._directory.me.name:
            self._error("")
            return
        problem = name_problem(name)
        self._error(problem)
        if not problem:
            self._set(name=name)

    def set_note(self, text: str) -> None:
        note = text.strip()
        if note == self._directory.me.note:
            self._error("")
        elif len(note) > NOTE_CHARS:
            self._error(_("A note has at most {number} characters.").format(number=NOTE_CHARS))
        else:
            self._set(note=note)

    def set_status(self, status: Status) -> None:
        self._set(status=status.value)

    def set_avatar(self, avatar: str) -> None:
        """Base64 of a PNG or JPEG; empty: none."""
        self._set(avatar=avatar)

    def trouble(self, error: P2PChatError) -> None:
        self._error(words.refusal(error))

    def _set(self, **changes: str) -> None:
        def keep(profile: Profile) -> None:
            self._error("")
            self._directory.keep_me(profile)

        self._runner.call(lambda: self._node.set_profile(**changes), keep, self.trouble)

    def _error(self, text: str, about: str = PERSON) -> None:
        if self._view is not None:
            self._view.show_error(text, about)


def person(me: Profile) -> Person:
    return Person(me.name, me.note, me.status, me.avatar, words.initials(me.name), me.peer_id)


def choices(settings: Settings) -> dict[str, Choice]:
    """By setting, what is offered. A value that isn't offered is added, as it is."""
    spoken = language.available()
    return {
        "theme": _choice(
            settings.theme,
            {_("As the system"): "system", _("Light"): "light", _("Dark"): "dark"},
            str,
        ),
        "language": _choice(
            settings.language,
            {_("As the system"): "", **{name: tag for tag, name in spoken.items()}},
            str,
        ),
        "auto_fetch": _choice(
            settings.auto_fetch,
            {
                _("None"): 0,
                **{_up_to(size): size for size in (5 * MIB, 50 * MIB, 500 * MIB)},
                _("All"): EVERY_FILE,
            },
            _up_to,
        ),
        "limit": _choice(
            settings.limit,
            {
                _("No limit"): 0,
                **{_a_second(rate): rate for rate in (MIB, 5 * MIB, 20 * MIB)},
            },
            _a_second,
        ),
        "away_after": _choice(
            settings.away_after,
            {_("Never"): 0, **{words.duration(s): s for s in (300, 600, 1800)}},
            words.duration,
        ),
    }


def _choice(value: object, offered: dict[str, object], name: Callable[..., str]) -> Choice:
    if value not in offered.values():
        offered = {**offered, name(value): value}
    values = tuple(offered.values())
    return Choice(tuple(offered), values, values.index(value))


def _up_to(size: int) -> str:
    return _("Up to {size}").format(size=words.size(size).replace(".0 ", " "))


def _a_second(rate: int) -> str:
    return f"{words.size(rate).replace('.0 ', ' ')}/s"
