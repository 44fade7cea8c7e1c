"""Colours, fonts, sizes and pictures: one look, light and dark, sharp at every scale."""

from __future__ import annotations

import tkinter as tk
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from tkinter import font as tkfont
from tkinter import ttk

import sv_ttk

from p2pchat.model.people import Status
from p2pchat.ui import language
from p2pchat.ui.appearance import text_scale
from p2pchat.ui.presenters import words
from p2pchat.ui.presenters.network import Verdict
from p2pchat.ui.tk import crisp, drawing, iconlist, pagestyle
from p2pchat.ui.tk.on_windows import paint_title, when_shown
from p2pchat.ui.tk.pictures import Picture, Pictures
from p2pchat.ui.tk.turns import in_turns


@dataclass(frozen=True)
class Palette:
    name: str
    window: str
    sidebar: str
    surface: str
    line: str
    text: str
    muted: str
    faint: str
    thumb: str
    accent: str
    on_accent: str
    own: str
    """The text of own messages; `own_fill` lies behind it."""
    own_fill: str
    other: str
    other_fill: str
    own_faint: str
    own_code_fill: str
    system_fill: str
    system: str
    hover: str
    selected: str
    chip: str
    chip_mine: str
    code_fill: str
    warning_fill: str
    notice_fill: str
    notice: str
    trouble_fill: str
    trouble: str
    avatars: tuple[str, ...]
    names: tuple[str, ...]
    """For the same hues as `avatars`, readable as text."""
    selection: str


LIGHT = Palette(
    name="light",
    window="#fafafa",
    sidebar="#f1f3f6",
    surface="#ffffff",
    line="#e3e6ea",
    text="#1c1f23",
    muted="#5c6470",
    faint="#7f8793",
    thumb="#cdd2d9",
    accent="#005fb8",
    on_accent="#ffffff",
    own="#0d2b4d",
    own_fill="#d8e9ff",
    other="#1c1f23",
    other_fill="#f0f2f5",
    own_faint="#5b7da6",
    own_code_fill="#c5dbf7",
    system_fill="#faf5e6",
    system="#7a5a12",
    hover="#e8ebf0",
    selected="#dbe7f7",
    chip="#eceff3",
    chip_mine="#bcd7fa",
    code_fill="#e2e6eb",
    warning_fill="#fdf3d7",
    notice_fill="#005fb8",
    notice="#ffffff",
    trouble_fill="#fde5e3",
    trouble="#c7392f",
    avatars=(
        "#3b76c9", "#2c8c6e", "#b3591f", "#8a55c2", "#c2417c",
        "#4b7f1e", "#1f8299", "#a8484a", "#6a6fd0", "#8f6b14",
    ),
    names=(
        "#2a60ad", "#1f7459", "#984812", "#7440ab", "#a82f67",
        "#3d6c14", "#136d82", "#94373a", "#5258bb", "#77580b",
    ),
    selection="#b9d6fb",
)  # fmt: skip

DARK = Palette(
    name="dark",
    window="#1c1c1c",
    sidebar="#202225",
    surface="#17181a",
    line="#2e3135",
    text="#e9ebee",
    muted="#a0a7b1",
    faint="#747b86",
    thumb="#43474d",
    accent="#57c8ff",
    on_accent="#06203f",
    own="#eaf3ff",
    own_fill="#1d4470",
    other="#e9ebee",
    other_fill="#26292e",
    own_faint="#8fb0d6",
    own_code_fill="#173657",
    system_fill="#26231a",
    system="#d9b45f",
    hover="#2a2d31",
    selected="#2b3b52",
    chip="#2a2d31",
    chip_mine="#23466f",
    code_fill="#1b1d20",
    warning_fill="#393117",
    notice_fill="#1d4470",
    notice="#eaf3ff",
    trouble_fill="#43211f",
    trouble="#f0716a",
    avatars=(
        "#3f6fb5", "#2d7d64", "#a0521f", "#7c50ad", "#ab3d70",
        "#4a7524", "#22748a", "#964345", "#6065bb", "#7e6118",
    ),
    names=(
        "#7fb2f5", "#5fc7a4", "#eb9a63", "#c19bf0", "#f08ab9",
        "#9ccb6b", "#62c4da", "#ee9292", "#a5a9f5", "#dbb65c",
    ),
    selection="#2f4f7a",
)  # fmt: skip

PRESENCE = {
    Status.ONLINE: "#2fa84f",
    Status.AWAY: "#e0a100",
    Status.BUSY: "#d64545",
    Status.OFFLINE: "#9aa1ab",
}
VERDICTS = {
    Verdict.OK: PRESENCE[Status.ONLINE],
    Verdict.NOTE: PRESENCE[Status.AWAY],
    Verdict.WARN: PRESENCE[Status.BUSY],
}

