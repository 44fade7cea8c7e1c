"""The page of settings."""

from __future__ import annotations

import asyncio
import tkinter as tk
from collections.abc import Callable
from tkinter import filedialog, ttk

from p2pchat.config.settings import Settings
from p2pchat.errors import P2PChatError
from p2pchat.model.text import one_line
from p2pchat.ui.avatar import avatar_from
from p2pchat.ui.language import _
from p2pchat.ui.presenters import words
from p2pchat.ui.presenters.preferences import (
    KEY,
    MADE,
    NETWORK,
    PERSON,
    Around,
    Choice,
    Person,
    PreferencesPresenter,
)
from p2pchat.ui.presenters.runner import Runner
from p2pchat.ui.tk.copying import copy
from p2pchat.ui.tk.portrait import Portrait
from p2pchat.ui.tk.sheet import Sheet
from p2pchat.ui.tk.switch import Switch
from p2pchat.ui.tk.theme import Theme
from p2pchat.ui.tk.tips import tip
from p2pchat.ui.tk.widgets import Field, Wrapped

SWITCHES = (
    "notifications",
    "notification_text",
    "send_receipts",
    "send_typing",
    "close_to_tray",
    "registrar",
)
AUTOSTART = "autostart"
DOWNLOADS = "downloads"
PATH_CHARS = 300
PICTURES = tuple(f"*.{kind}" for kind in ("png", "jpg", "jpeg", "webp", "gif", "bmp"))
PICTURES += tuple(name.upper() for name in PICTURES)
"""Tk's own dialog tells upper case from lower, and cameras name pictures IMG_1.JPG."""


