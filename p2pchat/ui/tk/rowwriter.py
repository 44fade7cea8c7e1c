"""How one message is written into the text widget: heading, quote, text, reactions, ticks."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Sequence

from p2pchat.model.ids import MessageId
from p2pchat.ui.language import _, ngettext
from p2pchat.ui.presenters import markup, words
from p2pchat.ui.presenters.filecard import FileAction, FileCard
from p2pchat.ui.presenters.markup import SpanKind
from p2pchat.ui.presenters.timeline import Delivery, Reaction, Row, Voice
from p2pchat.ui.tk.filecard import WIDTH, FileCardView, FindPicture
from p2pchat.ui.tk.theme import LIGHT, Theme

TICKS = {
    Delivery.NONE: "",
    Delivery.STORED: "  ✓",
    Delivery.DELIVERED: "  ✓✓",
    Delivery.READ: "  ✓✓",
}
SPAN_TAGS: dict[SpanKind, tuple[str, ...]] = {
    SpanKind.PLAIN: (),
    SpanKind.LINK: ("link",),
    SpanKind.CODE: ("code",),
    SpanKind.MENTION: ("mention",),
}
CLICKABLE = ("link", "more", "quote", "name")
"""Tags of what does something when it is clicked."""
RAISED = (
    "hover", "flash", "quote", "removed", "note", "read", "link", "code", "mention", "more", "time",
    *(f"hue{hue}" for hue in range(len(LIGHT.names))), "hue_own", "sel",
)  # fmt: skip
"""Tags whose colours count before a row's own, the last the most."""
CHILD = "P2PChatRowWindow"
"""The binding tag of small windows in the text."""
GUTTER = 62
"""Where texts begin: to the left stand the avatar and the time."""