FAMILIES = (
    "Segoe UI Variable Text", "Segoe UI", "Inter", "SF Pro Text", "Helvetica Neue", "Cantarell",
    "Ubuntu", "Noto Sans", "Open Sans", "Noto Sans CJK SC", "DejaVu Sans",
)  # fmt: skip
"""Those of Latin letters first: of the others, `…` stands at half the height and quotes are as wide
as a character. DejaVu Sans has them as well, but its letters are much wider than all of these."""
CHINESE_FAMILIES = ("Noto Sans CJK SC", *FAMILIES)
"""Else the system may take characters in their Japanese form, where it is not Chinese itself."""
FIXED_FAMILIES = ("Cascadia Mono", "JetBrains Mono", "SF Mono", "Menlo", "Consolas",
                  "Ubuntu Mono", "Noto Sans Mono", "DejaVu Sans Mono")  # fmt: skip

SIZES = {
    "body": (14, "normal"), "strong": (14, "bold"), "name": (13, "bold"), "small": (12, "normal"),
    "tiny": (11, "normal"), "badge": (11, "bold"), "title": (16, "bold"), "page": (24, "bold"),
    "avatar": (12, "bold"), "avatar_small": (11, "bold"), "italic": (13, "normal"),
    "fixed": (13, "normal"),
}  # fmt: skip
"""Pixels at a scale of 1, and the weight."""


PICTURES = 1500
"""Kept; more than are ever shown at once, for Tk draws nothing where one was let go of."""


