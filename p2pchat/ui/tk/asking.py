"""The dialogs that ask for something: an address, a room, a name, whether it is them."""

from __future__ import annotations

import os
import tkinter as tk
from collections.abc import Callable, Sequence

from p2pchat.model.people import Peer
from p2pchat.model.text import one_line, quoted
from p2pchat.node.api import NodeApi
from p2pchat.ui.language import _, ngettext
from p2pchat.ui.presenters.dialogs import (
    ConnectPresenter,
    RoomPresenter,
    SomeoneElsePresenter,
    name_problem,
)
from p2pchat.ui.presenters.main import MainPresenter
from p2pchat.ui.presenters.runner import Runner
from p2pchat.ui.tk.pages import Dialog
from p2pchat.ui.tk.theme import Theme
from p2pchat.ui.tk.thumbnails import Thumbnails

SHOWN = 8
"""Names of what is to be shared; of more their number is said."""


class Asking:
    def __init__(
        self,
        root: tk.Tk,
        theme: Theme,
        node: NodeApi,
        runner: Runner,
        main: MainPresenter,
        thumbnails: Thumbnails,
    ) -> None:
        self.main = main
        self._root = root
        self._theme = theme
        self._node = node
        self._runner = runner
        self._thumbnails = thumbnails

    def connect(self) -> None:
        dialog = Dialog(
            self._root, self._theme, _("Connect by address"),
            _("For people who don't show up by themselves: write the name or address of their "
              "computer."), _("Connect"),
        )  # fmt: skip
        field = dialog.page.add_field(_("Address"), _("192.168.1.20 or 192.168.1.20:27474"))
        presenter = ConnectPresenter(self._node, self._runner, dialog.page, self.main.open_person)
        dialog.page.on_submit = lambda: presenter.submit(field.text)
        dialog.open(field.entry)

    def room(self, create: bool, protected: str = "") -> None:
        """`protected`: a room that is known to take a password."""
        title = (
            _("Create a room")
            if create
            else _("Join {room}").format(room=protected)
            if protected
            else _("Join a room")
        )
        about = (
            _(
                "Everyone on this network can join an open room. With a password, only those who "
                "know it can join and read."
            )
            if create
            else _("Only those who know its password can join and read.")
            if protected
            else _("An open room that nobody has yet is created.")
        )
        dialog = Dialog(self._root, self._theme, title, about, _("Create") if create else _("Join"))
        name = dialog.page.add_field(_("Room"), _("maths"))
        optional = (_("Password (optional)"), _("none: an open room"))
        label, hint = (_("Password"), "") if protected else optional
        password = dialog.page.add_field(label, hint, secret=True)
        presenter = RoomPresenter(
            self._node, self._runner, dialog.page, create, self.main.entered_room
        )
        dialog.page.on_submit = lambda: presenter.submit(name.text, password.text)
        name.set(protected)
        dialog.open((password if protected else name).entry)

    def share(
        self,
        names: Sequence[str],
        share: Callable[[], None],
        conversation: str = "",
        picture: bytes = b"",
    ) -> None:
        """Call `share` once somebody has seen what goes to whom. `names` may be paths; `picture` is
        shown."""
        if not self.main.files.may_share(len(names)):
            return
        to = self.main.directory.title(conversation or self.main.conversation.name)
        shown = [one_line(os.path.basename(name.rstrip("/\\")) or name, 60) for name in names]
        more = len(shown) - SHOWN
        if more > 0:
            shown[SHOWN:] = [ngettext("and {number} other", "and {number} others", more)]
        title = _("Share with {name}").format(name=quoted(to))
        self._confirm(title, "\n".join(shown), _("Share"), share, ready=True, picture=picture)

    def words(self, peer: Peer) -> None:
        """Both sides see the same words: who compares them by voice knows who is there."""
        label = quoted(self.main.directory.said[peer.peer_id])

        def show(phrase: str) -> None:
            self._confirm(
                _("Is this {name}?").format(name=label),
                _("Ask {name}, by voice or face to face, for the words that they see here. If "
                  "they are the same, nobody pretends to be {name}.").format(name=label),
                _("They are the same"),
                lambda: self.main.directory.set_verified(peer.peer_id, True),
                phrase,
            )  # fmt: skip

        self._runner.call(lambda: self._node.verify_words(peer.peer_id), show)

    def release(self, peer: Peer) -> None:
        """The appointed gives a registered name free."""
        self._confirm(
            _("Release the name {name}").format(
                name=quoted(self.main.directory.labels[peer.peer_id])
            ),
            _("For an account that is forgotten: somebody else may register the name then. The "
              "account goes on under another name, with its messages and contacts."),
            _("Release"),
            lambda: self._runner.call(lambda: self._node.accounts.release(peer.peer_id)),
        )  # fmt: skip

    def choose(self, peer: Peer) -> None:
        """The appointed lets somebody's computer keep accounts."""
        label = quoted(self.main.directory.labels[peer.peer_id])
        self._confirm(
            _("Let {name}'s computer keep accounts").format(name=label),
            _("While this computer is off, that one registers names and signs people in, where its "
              "settings say that it helps. Whoever controls it could refuse that, or try to guess "
              "passwords; without the password it opens no account, and it takes nobody's name "
              "that this computer has confirmed. This can't be taken back."),
            _("Let it"),
            lambda: self._runner.call(lambda: self._node.accounts.sign_holders(peer.peer_id)),
        )  # fmt: skip

    def _confirm(
        self,
        title: str,
        about: str,
        button: str,
        act: Callable[[], None],
        shown: str = "",
        ready: bool = False,
        picture: bytes = b"",
    ) -> None:
        """Act once the button is pressed; `shown` stands out. `ready`: Enter does it; else keys are
        on Cancel, as whom to trust is no matter of an Enter too many."""
        dialog = Dialog(self._root, self._theme, title, about, button)
        if shown:
            dialog.page.add_shown(shown)
        if picture:
            show = dialog.page.add_picture(*self._thumbnails.size)
            self._thumbnails.make(picture, show)

        def submit() -> None:
            dialog.close()
            act()

        dialog.page.on_submit = submit
        dialog.open(dialog.page.button if ready else dialog.page.cancel)

    def name(self) -> None:
        dialog = Dialog(
            self._root, self._theme, _("Change name"), _("The name that others see."), _("Change")
        )
        field = dialog.page.add_field(_("Your name"), "")
        field.set(self.main.directory.me.name)

        def submit() -> None:
            name = field.text.strip()
            problem = name_problem(name)
            dialog.page.show_error(problem, 0)
            if not problem:
                dialog.close()
                self.main.directory.set_profile(name=name)

        dialog.page.on_submit = submit
        dialog.open(field.entry)

    def someone_else(self) -> None:
        dialog = Dialog(
            self._root, self._theme, _("I am someone else"),
            _("If this profile is a copy of somebody else's: you become a new person and keep the "
              "rooms. The old person's direct messages, drafts, and whom they have verified or "
              "blocked go from this computer."), _("Become someone else"),
        )  # fmt: skip
        field = dialog.page.add_field(_("Your name"), _("The name that others will see"))
        presenter = SomeoneElsePresenter(self._node, self._runner, dialog.page, self.main.renewed)
        dialog.page.on_submit = lambda: presenter.submit(field.text)
        dialog.open(field.entry)
