"""A file's card in the conversation: name, how far it is, buttons, and a picture's thumbnail."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from tkinter import ttk

from p2pchat.ui.language import N_, _
from p2pchat.ui.presenters.filecard import FileAction, FileCard
from p2pchat.ui.tk.block import Stamp
from p2pchat.ui.tk.cardstyle import button_style
from p2pchat.ui.tk.inline import in_order
from p2pchat.ui.tk.keys import follow
from p2pchat.ui.tk.theme import Theme
from p2pchat.ui.tk.tips import ChangingTip, tip

WIDTH = 420
"""Pixels at a scale of 1; less where the conversation is narrow."""
NARROW = 350
"""Below this, buttons and pictures begin at the left edge."""
TICK = 15
SIDE = 42
"""What stands left and right of the texts."""
TIPS = {
    FileAction.DOWNLOAD: N_("Fetch it from everyone who has it"),
    FileAction.AGAIN: N_("Fetch it once more"),
    FileAction.PAUSE: N_("Stop for now; what is here stays"),
    FileAction.RESUME: N_("Go on where it stopped"),
    FileAction.CANCEL: N_("Stop, and forget what is here of it"),
    FileAction.OPEN: N_("Open it with the program for its kind"),
    FileAction.SHOW: N_("Open the folder that it is in"),
    FileAction.UNSHARE: N_("Serve it no more; who has it keeps it"),
    FileAction.RESHARE: N_("Serve it to whoever asks, as before"),
}
FindPicture = Callable[[str, Callable[[], None]], tk.PhotoImage | None]
"""The thumbnail of a path, or None; then the callable may be called once it is there."""


class FileCardView(tk.Frame):
    """Changes in place, so that a button stays under the pointer while the bar moves. It is used
    again for other files: Tk never frees all of a widget's memory."""

    def __init__(
        self,
        parent: tk.Misc,
        theme: Theme,
        card: FileCard,
        act: Callable[[str, FileAction], None],
        find_picture: FindPicture,
        tag: str,
        width: int,
        fill: str,
    ) -> None:
        """`tag` is a binding tag for all of its parts; `fill` the colour behind it."""
        super().__init__(parent, highlightthickness=0, borderwidth=0)
        self._theme = theme
        self._act = act
        self._find_picture = find_picture
        self._card = card
        self._tag = tag
        self._width = 0
        self._thumbnail: tk.PhotoImage | None = None
        """As long as it is shown: Tk draws nothing where tkinter lets go of a picture."""
        self._fill = fill
        self._drawn_in = ("", "")
        """The name of the palette, and the fill."""
        self._stamp: Stamp | None = None
        self._details: Callable[[], str] = lambda: ""
        self._buttons: dict[FileAction, ttk.Button] = {}
        """Each is made when it is first needed, and kept."""
        self._shown: tuple[FileAction, ...] = ()
        self._build()
        self.fit(width)
        self.show(card)

    def _build(self) -> None:
        px, fonts = self._theme.px, self._theme.fonts
        self._icon = tk.Label(self, borderwidth=0)
        self._name = tk.Label(self, font=fonts["strong"], anchor="w", borderwidth=0)
        self._status = tk.Label(
            self, font=fonts["small"], anchor="w", justify="left", borderwidth=0,
        )  # fmt: skip
        self._bar = ttk.Progressbar(self, maximum=1000, length=1)
        self._holders = tk.Label(self, font=fonts["small"], anchor="w", borderwidth=0)
        self._holders_tip = ChangingTip(self._holders)
        self._picture = tk.Label(self, borderwidth=0, cursor="hand2")
        self._foot = tk.Frame(self, borderwidth=0)
        self._time = tk.Label(self, font=fonts["tiny"], compound="right", borderwidth=0)
        self._time.bind("<Enter>", lambda event: self._tell_details())
        self._time_tip = ChangingTip(self._time)
        self._icon.grid(row=0, column=0, rowspan=2, padx=(0, px(10)), pady=(px(3), px(2)))
        self._name.grid(row=0, column=1, sticky="ew", pady=(px(2), 0))
        self._status.grid(row=1, column=1, sticky="ew", pady=(px(1), px(2)))
        self._foot.grid(row=5, column=1, sticky="w", pady=(px(4), px(4)))
        self._picture.grid(row=4, column=1, sticky="w", pady=px(6))
        self.columnconfigure(1, weight=1)
        self._picture.bind("<Button-1>", lambda event: self._do(FileAction.OPEN))
        for part in (self, *self.winfo_children()):
            part.bindtags((str(part), self._tag))

    def fit(self, width: int) -> None:
        """Be as wide, in pixels."""
        if width == self._width:
            return
        self._width = width
        px = self._theme.px
        self.columnconfigure(1, minsize=width - px(SIDE))
        self._status.configure(wraplength=width - px(SIDE))
        self._name.configure(text=in_order(self._theme, self._fitting(self._card.name), "strong"))
        narrow = width < px(NARROW)
        for part in (self._foot, self._picture):
            shown = bool(part.grid_info())
            part.grid(column=0 if narrow else 1, columnspan=2 if narrow else 1)
            if not shown:
                part.grid_remove()

    # -- what is shown

    @property
    def file_id(self) -> str:
        return self._card.file_id

    def show(self, card: FileCard, fill: str = "") -> None:
        """This file from now on; on another fill where one is given."""
        old, self._card = self._card, card
        self._fill = fill or self._fill
        if self._drawn_in != (self._theme.palette.name, self._fill):
            self._recolour()
        self._name.configure(text=in_order(self._theme, self._fitting(card.name), "strong"))
        self._status.configure(text=f"{card.size}  ·  {card.status}")
        if old.folder != card.folder:
            self._draw_icon()
        self._show_bar(card)
        self._show_holders(card)
        self._show_picture(card)
        if self._shown != card.actions:
            self._show_buttons(card.actions)
            self._place_time()

    def set_stamp(self, stamp: Stamp | None, details: Callable[[], str]) -> None:
        """What is shown in its corner, if anything; `details` are told where the pointer rests
        on it."""
        self._stamp, self._details = stamp, details
        if stamp is not None:
            theme = self._theme
            tick = theme.icon(stamp.tick, theme.px(TICK), stamp.tick_ink) if stamp.tick else ""
            self._time.configure(text=stamp.text, image=tick, foreground=stamp.ink)
        self._place_time()

    def _tell_details(self) -> None:
        self._time_tip.text = self._details()

    def _place_time(self) -> None:
        """Beside the buttons, where there is room, else below them."""
        if self._stamp is None:
            self._time.grid_remove()
            return
        px, gap = self._theme.px, self._theme.px(8)
        buttons = sum(self._buttons[action].winfo_reqwidth() + gap for action in self._shown)
        room = self._width - (0 if self._width < px(NARROW) else px(SIDE))
        beside = buttons + gap + self._time.winfo_reqwidth() <= room
        self._time.grid(row=5 if beside else 6, column=1, sticky="se", pady=(0, px(2)))

    def _fitting(self, name: str) -> str:
        """The name, its middle left out where it is too wide: its ending says what it is."""
        font, width = self._theme.fonts["strong"], self._width - self._theme.px(SIDE)
        if font.measure(name) <= width:
            return name
        kept = len(name)
        while kept > 12 and font.measure(_shortened(name, kept)) > width:
            kept -= 1 + kept // 20
        return _shortened(name, kept)

    def _show_bar(self, card: FileCard) -> None:
        if card.part is None:
            self._bar.grid_remove()
            return
        self._bar.configure(value=round(1000 * card.part))
        self._bar.grid(row=2, column=1, sticky="ew", pady=self._theme.px(3))

    def _show_holders(self, card: FileCard) -> None:
        self._holders_tip.text = card.holders_named
        if not card.holders:
            self._holders.grid_remove()
            return
        self._holders.configure(text=card.holders)
        self._holders.grid(row=3, column=1, sticky="ew")

    def _show_picture(self, card: FileCard) -> None:
        found = None if card.picture is None else self._find_picture(card.picture, self._again)
        self._thumbnail = found
        if found is None:
            self._picture.grid_remove()
            return
        self._picture.configure(image=found)
        self._picture.grid()

    def _again(self) -> None:
        """A thumbnail has come."""
        if self.winfo_exists():
            self._show_picture(self._card)

    def _show_buttons(self, actions: tuple[FileAction, ...]) -> None:
        # By its name: tkinter knows no widget of a dialog that is Tk's own, and raises.
        focus = str(self.tk.call("focus"))
        focused = focus in [str(self._buttons[action]) for action in self._shown]
        for action in self._shown:
            self._buttons[action].grid_remove()
        self._shown = actions
        for column, action in enumerate(actions):
            if action not in self._buttons:
                self._buttons[action] = self._button(action)
            pad = (0, self._theme.px(8))
            self._buttons[action].grid(row=0, column=column, padx=pad)
        if not actions:
            self._foot.grid_remove()
            return
        self._foot.grid()
        follow(*(self._buttons[action] for action in actions))
        if focused:
            self._buttons[actions[0]].focus_set()

    def _button(self, action: FileAction) -> ttk.Button:
        button = ttk.Button(
            self._foot, text=_(action.value), command=lambda: self._do(action),
            style=self._style_of(action),
        )  # fmt: skip
        button.bindtags((*button.bindtags(), self._tag))
        tip(button, _(TIPS[action]))
        return button

    def _do(self, action: FileAction) -> None:
        self._act(self._card.file_id, action)

    def _draw_icon(self) -> None:
        theme = self._theme
        icon = theme.icon(
            "folder" if self._card.folder else "file", theme.px(30), theme.palette.accent
        )
        self._icon.configure(image=icon)

    def _style_of(self, action: FileAction) -> str:
        first = action in (FileAction.DOWNLOAD, FileAction.AGAIN, FileAction.RESUME)
        kind = "Small.Accent.TButton" if first else "Small.TButton"
        return button_style(self._theme, self, self._fill, kind)

    def _recolour(self) -> None:
        colours = self._theme.palette
        self._drawn_in = (colours.name, self._fill)
        self.configure(background=self._fill)
        texts = (self._name, self._status, self._holders, self._time)
        for part in (self._icon, self._picture, *texts):
            part.configure(background=self._fill, foreground=colours.muted)
        self._name.configure(foreground=colours.text)
        self._foot.configure(background=self._fill)
        for action, button in self._buttons.items():
            button.configure(style=self._style_of(action))
        self._draw_icon()

    def button(self, action: FileAction) -> ttk.Button | None:
        """One that is shown."""
        return self._buttons[action] if action in self._shown else None


def _shortened(name: str, kept: int) -> str:
    end = min(10, kept // 3)
    return f"{name[: kept - end].rstrip()}…{name[-end:].lstrip()}"