class RowWriter:
    """Writes rows at given places, and owns the tags and small windows that they consist of."""

    def __init__(self, text: tk.Text, theme: Theme) -> None:
        self.on_react: Callable[[MessageId, str], None] = lambda message_id, emoji: None
        self.mentions: frozenset[str] = frozenset()
        """Names, in lower case, that stand out after an @."""
        self._text = text
        self._theme = theme
        self.card_of: Callable[[str], FileCard | None] = lambda file_id: None
        self.on_file: Callable[[str, FileAction], None] = lambda file_id, action: None
        self.find_picture: FindPicture = lambda path, done: None
        self._windows: dict[MessageId, list[tk.Widget]] = {}
        self._cards: dict[str, FileCardView] = {}
        self._spare: list[FileCardView] = []
        """Cards without a file."""
        self._chip_of: dict[str, tuple[MessageId, str]] = {}
        self._bind()

    def _bind(self) -> None:
        """Once for all small windows: bindings of each would cost memory that Tk doesn't free."""
        for name in ("<MouseWheel>", "<Button-4>", "<Button-5>", "<Button-3>", "<Motion>"):
            self._text.bind_class(CHILD, name, self._passer(name))
        self._text.bind_class(CHILD, "<Button-1>", self._clicked)
        for name in CLICKABLE:
            self._text.tag_bind(name, "<Enter>", lambda event: self._cursor("hand2"))
            self._text.tag_bind(name, "<Leave>", lambda event: self._cursor("arrow"))

    def configure(self) -> None:
        """Fonts, margins and colours of all tags."""
        px, colours, fonts = self._theme.px, self._theme.palette, self._theme.fonts
        tag: Callable[..., object] = self._text.tag_configure
        left, right = px(GUTTER), px(24)
        margins = {"lmargin1": left, "lmargin2": left, "rmargin": right}
        for name, fill in (
            ("own_fill", colours.own_fill),
            ("mention_fill", colours.warning_fill),
            ("hover", colours.hover),
            ("flash", colours.selected),
        ):
            tag(name, background=fill, lmargincolor=fill, rmargincolor=fill)
        for hue, colour in enumerate(colours.names):
            tag(f"hue{hue}", foreground=colour)
        tag("hue_own", foreground=colours.accent)
        tag("other", foreground=colours.other, spacing2=px(2), spacing3=px(3), **margins)
        tag("own", foreground=colours.own, spacing2=px(2), spacing3=px(3), **margins)
        tag("gutter", lmargin1=0, tabs=(px(GUTTER - 12), "right", left, "left"))
        tag("heading", lmargin1=px(16), lmargin2=left, tabs=(left,), spacing1=px(10))
        tag("name", font=fonts["strong"])
        tag("time", font=fonts["tiny"], foreground=colours.faint)
        tag("day", justify="center", spacing1=px(16), spacing3=px(8))
        tag("unread", justify="center", font=fonts["badge"], foreground=colours.accent,
            spacing1=px(12), spacing3=px(4))  # fmt: skip
        tag("system", justify="center", font=fonts["small"], foreground=colours.system,
            spacing1=px(6), spacing3=px(6), lmargin1=left, lmargin2=left, rmargin=left)  # fmt: skip
        tag("quote", font=fonts["small"], foreground=colours.muted, spacing3=px(2), **margins)
        tag("removed", font=fonts["italic"], foreground=colours.muted)
        tag("note", font=fonts["tiny"], foreground=colours.faint)
        tag("read", font=fonts["tiny"], foreground=colours.accent)
        tag("link", foreground=colours.accent, underline=True)
        tag("code", font=fonts["fixed"], background=colours.code_fill)
        tag("mention", foreground=colours.accent, font=fonts["strong"])
        tag("more", foreground=colours.accent, font=fonts["small"], **margins)
        tag("card", spacing1=px(4), spacing3=px(4))
        tag("row_end", spacing3=px(7))
        tag("chips", spacing1=px(2), spacing3=px(4), **margins)
        for name in RAISED:
            self._text.tag_raise(name)

    def forget(self, rows: Sequence[Row]) -> None:
        """These rows are about to be deleted from the text."""
        for row in rows:
            card = self._cards.pop(row.file_id, None)
            if card is not None:
                # Else the text would destroy it.
                self._text.window_configure(str(card), window="")
                self._spare.append(card)
            for widget in self._windows.pop(row.message_id, ()):
                self._chip_of.pop(str(widget), None)
                widget.destroy()
            self._text.tag_delete(f"row:{row.message_id}")

    def write(self, place: str, row: Row) -> None:
        """Insert the row before what stands at `place` (the start of a line)."""
        text = self._text
        text.mark_set("pen", place)
        text.mark_set("row_start", place)
        text.mark_gravity("row_start", "left")
        if row.day:
            self._day(row)
        if row.first_unread:
            self._put(_("New messages") + "\n", "unread")
        text.mark_set("fill_start", "pen")
        text.mark_gravity("fill_start", "left")
        if row.voice == Voice.SYSTEM:
            self._put(f"{row.text}  {row.time}\n", "system")
        else:
            self._message(row)
            text.tag_add("row_end", "pen -1c linestart", "pen")
        fill = _fill(row)
        if fill:
            text.tag_add(fill, "fill_start", "pen")
        text.tag_add(f"row:{row.message_id}", "row_start", "pen")

    def _message(self, row: Row) -> None:
        if row.heading:
            self._heading(row)
        if row.quote is not None:
            author = f"{row.quote.author}: " if row.quote.author else ""
            self._put(f"┃ {author}{row.quote.text}\n", row.voice.value, "quote")
        self._body(row)
        if row.hidden_lines:
            self._more(row)
        if row.reactions:
            self._chips(row)

    # -- parts of a row

    def _day(self, row: Row) -> None:
        px, theme = self._theme.px, self._theme
        width = theme.fonts["badge"].measure(row.day) + px(24)
        label = self._label(
            theme.pill(width, px(24), px(12), theme.palette.chip), row.day, "badge",
            theme.palette.muted, theme.palette.surface,
        )  # fmt: skip
        self._window(row, label, "day")
        self._put("\n", "day")

    def _heading(self, row: Row) -> None:
        theme, size = self._theme, self._theme.px(32)
        colours = theme.palette
        own = row.voice == Voice.OWN
        label = self._label(
            theme.circle(size, theme.avatar_colour(row.author)), words.initials(row.label),
            "avatar_small", "#ffffff", self._behind(row),
        )  # fmt: skip
        voice = row.voice.value
        self._window(row, label, "heading", voice)
        hue = "own" if own else words.hue(row.author, len(colours.names))
        self._put("\t", "heading", voice)
        self._put(row.label, "heading", voice, "name", f"hue_{hue}" if own else f"hue{hue}")
        self._put(f"   {row.time}\n", "heading", voice, "time")

    def _body(self, row: Row) -> None:
        voice = row.voice.value
        card = self.card_of(row.file_id) if row.file_id else None
        if row.removed:
            self._first_column(row)
            self._put(row.text, voice, "removed")
        elif card is not None:
            self._first_column(row)
            self._card(row, card)
        else:
            self._first_column(row)
            for span in markup.spans(row.text, self.mentions):
                self._put(span.text, voice, *SPAN_TAGS[span.kind])
        if row.note:
            self._put(f"  ({row.note})", voice, "note")
        ticks = TICKS[row.delivery]
        if ticks:
            self._put(ticks, voice, "read" if row.delivery == Delivery.READ else "note")
        self._put("\n", voice)

    def _card(self, row: Row, card: FileCard) -> None:
        if self._spare:
            view = self._spare.pop()
            view.fit(self._card_width())
            view.show(card)
        else:
            view = FileCardView(
                self._text, self._theme, card,
                act=lambda file_id, action: self.on_file(file_id, action),
                find_picture=lambda path, done: self.find_picture(path, done), tag=CHILD,
                width=self._card_width(),
            )  # fmt: skip
        self._cards[card.file_id] = view
        self._embed(view, row.voice.value, "card")

    def _card_width(self) -> int:
        px = self._theme.px
        return max(px(220), min(px(WIDTH), self._text.winfo_width() - px(GUTTER + 24)))

    def fit(self) -> None:
        """The text has another width."""
        width = self._card_width()
        for view in self._cards.values():
            view.fit(width)

    def show_file(self, card: FileCard) -> None:
        """Draw it anew, if it is here."""
        view = self._cards.get(card.file_id)
        if view is not None:
            view.show(card)

    def _first_column(self, row: Row) -> None:
        """The time beside a message that has no heading of its own."""
        if not row.heading and row.quote is None:
            self._put(f"\t{row.time}\t", row.voice.value, "gutter", "time")

    def _more(self, row: Row) -> None:
        said = _("Show less")
        if row.hidden_lines >= 0:
            lines = ngettext("{number} more line", "{number} more lines", row.hidden_lines)
            said = _("Show more ({lines})").format(lines=lines)
        self._put(f"{said}\n", row.voice.value, "more")

    def _chips(self, row: Row) -> None:
        tags = ("chips", row.voice.value)
        for index, reaction in enumerate(row.reactions):
            if index:
                self._put("  ", *tags)
            self._window(row, self._chip(row, reaction), *tags)
        self._put("\n", *tags)

    def _chip(self, row: Row, reaction: Reaction) -> tk.Label:
        theme, px, colours = self._theme, self._theme.px, self._theme.palette
        said = f"{reaction.emoji} {reaction.count}"
        width = theme.fonts["small"].measure(said) + px(18)
        label = self._label(
            theme.pill(width, px(24), px(12), colours.chip_mine if reaction.mine else colours.chip),
            said, "small", colours.text, self._behind(row),
        )  # fmt: skip
        label.configure(cursor="hand2")
        self._chip_of[str(label)] = (row.message_id, reaction.emoji)
        return label

    # -- ground

    def _put(self, said: str, *tags: str) -> None:
        self._text.insert("pen", said, tags)

    def _window(self, row: Row, widget: tk.Widget, *tags: str) -> None:
        self._windows.setdefault(row.message_id, []).append(widget)
        self._embed(widget, *tags)

    def _embed(self, widget: tk.Widget, *tags: str) -> None:
        self._text.window_create("pen", window=widget, align="center")
        for tag in tags:
            self._text.tag_add(tag, "pen -1c")

    def _label(
        self, image: tk.PhotoImage, said: str, font: str, colour: str, fill: str
    ) -> tk.Label:
        label = tk.Label(
            self._text, image=image, text=said, compound="center", borderwidth=0, padx=0, pady=0,
            font=self._theme.fonts[font], foreground=colour, background=fill,
        )  # fmt: skip
        label.bindtags((CHILD,))
        return label

    def _behind(self, row: Row) -> str:
        """The colour that lies behind the row."""
        colours = self._theme.palette
        fills = {"own_fill": colours.own_fill, "mention_fill": colours.warning_fill}
        return fills.get(_fill(row), colours.surface)

    def _passer(self, name: str) -> Callable[[tk.Event[tk.Misc]], None]:
        """What happens above a small window is meant for the text below it."""

        def pass_on(event: tk.Event[tk.Misc]) -> None:
            x = event.x_root - self._text.winfo_rootx()
            y = event.y_root - self._text.winfo_rooty()
            where = ("-x", x, "-y", y, "-rootx", event.x_root, "-rooty", event.y_root)
            delta = ("-delta", event.delta) if name == "<MouseWheel>" else ()
            self._text.tk.call("event", "generate", self._text, name, *where, *delta)

        return pass_on

    def _clicked(self, event: tk.Event[tk.Misc]) -> None:
        chip = self._chip_of.get(str(event.widget))
        if chip is not None:
            self.on_react(*chip)

    def _cursor(self, cursor: str) -> None:
        self._text.configure(cursor=cursor)


def _fill(row: Row) -> str:
    """The tag that colours the row's ground, if one does."""
    if row.voice == Voice.OWN:
        return "own_fill"
    return "mention_fill" if row.mentions_me else ""
