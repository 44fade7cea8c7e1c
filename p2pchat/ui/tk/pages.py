"""Small pages: the first start, what can't be opened, and the dialogs."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable
from functools import partial
from tkinter import ttk

from p2pchat.ui import language
from p2pchat.ui.language import _
from p2pchat.ui.presenters.dialogs import FirstStartPresenter
from p2pchat.ui.tk.inline import in_order
from p2pchat.ui.tk.theme import Theme
from p2pchat.ui.tk.tips import tip
from p2pchat.ui.tk.widgets import Field


class Page(ttk.Frame):
    """A title, what it is about, fields, an error line and one button: the view of a
    dialog's presenter."""

    def __init__(
        self, parent: tk.Misc, theme: Theme, title: str, about: str, button: str, width: int = 380
    ) -> None:
        super().__init__(parent, padding=theme.px(24))
        self.on_submit: Callable[[], None] = lambda: None
        self.on_close: Callable[[], None] = lambda: None
        self._theme = theme
        self._width = theme.px(width)
        self._fields: list[Field] = []
        px = theme.px
        shown = in_order(theme, title, "title")
        self.title = ttk.Label(self, text=shown, font=theme.fonts["title"])
        self.title.grid(row=1, column=0, sticky="w")
        self._about = ttk.Label(
            self, text=in_order(theme, about, "small", px(width)), wraplength=px(width),
            font=theme.fonts["small"], justify="left",
        )  # fmt: skip
        self._about.grid(row=2, column=0, sticky="w", pady=(px(6), px(14)))
        self._body = ttk.Frame(self)
        self._body.grid(row=3, column=0, sticky="ew")
        self._body.columnconfigure(0, weight=1, minsize=px(width))
        self._error = ttk.Label(self, font=theme.fonts["small"], wraplength=px(width))
        self._error.grid(row=4, column=0, sticky="w", pady=(px(6), px(6)))
        foot = ttk.Frame(self)
        foot.grid(row=5, column=0, sticky="e", pady=(px(6), 0))
        self.cancel = ttk.Button(foot, text=_("Cancel"), command=lambda: self.on_close())
        self.button = ttk.Button(
            foot, text=button, style="Accent.TButton", command=lambda: self.on_submit()
        )
        tip(self.cancel, _("Close this page (Esc)"))
        tip(self.button, _("{button} (Enter)").format(button=button))
        self.button.grid(row=0, column=1, padx=(px(8), 0))
        theme.listen(self, self._recolour)
        self._recolour()

    def _recolour(self) -> None:
        self._about.configure(foreground=self._theme.palette.muted)
        self._error.configure(foreground=self._theme.palette.trouble)

    def show_logo(self) -> None:
        logo = ttk.Label(self, image=self._theme.logo(self._theme.px(56)))
        logo.grid(row=0, column=0, sticky="w", pady=(0, self._theme.px(16)))

    def add_field(self, label: str, hint: str, secret: bool = False) -> Field:
        px, row = self._theme.px, 2 * len(self._fields)
        ttk.Label(self._body, text=label, font=self._theme.fonts["badge"]).grid(
            row=row, column=0, sticky="w", pady=(px(6) if row else 0, px(3))
        )
        field = Field(self._body, self._theme, hint, show="•" if secret else "")
        field.grid(row=row + 1, column=0, sticky="ew")
        field.entry.bind("<Return>", lambda event: self.on_submit())
        self._fields.append(field)
        return field

    def add_shown(self, text: str) -> None:
        """What is only to be read, at a glance."""
        ttk.Label(
            self._body, text=in_order(self._theme, text, "title", self._width),
            font=self._theme.fonts["title"], wraplength=self._width, justify="left",
        ).grid(row=2 * len(self._fields), column=0, sticky="w")  # fmt: skip

    def add_picture(self, width: int, height: int) -> Callable[[tk.PhotoImage | None], None]:
        """Room for one of at most this size that is still to come, so that no button moves then.
        What is returned takes it, or None where there is none."""
        room = ttk.Frame(self._body, width=width, height=height)
        room.grid(row=2 * len(self._fields), column=0)
        shown = ttk.Label(room)

        def show(picture: tk.PhotoImage | None) -> None:
            if not room.winfo_exists():
                return
            if picture is None:
                room.configure(height=1)  # of an empty frame Tk keeps the size
            else:
                shown.configure(image=picture)
                shown.place(relx=0.5, rely=0.5, anchor="center")

        return show

    # -- the presenters' view

    def show_error(self, text: str, field: int | None = None) -> None:
        self._error.configure(text=in_order(self._theme, text, "small", self._width))
        if text and field is not None:
            self._fields[field].to_write_anew()

    def set_busy(self, busy: bool) -> None:
        self.button.state(["disabled" if busy else "!disabled"])
        for field in self._fields:
            field.enable(not busy)

    def close(self) -> None:
        self.on_close()