class SettingsPage(Sheet):
    """The view of PreferencesPresenter."""

    def __init__(
        self,
        parent: tk.Misc,
        theme: Theme,
        presenter: PreferencesPresenter,
        runner: Runner,
        around: Around | None,
        close: Callable[[], None],
    ) -> None:
        super().__init__(parent, theme, _("Settings"), close, _("Changes are saved at once"))
        self.on_downloads: Callable[[], None] = lambda: None
        self.on_network: Callable[[], None] = lambda: None
        self.on_profiles: Callable[[], None] = lambda: None
        self.on_someone_else: Callable[[], None] = lambda: None
        self._presenter = presenter
        self._runner = runner
        self._around = around
        self._choices: dict[str, ttk.Combobox] = {}
        self._switches: dict[str, tk.BooleanVar] = {}
        self.errors: dict[str, Wrapped] = {}
        """Each below what it is about, while there is one."""
        self._person: Person | None = None
        self.downloads = ""
        """The folder where files go."""
        self._build_person()
        self._build_look()
        self._build_told()
        self._build_files()
        self._build_rest()
        self.space()
        presenter.open(self)

    def end(self) -> None:
        # What was written and not yet confirmed counts.
        self._presenter.set_name(self._name.text)
        self._presenter.set_note(self._note.text)
        self._presenter.set_network(self._network.text)
        self._presenter.set_key(self._key.text)
        self._presenter.close()

    def start(self) -> tk.Misc:
        return self._name.entry

    # -- building

    def _build_person(self) -> None:
        px = self.theme.px
        self.section(_("You"))
        frame = self.frame()
        self._face = Portrait(frame, self.theme, px(84), "surface")
        self._face.grid(row=0, column=0, padx=(0, px(18)), pady=(px(14), 0), sticky="n")
        fields = ttk.Frame(frame, style="Surface.TFrame")
        self._name = self._field(fields, _("Your name"), _("The name that others see"),
                                 self._presenter.set_name)  # fmt: skip
        self._note = self._field(fields, _("Note"), _("What you are up to: others see it"),
                                 self._presenter.set_note)  # fmt: skip
        fields.columnconfigure(0, weight=1)
        fields.grid(row=0, column=1, sticky="ew", pady=(px(6), 0))
        frame.columnconfigure(0, weight=0)
        frame.columnconfigure(1, weight=1)
        foot = ttk.Frame(frame, style="Surface.TFrame")
        self.picture = self._button(
            foot, _("Choose a picture…"), _("Others see it beside what you write"), self._choose
        )
        self.no_picture = self._button(
            foot, _("No picture"), _("Show your initials again"),
            lambda: self._presenter.set_avatar(""),
        )  # fmt: skip
        self.picture.grid(row=0, column=0)
        self.no_picture.grid(row=0, column=1, padx=px(8))
        foot.grid(row=1, column=0, columnspan=2, sticky="w", pady=(px(10), 0))
        self._add_error(PERSON)
        self._status = ttk.Combobox(
            self.row(_("Status")), state="readonly", style="Page.TCombobox",
            font=self.theme.fonts["small"], width=18,
            values=list(words.own_statuses().values()),
        )  # fmt: skip
        self._status.bind("<<ComboboxSelected>>", lambda event: self._status_chosen())
        tip(self._status, _("What others see beside your name"))
        self._status.pack()

    def _field(
        self, parent: ttk.Frame, label: str, hint: str, keep: Callable[[str], None]
    ) -> Field:
        px, row = self.theme.px, parent.grid_size()[1]
        ttk.Label(parent, text=label, style="PageHead.TLabel").grid(
            row=row, column=0, sticky="w", pady=(px(8), px(3))
        )
        field = Field(parent, self.theme, hint)
        field.grid(row=row + 1, column=0, sticky="ew")
        field.entry.bind("<Return>", lambda event: keep(field.text))
        field.entry.bind("<FocusOut>", lambda event: keep(field.text), add="+")
        return field

    def _build_look(self) -> None:
        self.section(_("Look and language"))
        self._choice("theme", _("Colours"))
        self._choice("language", _("Language"), _("The window changes at once."))

    def _build_told(self) -> None:
        self.section(_("Notifications and privacy"))
        self._switch("notifications", _("Notifications"),
                     _("When somebody writes and the window isn't in front."))  # fmt: skip
        self._switch("notification_text", _("Show what was written"),
                     _("Without it a notification says only who wrote: others may see this "
                       "screen."))  # fmt: skip
        self._switch("send_receipts", _("Tell others what I have read"),
                     _("Others always see that a message has arrived."))  # fmt: skip
        self._switch("send_typing", _("Tell others that I am typing"))
        self._choice(
            "away_after", _("Away after"), _("Without a key press or a move of the mouse.")
        )

    def _build_files(self) -> None:
        self.section(_("Files"))
        self._choice("auto_fetch", _("Download automatically"),
                     _("Larger ones wait until you press Download."))  # fmt: skip
        self._choice("limit", _("Upload rate"), _("For files; messages are never held up."))
        self._build_downloads()

    def _build_downloads(self) -> None:
        px = self.theme.px
        control = self.row(_("Downloads"), _("The folder for files that come from now on."))
        choose = self._button(
            control, _("Choose a folder…"), _("What is there already stays where it is"),
            self._choose_downloads,
        )  # fmt: skip
        show = self._button(
            control, _("Open the folder"), _("Show it in the system's file manager"),
            lambda: self.on_downloads(),
        )  # fmt: skip
        self.usual_downloads = self._button(
            control, _("Back to the default"), _("Into the folder of this profile again"),
            lambda: self._presenter.set_downloads(""),
        )  # fmt: skip
        choose.grid(row=0, column=0)
        show.grid(row=0, column=1, padx=(px(8), 0))
        self.usual_downloads.grid(row=1, column=0, columnspan=2, sticky="e", pady=(px(6), 0))
        self.usual_downloads.grid_remove()
        self._downloads = self.text()
        self._add_error(DOWNLOADS)

    def _build_rest(self) -> None:
        self.section(_("Computer and network"))
        on = self._around.autostart() if self._around else None
        if on is not None:
            variable = self._add_switch(
                "autostart", _("Start with the system"),
                _("This profile's window opens when you log in."), self._autostart,
            )  # fmt: skip
            variable.set(on)
            self._add_error(AUTOSTART)
        if self._around is not None and self._around.in_tray():
            self._switch(
                "close_to_tray", _("Stay when the window is closed"),
                _("The icon in the tray brings it back; its menu, or Ctrl+Q, quits."),
            )  # fmt: skip
        self._switch(
            "registrar", _("Help to keep the network's accounts"),
            _("This computer registers names while it is on, where the others elect it."),
        )  # fmt: skip
        self._network = self._line(
            _("Name of the network"),
            _("Only computers of the same name see each other. Takes effect at the next start."),
            "lan", self._presenter.set_network,
        )  # fmt: skip
        self._add_error(NETWORK)
        self._build_key()
        self._button(
            self.row(_("Network"), _("How this computer is linked, and what stands in the way.")),
            _("Show"), _("The state of the network in plain words"), lambda: self.on_network(),
        ).pack()  # fmt: skip
        if self._around is not None:
            self._button(
                self.row(_("Profiles"), _("For several people who share this computer.")),
                _("Other profiles…"), _("Open or make another one"), lambda: self.on_profiles(),
            ).pack()  # fmt: skip
        self._button(
            self.row(
                _("I am someone else"), _("If this profile is a copy of somebody else's.")
            ),
            _("Become someone else…"), _("Go on as a new person, with a name of your own"),
            lambda: self.on_someone_else(),
        ).pack()  # fmt: skip

    def _build_key(self) -> None:
        self._key = self._line(
            _("Key of who runs the network"),
            _("They give it to you; then nobody else keeps accounts. Takes effect at the next "
              "start."),
            "", self._presenter.set_key,
        )  # fmt: skip
        self._add_error(KEY)
        self.make_key = self._button(
            self.row(
                _("Run the network"),
                _("Write a key to a file, and start p2pchat with --appointing-key and that file."),
            ),
            _("Make a key…"), _("It stays with you; its public half is for the others"),
            self._make_key,
        )  # fmt: skip
        self.make_key.pack()
        self._add_error(MADE)
        self._made = self.text()
        self._made.grid_remove()

    def _add_error(self, about: str) -> None:
        self.errors[about] = self.text("", "PageTrouble.TLabel")
        self.errors[about].grid_remove()

    def _line(self, label: str, about: str, hint: str, written: Callable[[str], None]) -> Field:
        field = Field(self.row(label, about), self.theme, hint)
        field.entry.configure(width=20)
        field.entry.bind("<Return>", lambda event: written(field.text))
        field.entry.bind("<FocusOut>", lambda event: written(field.text), add="+")
        field.pack()
        return field

    def _choice(self, setting: str, label: str, about: str = "") -> None:
        box = ttk.Combobox(
            self.row(label, about), state="readonly", style="Page.TCombobox",
            font=self.theme.fonts["small"], width=18,
        )  # fmt: skip
        box.bind("<<ComboboxSelected>>", lambda event: self._chosen(setting))
        tip(box, label)
        box.pack()
        self._choices[setting] = box

    def _switch(self, setting: str, label: str, about: str = "") -> None:
        self._add_switch(setting, label, about, lambda on: self._presenter.switch(setting, on))

    def _add_switch(
        self, name: str, label: str, about: str, turned: Callable[[bool], None]
    ) -> tk.BooleanVar:
        variable = tk.BooleanVar(self, value=False)
        switch = Switch(
            self.row(label, about), self.theme, variable, lambda: turned(variable.get())
        )
        tip(switch, label)
        switch.pack()
        self._switches[name] = variable
        return variable

    def _button(
        self, parent: tk.Misc, text: str, about: str, command: Callable[[], None]
    ) -> ttk.Button:
        button = ttk.Button(parent, text=text, command=command, style="Page.TButton")
        tip(button, about)
        return button

    # -- the presenter's view

    def show_person(self, person: Person) -> None:
        before, self._person = self._person, person
        self._face.show(person.initials, person.seed, person.avatar, None)
        if before is None or before.name != person.name:
            self._name.set(person.name)
        if before is None or before.note != person.note:
            self._note.set(person.note)
        if person.status in (statuses := list(words.own_statuses())):
            self._status.current(statuses.index(person.status))
        self.no_picture.state(["!disabled" if person.avatar else "disabled"])

    def show_settings(self, settings: Settings, choices: dict[str, Choice]) -> None:
        for name, box in self._choices.items():
            box.configure(values=choices[name].names)
            box.current(choices[name].chosen)
        self._network.set(settings.network)
        self._key.set(settings.appointed_by)
        for name in SWITCHES:
            if name in self._switches:  # some are only where the system can do it
                self._switches[name].set(getattr(settings, name))

    def show_error(self, text: str, about: str = PERSON) -> None:
        error = self.errors[about]
        error.say(text)
        (error.grid if text else error.grid_remove)()

    def show_downloads(self, folder: str, chosen: bool, trouble: str) -> None:
        self.downloads = folder
        self._downloads.say(one_line(folder, PATH_CHARS))
        (self.usual_downloads.grid if chosen else self.usual_downloads.grid_remove)()
        self.show_error(trouble, DOWNLOADS)

    def show_made(self, path: str, public: str) -> None:
        copy(self, public)
        said = _("The key is in {path}. Its public half is copied, for the others: {key}")
        self._made.say(said.format(path=one_line(path, PATH_CHARS), key=public))
        self._made.grid()

    # -- what is done

    def _make_key(self) -> None:
        chosen = filedialog.asksaveasfilename(
            parent=self, title=_("Where to write the key"), initialfile="network.key"
        )
        if chosen:
            self._presenter.make_key(str(chosen))

    def _choose_downloads(self) -> None:
        chosen = filedialog.askdirectory(
            parent=self, title=_("Choose a folder for downloads"), initialdir=self.downloads
        )
        if chosen:
            self._presenter.set_downloads(str(chosen))

    def _chosen(self, setting: str) -> None:
        box = self._choices[setting]
        box.selection_clear()
        self._presenter.choose(setting, box.current())

    def _status_chosen(self) -> None:
        self._status.selection_clear()
        self._presenter.set_status(list(words.own_statuses())[self._status.current()])

    def _choose(self) -> None:
        chosen = filedialog.askopenfilename(
            parent=self, title=_("Choose a picture"), filetypes=[(_("Pictures"), PICTURES)]
        )
        if chosen:
            self.take_picture(str(chosen))

    def take_picture(self, path: str) -> None:
        """Make it one's own, scaled as it has to be."""
        self._runner.call(
            lambda: asyncio.to_thread(avatar_from, path),
            self._presenter.set_avatar,
            self._presenter.trouble,
        )

    def _autostart(self, on: bool) -> None:
        assert self._around is not None
        said = ""
        try:
            self._around.set_autostart(on)
        except P2PChatError as error:
            said = words.refusal(error)
        self.show_error(said, AUTOSTART)
        self._switches["autostart"].set(bool(self._around.autostart()))
