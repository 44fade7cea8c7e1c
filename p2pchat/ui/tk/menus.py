"""The menus: for a message, a conversation, oneself, and what can be added."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable

from p2pchat.model.ids import MessageId
from p2pchat.model.text import one_line, safe_text
from p2pchat.ui.language import _
from p2pchat.ui.presenters import words
from p2pchat.ui.presenters.actions import Action
from p2pchat.ui.presenters.filecard import FileCard
from p2pchat.ui.presenters.main import MainPresenter
from p2pchat.ui.presenters.picker import USUAL
from p2pchat.ui.presenters.words import LOBBY
from p2pchat.ui.tk.asking import Asking
from p2pchat.ui.tk.copying import copy
from p2pchat.ui.tk.inline import in_order
from p2pchat.ui.tk.pictures import Picture
from p2pchat.ui.tk.places import Place, Places
from p2pchat.ui.tk.theme import Theme

LABEL_CHARS = 60
"""Of what others have written or are called."""


class Menus:
    """Made once the node is open. A menu is built when it is asked for and replaces the last."""

    def __init__(
        self, root: tk.Tk, theme: Theme, main: MainPresenter, asking: Asking, places: Places
    ) -> None:
        self.ask_files: Callable[[], None] = lambda: None
        self.ask_folder: Callable[[], None] = lambda: None
        self.ask_place: Callable[[FileCard], str] = lambda card: ""
        self.ask_emoji: Callable[[MessageId], None] = lambda message_id: None
        self.ask_day: Callable[[], None] = lambda: None
        self.last: tk.Menu | None = None
        self.reactions: tk.Menu | None = None
        self._strut = tk.PhotoImage(master=root, width=theme.px(4), height=theme.px(28))
        """Unseen: as high as an entry."""
        self._pictures: list[tk.PhotoImage] = []
        """Of the last menu."""
        self._root = root
        self._theme = theme
        self._main = main
        self._asking = asking
        self._places = places
        self.on_udp: Callable[[], None] | None = None
        """Opens the UDP test window, where there can be one."""
        self.on_profiles: Callable[[], None] | None = None
        """Shows the other profiles of this user, where there can be others."""
        self.on_quit: Callable[[], None] = lambda: None

    def of_message(self, message_id: MessageId, x: int, y: int) -> None:
        main = self._main
        actions = main.conversation.actions(message_id)
        if not actions:
            return
        menu = self._menu()
        does: dict[Action, Callable[[], None]] = {
            Action.REPLY: lambda: main.composer.reply(message_id),
            Action.COPY: lambda: self._copy(message_id),
            Action.UNFOLD: lambda: main.conversation.unfold(message_id),
            Action.FOLD: lambda: main.conversation.unfold(message_id),
            Action.SHOW_ANSWERED: lambda: main.conversation.show_answered(message_id),
            Action.EDIT: lambda: main.composer.edit(message_id),
            Action.DELETE: lambda: main.conversation.delete(message_id),
        }
        self._add_file_actions(menu, message_id)
        self._add_addresses(menu, message_id)
        for action in actions:
            if action == Action.REACT:
                self._add_reactions(menu, message_id, x, y)
            else:
                if action == Action.DELETE:
                    menu.add_separator()
                menu.add_command(label=_(action.value), command=does[action])
        self._add_details(menu, message_id)
        menu.tk_popup(x, y)

    def _add_file_actions(self, menu: tk.Menu, message_id: MessageId) -> None:
        """What the buttons of its card do, and where else to put it; an offer's id is its
        message's."""
        files = self._main.files
        card = files.card(message_id)
        if card is None or not (card.actions or card.save_as):
            return
        for action in card.actions:
            menu.add_command(
                label=_(action.value),
                command=lambda action=action: files.act(message_id, action),  # type: ignore[misc]  # bound now
            )
        if card.save_as:
            menu.add_command(label=_("Save as…"), command=lambda: self._save(card))
        menu.add_separator()

    def _save(self, card: FileCard) -> None:
        place = self.ask_place(card)
        if place:
            self._main.files.save(card.file_id, place)

    def _add_addresses(self, menu: tk.Menu, message_id: MessageId) -> None:
        """Where the links in it lead to."""
        found = self._main.conversation.addresses(message_id)
        for url, host in found:
            menu.add_command(
                label=_("Open {host}").format(host=one_line(host, LABEL_CHARS)),
                command=lambda url=url: self._main.browse(url),  # type: ignore[misc]  # bound now
            )
        if found:
            menu.add_separator()

    def _add_details(self, menu: tk.Menu, message_id: MessageId) -> None:
        """What else the pointer is told: when it was written, who has it, and who has reacted; as
        a click on a reaction, its line adds one's own or takes it back."""
        menu.add_separator()
        for line in self._main.conversation.details(message_id).split("\n"):
            menu.add_command(label=self._in_order(line), state="disabled")
        for reaction in self._main.conversation.reactions(message_id):
            image = self._theme.pictures.emoji(reaction.emoji, self._theme.px(18))
            said = reaction.people if image else f"{reaction.emoji} {reaction.people}"
            # Not disabled: Tk would draw the picture through a coarse grid.
            menu.add_command(
                label=self._in_order(f" {said}"),
                image=str(self._tall(image) if image else ""),
                compound="left",
                command=lambda emoji=reaction.emoji: self._main.conversation.react(  # type: ignore[misc]  # bound now
                    message_id, emoji
                ),
            )

    def _tall(self, image: Picture) -> tk.PhotoImage:
        """The same, as high as an entry, and beginning where the texts of others do."""
        left, height = self._strut.width(), self._strut.height()
        tall = tk.PhotoImage(master=self._root, width=left + image.width(), height=height)
        self._root.tk.call(tall, "copy", image, "-to", left, (height - image.height()) // 2)
        self._pictures.append(tall)
        return tall

    def _in_order(self, text: str) -> str:
        return in_order(self._theme, one_line(text, LABEL_CHARS))

    def _add_reactions(self, menu: tk.Menu, message_id: MessageId, x: int, y: int) -> None:
        """A menu in the place of this one: Tk's arrow to one beside it has one size at every scale,
        and a bevel."""
        self.reactions = react = self._styled(tk.Menu(menu, tearoff=False))
        size = self._theme.px(22)
        for emoji in USUAL:
            image = self._theme.pictures.emoji(emoji, size)
            react.add_command(
                label=f" {emoji} ",
                image=str(image or ""),
                command=lambda emoji=emoji: self._main.conversation.react(message_id, emoji),  # type: ignore[misc]  # bound now
            )
        react.add_command(label=_("More…"), command=lambda: self.ask_emoji(message_id))
        menu.add_command(label=_(Action.REACT.value), command=lambda: react.tk_popup(x, y))

    def _copy(self, message_id: MessageId) -> None:
        message = self._main.conversation.message(message_id)
        if message is not None:
            self.copy(safe_text(message.text))

    def copy(self, text: str) -> None:
        copy(self._root, text)

    def of_conversation(self, conversation: str, x: int, y: int) -> None:
        main, directory = self._main, self._main.directory
        menu = self._menu()
        if conversation != main.conversation.name:
            menu.add_command(label=_("Open"), command=lambda: main.open(conversation))
        if main.about.shown != conversation:
            menu.add_command(
                label=_("Who this is") if conversation[:1] == "@" else _("About this room"),
                accelerator="Ctrl+I" if conversation == main.conversation.name else "",
                command=lambda: self._places.open_about(conversation),
            )
        if conversation == main.conversation.name:
            menu.add_command(label=_("Go to a day…"), accelerator="Ctrl+G", command=self.ask_day)
        known = directory.conversations.get(conversation)
        muted = bool(known and known.muted)
        room = directory.rooms.get(conversation)
        if room is None or room.joined:
            menu.add_command(
                label=_("Unmute") if muted else _("Mute"),
                command=lambda: main.mute(conversation, not muted),
            )
        peer = directory.peer_of(conversation)
        if peer is not None:
            menu.add_command(label=_("Compare words…"), command=lambda: self._asking.words(peer))
            menu.add_command(label=_("Copy id"), command=lambda: self.copy(peer.peer_id))
            menu.add_separator()
            menu.add_command(
                label=_("Unblock") if peer.blocked else _("Block"),
                command=lambda: main.block(peer.peer_id, not peer.blocked),
            )
        elif room is not None and room.joined and directory.registrar.appointed:
            menu.add_command(
                label=_("Announce something here…"),
                command=lambda: self._places.announce(conversation),
            )
        if room is not None and room.joined and conversation != LOBBY:
            menu.add_separator()
            menu.add_command(label=_("Leave room"), command=lambda: main.leave(conversation))
        menu.tk_popup(x, y)

    def of_me(self, below: tk.Widget) -> None:
        main = self._main
        menu = self._menu()
        for status, label in words.own_statuses().items():
            menu.add_command(
                label=label,
                compound="left",
                image=self._theme.choice(status, status is main.directory.me.status),
                command=lambda status=status: main.directory.set_profile(status=status.value),  # type: ignore[misc]  # bound now
            )
        menu.add_separator()
        open_place = self._places.open
        directory = main.directory
        register = directory.registrar.appointed or directory.keepers()
        for label, place, keys in (
            (_("Profile and settings"), Place.SETTINGS, "Ctrl+,"),
            (_("Account"), Place.ACCOUNT, "F7"),
            (_("Announcements"), Place.ANNOUNCEMENTS, "F3"),
            *([(_("Attendance"), Place.ATTENDANCE, "F6")] if register else []),
            (_("Transfers"), Place.TRANSFERS, "Ctrl+J"),
            (_("Network"), Place.NETWORK, "F2"),
            (_("Keyboard shortcuts"), Place.SHORTCUTS, "F1"),
        ):
            menu.add_command(
                label=label,
                accelerator=keys,
                command=lambda place=place: open_place(place),  # type: ignore[misc]  # bound now
            )
        menu.add_separator()
        if self.on_udp is not None:
            menu.add_command(label=_("UDP test…"), accelerator="F4", command=self.on_udp)
        if self.on_profiles is not None:
            menu.add_command(
                label=_("Other profiles…"), accelerator="Ctrl+P", command=self.on_profiles
            )
        menu.add_command(label=_("I am someone else…"), command=self._asking.someone_else)
        if directory.me.account is not None:
            menu.add_command(label=_("Sign out"), command=self._sign_out)
        menu.add_command(label=_("Quit"), accelerator="Ctrl+Q", command=self.on_quit)
        self._below(menu, below)

    def _sign_out(self) -> None:
        """On the page of the account, which may ask what is to become of downloads."""
        self._places.open(Place.ACCOUNT)
        self._main.account.logout()

    def to_attach(self, below: tk.Widget) -> None:
        menu = self._menu()
        menu.add_command(label=_("Share files…"), accelerator="Ctrl+O", command=self.ask_files)
        menu.add_command(
            label=_("Share a folder…"), accelerator="Ctrl+Shift+O", command=self.ask_folder
        )
        self._below(menu, below)

    def to_add(self, below: tk.Widget) -> None:
        menu = self._menu()
        asking = self._asking
        for label, keys, action in (
            (_("Join a room…"), "Ctrl+N", lambda: asking.room(False)),
            (_("Create a room…"), "Ctrl+Shift+N", lambda: asking.room(True)),
            (_("Connect by address…"), "Ctrl+L", asking.connect),
        ):
            menu.add_command(label=label, accelerator=keys, command=action)
        menu.insert_separator(2)
        if self._main.directory.registrar.appointed:
            menu.add_separator()
            menu.add_command(
                label=_("Announce something…"), accelerator="F3", command=self._places.announce
            )
        self._below(menu, below)

    def _menu(self) -> tk.Menu:
        if self.last is not None:
            self.last.destroy()
        self._pictures.clear()
        self.last = self._styled(tk.Menu(self._root, tearoff=False))
        return self.last

    def _styled(self, menu: tk.Menu) -> tk.Menu:
        colours = self._theme.palette
        menu.configure(
            font=self._theme.fonts["small"], background=colours.chip, foreground=colours.text,
            activebackground=colours.selected, activeforeground=colours.text,
            selectcolor=colours.text, disabledforeground=colours.muted,
            relief="flat", borderwidth=self._theme.px(4), activeborderwidth=0,
        )  # fmt: skip
        menu.configure(postcommand=lambda: self._pad(menu))
        return menu

    def _pad(self, menu: tk.Menu) -> None:
        """Room above and below each entry. Tk's own, the border of the chosen one, is a bevel."""
        last = menu.index("end")
        for index in range(0 if last is None else last + 1):
            if menu.type(index) != "separator" and not menu.entrycget(index, "image"):
                menu.entryconfigure(index, image=str(self._strut), compound="left")

    def _below(self, menu: tk.Menu, widget: tk.Widget) -> None:
        menu.tk_popup(widget.winfo_rootx(), widget.winfo_rooty() + widget.winfo_height())