class Dialog(tk.Toplevel):
    """A page in a window of its own that holds the keyboard until it is closed."""

    def __init__(self, parent: tk.Tk, theme: Theme, title: str, about: str, button: str) -> None:
        super().__init__(parent)
        self._theme = theme
        self.withdraw()
        self.title(title)
        self.resizable(False, False)
        self.transient(parent)
        theme.listen(self, self._recolour)
        self._recolour()
        self.page = Page(self, theme, title, about, button)
        self.page.cancel.grid(row=0, column=0)
        self.page.on_close = self.close
        self.page.pack(fill="both", expand=True)
        self.bind("<Escape>", lambda event: self.close())
        self.protocol("WM_DELETE_WINDOW", self.close)

    def _recolour(self) -> None:
        self.configure(background=self._theme.palette.window)

    def open(self, focus: tk.Misc) -> None:
        self.update_idletasks()
        parent = self.master
        x = parent.winfo_rootx() + (parent.winfo_width() - self.winfo_reqwidth()) // 2
        y = parent.winfo_rooty() + (parent.winfo_height() - self.winfo_reqheight()) // 3
        self.geometry(f"+{max(0, x)}+{max(0, y)}")
        self.deiconify()
        self.wait_visibility()
        self.grab_set()
        # By force: after a menu that keys were used in, not every window manager gives it.
        focus.focus_force()

    def close(self) -> None:
        focused = bool(self.tk.call("focus"))
        self.grab_release()
        self.destroy()
        if focused:
            # Not every window manager gives it back.
            (self.master.focus_lastfor() or self.master).focus_force()


class FirstPage(ttk.Frame):
    """Asks for the name: the whole window, once."""

    def __init__(
        self, parent: tk.Misc, theme: Theme, suggested: str, chosen: Callable[[str], None]
    ) -> None:
        super().__init__(parent)
        self.page = Page(
            self, theme, _("Welcome to p2pchat"),
            _("Chat with everyone on this network: no server, no account, nothing to set up. "
              "Messages stay on the computers that take part."), _("Start chatting"),
        )  # fmt: skip
        self.page.title.configure(font=theme.fonts["page"])
        self.page.show_logo()
        self.name = self.page.add_field(_("Your name"), _("The name that others will see"))
        self.name.set(suggested)
        self.page.place(relx=0.5, rely=0.42, anchor="center")
        self.on_language: Callable[[str], None] = lambda tag: None
        self.on_udp: Callable[[], None] | None = None
        self.on_profiles: Callable[[], None] | None = None
        self._theme = theme
        self.presenter = FirstStartPresenter(self.page, suggested, chosen)
        self.page.on_submit = lambda: self.presenter.submit(self.name.text)

    def show_more(self) -> None:
        """Below: the language, other profiles, and the UDP test."""
        px = self._theme.px
        foot = ttk.Frame(self)
        spoken = language.available()
        self.language = ttk.Menubutton(foot, text=spoken[language.tag()], style="Page.TMenubutton")
        menu = tk.Menu(self.language, tearoff=False, font=self._theme.fonts["small"])
        for tag, name in spoken.items():
            menu.add_command(label=name, command=partial(self._speak, tag))
        self.language.configure(menu=menu)
        tip(self.language, _("Language"))
        self.language.grid(row=0, column=0)
        for text, about, action in (
            (_("Other profiles…"), _("Open or make another one"), self.on_profiles),
            (_("UDP test…"), _("Plain lines of text, without a profile"), self.on_udp),
        ):
            if action is not None:
                button = ttk.Button(foot, text=text, command=action, style="Page.TButton")
                tip(button, about)
                button.grid(row=0, column=foot.grid_size()[0], padx=(px(8), 0))
        foot.place(relx=0.5, rely=0.95, anchor="s")

    def _speak(self, tag: str) -> None:
        self.on_language(tag)

    def focus_name(self) -> None:
        self.name.entry.focus_set()
        self.name.entry.select_range(0, "end")


class TroublePage(ttk.Frame):
    """Says in one line why there is no chat, and ends with a button."""

    def __init__(
        self, parent: tk.Misc, theme: Theme, text: str, closed: Callable[[], None]
    ) -> None:
        super().__init__(parent)
        page = Page(self, theme, _("p2pchat can't start"), text, _("Close"))
        page.on_submit = closed
        page.place(relx=0.5, rely=0.42, anchor="center")
        page.button.focus_set()