class Theme:
    """Made once for a window."""

    def __init__(self, root: tk.Tk) -> None:
        self.palette = LIGHT
        self._listeners: dict[tk.Misc, Callable[[], None]] = {}
        inch = root.winfo_fpixels("1i") / 96
        x11 = root.tk.call("tk", "windowingsystem") == "x11"
        self.scale = max(1.0, round((max(inch, text_scale()) if x11 else inch) * 4) / 4)
        self.native_bidi = root.tk.call("tk", "windowingsystem") != "x11"
        """Tk orders and shapes right-to-left text by itself here."""
        self._root = root
        self._wanted = "system"
        self._system_dark = False
        self._telling = self._tell()
        self._pictures: OrderedDict[tuple[object, ...], tk.PhotoImage] = OrderedDict()
        self._of_styles: list[tk.PhotoImage] = []
        self.pictures = Pictures(root)
        root.tk.call("tk", "scaling", self.scale * 96 / 72)
        # The theme sets its colours and fonts when <<ThemeChanged>> comes, and to a window that
        # the display doesn't know yet (as a withdrawn one) it never comes.
        root.winfo_id()
        crisp.load(root, self.scale)
        sv_ttk.set_theme("light", root)
        # It ends with an error for the menus of Tk's own dialogs, once their colours are set.
        root.tk.call("bind", "Menu", "<<ThemeChanged>>", "catch {config_menus %W}")
        self._families = frozenset(tkfont.families(root))
        fixed = self._first(FIXED_FAMILIES)
        self.fonts = {
            name: tkfont.Font(
                root,
                family=fixed,
                size=-self.px(size),
                weight=weight,  # type: ignore[arg-type]  # a literal in the table above
            )
            for name, (size, weight) in SIZES.items()
        }
        self.fonts["italic"].configure(slant="italic")
        self._tooltips = tkfont.nametofont("TkTooltipFont", root)
        self._tooltips.configure(size=-self.px(12))
        self._of_letters = [font for name, font in self.fonts.items() if name != "fixed"]
        self._of_letters += [*self._scaled_theme_fonts(), self._tooltips]
        self._family = ""
        self.speak(language.tag())
        self._style()
        root.bind("<<ThemeChanged>>", self._theme_changed, add="+")
        when_shown(root, lambda: paint_title(root, dark=self.palette is DARK))

    def px(self, size: float) -> int:
        """Pixels of the screen for pixels at a scale of 1."""
        return round(size * self.scale)

    def speak(self, tag: str) -> None:
        """Letters are of a family that suits the language, and Tk's own dialogs speak it."""
        call = self._root.tk.call
        call("::msgcat::mclocale", tag.lower())
        texts = call("file", "join", call("set", "::tk_library"), "msgs")
        call("namespace", "eval", "::tk", ("::msgcat::mcload", texts))
        # Tk makes a dialog once, and shows it again as it is
        call("destroy", ".__tk_filedialog", ".__tk_choosedir")
        family = self._first(CHINESE_FAMILIES if tag.startswith("zh") else FAMILIES)
        if family != self._family:
            self._family = family
            for font in self._of_letters:
                font.configure(family=family)

    def _first(self, wanted: tuple[str, ...]) -> str:
        default = tkfont.nametofont("TkDefaultFont", self._root).actual("family")
        return next((family for family in wanted if family in self._families), str(default))

    def apply(self, name: str) -> None:
        """`light`, `dark` or `system`."""
        self._wanted = name
        dark = self._system_dark if name == "system" else name == "dark"
        palette = DARK if dark else LIGHT
        if palette is not self.palette:
            self.palette = palette
            sv_ttk.set_theme(palette.name, self._root)
            self._style()

    def follow(self, dark: bool) -> None:
        """The system is dark, or light."""
        self._system_dark = dark
        self.apply(self._wanted)

    def _theme_changed(self, event: tk.Event[tk.Misc]) -> None:
        # It comes to every widget; and the theme's own answer to it comes after this one.
        if event.widget is self._root:
            self._telling.close()
            self._telling = self._tell()
            in_turns(self._root, self._telling)

    def _tell(self) -> Generator[None, None, None]:
        """After the theme has painted plain widgets in its own colours (tk_setPalette). Listeners
        mustn't change styles: that would come back here."""
        for widget, listener in list(self._listeners.items()):
            if widget in self._listeners:  # it may be gone by now
                listener()
                yield

    def listen(self, widget: tk.Misc, listener: Callable[[], None]) -> None:
        """Have it called when colours have changed, as long as the widget is there."""
        self._listeners[widget] = listener

        def gone(event: tk.Event[tk.Misc]) -> None:
            if event.widget is widget:  # a window is told of its parts, too
                self._listeners.pop(widget, None)

        widget.bind("<Destroy>", gone, add="+")

    # -- pictures, each made once

    def circle(self, size: int, colour: str) -> tk.PhotoImage:
        return self._picture(drawing.circle, size, colour)

    def face(self, avatar: str | None, initials: str, seed: str, size: int) -> tuple[Picture, str]:
        """A person in a circle, and what has to be written on it: the initials of who has no
        picture, unless they are an emoji."""
        picture = self.pictures.face(avatar, size) if avatar else None
        if picture is None:
            picture = self.pictures.emblem(initials, self.avatar_colour(seed), size)
        if picture is not None:
            return picture, ""
        return self.circle(size, self.avatar_colour(seed)), initials

    def pill(self, width: int, height: int, radius: float, colour: str) -> tk.PhotoImage:
        return self._picture(drawing.pill, width, height, radius, colour)

    def button(self, size: int, radius: int, fill: str, edge: str) -> tk.PhotoImage:
        """For a style, and so kept as long as the window."""
        made = self._picture(drawing.button, size, radius, fill, edge, self.px(1))
        self._of_styles.append(made)
        return made

    def corner(
        self, radius: int, size: int, colour: str, which: str, line: int = 0
    ) -> tk.PhotoImage:
        return self._picture(drawing.corner, radius, size, colour, which, line)

    def icon(self, name: str, size: int, colour: str) -> tk.PhotoImage:
        return self._picture(drawing.icon, name, size, colour)

    def logo(self, size: int) -> tk.PhotoImage:
        return self._picture(drawing.logo, size, LIGHT.accent, "#ffffff")

    def presence(self, status: Status, around: str) -> tk.PhotoImage:
        return self._picture(drawing.ringed, self.px(13), self.px(2), PRESENCE[status], around)

    def choice(self, status: Status, chosen: bool) -> tk.PhotoImage:
        """Before a status in a menu, and as high as an entry: Tk's own mark of the one that is
        chosen has one size at every scale."""
        tick = self.palette.text if chosen else ""
        return self._picture(drawing.choice, self.px(16), self.px(28), PRESENCE[status], tick)

    def _picture(self, draw: Callable[..., bytes], *what: object) -> tk.PhotoImage:
        key = (draw, *what)
        if key not in self._pictures:
            if len(self._pictures) > PICTURES:
                self._pictures.popitem(last=False)
            self._pictures[key] = tk.PhotoImage(master=self._root, data=draw(*what))
        self._pictures.move_to_end(key)
        return self._pictures[key]

    def avatar_colour(self, seed: str) -> str:
        return self.palette.avatars[words.hue(seed, len(self.palette.avatars))]

    # -- ttk

    def _scaled_theme_fonts(self) -> Iterator[tkfont.Font]:
        """The theme's own fonts have fixed pixels and a family that few systems have."""
        for name in tkfont.names(self._root):
            if not name.startswith("SunValley"):
                continue
            font = tkfont.nametofont(name, self._root)
            strong = "Strong" in name or "itle" in name
            size = -abs(int(font.cget("size")))
            font.configure(size=self.px(size), weight="bold" if strong else "normal")
            yield font

    def _style(self) -> None:
        style, colours = ttk.Style(self._root), self.palette
        for name, fill in (
            ("Sidebar", colours.sidebar),
            ("Surface", colours.surface),
            ("Warning", colours.warning_fill),
            ("Trouble", colours.trouble_fill),
            ("Composer", colours.window),
        ):
            style.configure(f"{name}.TFrame", background=fill)
            style.configure(
                f"{name}.Toolbutton",
                background=fill,
                padding=self.px(5),
                font=self.fonts["strong"],
            )
            style.configure(f"{name}.TCheckbutton", background=fill)
        style.configure("Accent.TButton", padding=(self.px(14), self.px(5)))
        for name in ("Small.TButton", "Small.Accent.TButton"):
            style.configure(name, padding=(self.px(8), self.px(1)), font=self.fonts["small"])
        style.configure("TButton", padding=(self.px(12), self.px(5)))
        pagestyle.configure(self._root, colours, self.fonts, self.px)
        iconlist.colour(self._root, colours.surface, colours.text)
        self._root.configure(background=colours.window)
        paint_title(self._root, dark=colours is DARK)
