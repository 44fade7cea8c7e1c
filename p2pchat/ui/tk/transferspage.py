"""The page of all transfers."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Generator
from tkinter import ttk

from p2pchat.ui.language import _
from p2pchat.ui.presenters.filecard import FileAction
from p2pchat.ui.presenters.transfers import TransferList, TransferRow, TransfersPresenter
from p2pchat.ui.tk.filecard import TIPS
from p2pchat.ui.tk.inline import in_order
from p2pchat.ui.tk.keys import follow
from p2pchat.ui.tk.sheet import WIDTH, Head, Sheet
from p2pchat.ui.tk.theme import Theme
from p2pchat.ui.tk.tips import tip
from p2pchat.ui.tk.turns import in_turns
from p2pchat.ui.tk.widgets import Wrapped


class _Row(ttk.Frame):
    """One file: drawn once, then only what changes."""

    def __init__(self, parent: tk.Misc, theme: Theme, presenter: TransfersPresenter) -> None:
        px = theme.px
        super().__init__(parent, style="Surface.TFrame", padding=(0, px(9)))
        self._theme = theme
        self._presenter = presenter
        self._buttons: dict[FileAction, ttk.Button] = {}
        self._shown: TransferRow | None = None
        self._icon = ttk.Label(self, style="Page.TLabel")
        theme.listen(self, self._draw_icon)
        self._name = ttk.Label(self, style="PageStrong.TLabel")
        self._place = ttk.Label(self, style="PageMuted.TLabel")
        self._status = Wrapped(self, theme, "", "PageMuted.TLabel", px(WIDTH - 80))
        self._bar = ttk.Progressbar(self, maximum=1000)
        self._foot = ttk.Frame(self, style="Surface.TFrame")
        self._go = ttk.Button(
            self._foot, text=_("Show the message"), style="Small.TButton",
            command=lambda: presenter.go_to(self._file_id),
        )  # fmt: skip
        tip(self._go, _("Open the conversation that it was offered in"))
        self._icon.grid(row=0, column=0, rowspan=2, padx=(0, px(12)), sticky="n")
        self._name.grid(row=0, column=1, sticky="w")
        self._place.grid(row=1, column=1, sticky="w")
        self._status.grid(row=2, column=1, sticky="ew")
        self._foot.grid(row=4, column=1, sticky="ew", pady=(px(8), 0))
        self._foot.bind("<Configure>", lambda event: self._place_go())
        self.columnconfigure(1, weight=1)

    @property
    def _file_id(self) -> str:
        assert self._shown is not None
        return self._shown.card.file_id

    def show(self, row: TransferRow) -> None:
        if row == self._shown:
            return
        before, self._shown = self._shown, row
        card, px = row.card, self._theme.px
        if before is None or before.card.folder != card.folder:
            self._draw_icon()
        name = card.name if len(card.name) <= 64 else f"{card.name[:44]}…{card.name[-18:]}"
        self._name.configure(text=in_order(self._theme, name, "strong"))
        self._place.configure(text=in_order(self._theme, row.place))
        holders = f"  ·  {card.holders}" if card.holders else ""
        self._status.say(f"{card.size}  ·  {card.status}{holders}")
        if card.part is None:
            self._bar.grid_remove()
        else:
            self._bar.configure(value=round(1000 * card.part))
            self._bar.grid(row=3, column=1, sticky="ew", pady=(px(4), 0))
        if before is None or before.card.actions != card.actions:
            self._show_buttons(card.actions)

    def _draw_icon(self) -> None:
        if self._shown is not None:
            kind, size = "folder" if self._shown.card.folder else "file", self._theme.px(28)
            self._icon.configure(image=self._theme.icon(kind, size, self._theme.palette.accent))

    def _show_buttons(self, actions: tuple[FileAction, ...]) -> None:
        focus = str(self.tk.call("focus"))
        had = any(str(button) == focus for button in self._buttons.values())
        for button in self._buttons.values():
            button.grid_remove()
        pad = (0, self._theme.px(8))
        for column, action in enumerate(actions):
            self._button(action).grid(row=0, column=column, padx=pad)
        follow(*(self._button(action) for action in actions), self._go)
        self._place_go()
        if had:
            (self._button(actions[0]) if actions else self._go).focus_set()

    def _place_go(self) -> None:
        """Beside the others; in a small window below them."""
        assert self._shown is not None
        actions = [self._button(action) for action in self._shown.card.actions]
        gap, room = self._theme.px(8), self._foot.winfo_width()
        wide = sum(button.winfo_reqwidth() + gap for button in actions) + self._go.winfo_reqwidth()
        if room <= 1 or wide <= room or not actions:
            self._go.grid(row=0, column=len(actions), columnspan=1, pady=0)
        else:
            self._go.grid(
                row=1, column=0, columnspan=len(actions) + 1, sticky="w", pady=(gap // 2, 0)
            )
        self._foot.columnconfigure(tuple(range(6)), weight=0)
        self._foot.columnconfigure(len(actions) + 1, weight=1)

    def _button(self, action: FileAction) -> ttk.Button:
        if action not in self._buttons:
            first = action in (FileAction.DOWNLOAD, FileAction.AGAIN, FileAction.RESUME)
            button = ttk.Button(
                self._foot, text=_(action.value),
                style="Small.Accent.TButton" if first else "Small.TButton",
                command=lambda: self._presenter.act(self._file_id, action),
            )  # fmt: skip
            tip(button, _(TIPS[action]))
            self._buttons[action] = button
        return self._buttons[action]


class TransfersPage(Sheet):
    """The view of TransfersPresenter."""

    def __init__(
        self, parent: tk.Misc, theme: Theme, presenter: TransfersPresenter,
        close: Callable[[], None],
    ) -> None:  # fmt: skip
        super().__init__(parent, theme, _("Transfers"), close)
        self._presenter = presenter
        self._rows: dict[str, _Row] = {}
        self._moving = Head(self.body, theme, _("Under way"))
        self._others = Head(self.body, theme, _("Earlier"))
        self._none = ttk.Label(
            self.body, style="PageMuted.TLabel", justify="center", anchor="center",
            text=_("No files yet.\nDrop one onto a conversation, or press Ctrl+O there."),
        )  # fmt: skip
        self._more = ttk.Button(
            self.body, text=_("Show older ones"), style="Page.TButton", command=presenter.older
        )
        tip(self._more, _("Files that were offered longer ago"))
        self._laying = self._lay(TransferList((), (), "", False))
        presenter.open(self)

    def end(self) -> None:
        self._presenter.close()

    def show_transfers(self, found: TransferList) -> None:
        self.say_below(found.summary)
        there = {row.card.file_id for row in (*found.moving, *found.others)}
        for gone in self._rows.keys() - there:
            self._rows.pop(gone).destroy()
        if there:
            self._none.grid_remove()
        else:
            self._none.grid(row=0, column=0, sticky="ew", pady=(self.theme.px(120), 0))
        self._laying.close()
        self._laying = self._lay(found)
        in_turns(self, self._laying)

    def _lay(self, found: TransferList) -> Generator[None, None, None]:
        """A row in each step: to make one takes some milliseconds."""
        place = 0
        for head, rows in ((self._moving, found.moving), (self._others, found.others)):
            if rows:
                head.grid(row=place, column=0, sticky="ew")
                place += 1
            else:
                head.grid_remove()
            for row in rows:
                view = self._row(row)
                view.grid(row=place, column=0, sticky="ew")
                follow(view)
                place += 1
                yield
        if found.more:
            self._more.grid(row=place, column=0, pady=self.theme.px(16))
            follow(self._more)
        else:
            self._more.grid_remove()

    def _row(self, row: TransferRow) -> _Row:
        view = self._rows.get(row.card.file_id)
        if view is None:
            view = self._rows[row.card.file_id] = _Row(self.body, self.theme, self._presenter)
        view.show(row)
        return view
