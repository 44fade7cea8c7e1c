"""What others wrote as a part of a page: lines that fit the width, emoji as pictures, right-to-left
text in its order."""

from __future__ import annotations

import tkinter as tk

from p2pchat.ui.presenters.flow import flow
from p2pchat.ui.presenters.marks import Mark
from p2pchat.ui.presenters.markup import Span, SpanKind
from p2pchat.ui.tk.inline import Inline
from p2pchat.ui.tk.marks import GAP, SIZE, Marks, icon_name, put, width
from p2pchat.ui.tk.theme import Theme


class RichText(tk.Canvas):
    """As wide as its place, and as high as its text."""

    def __init__(
        self, parent: tk.Misc, theme: Theme, font: str = "body", ink: str = "text",
        ground: str = "surface",
    ) -> None:  # fmt: skip
        """`ink` and `ground` name colours of the palette."""
        super().__init__(parent, width=1, height=1, highlightthickness=0, borderwidth=0)
        self.said = ""
        self._theme = theme
        self._font = theme.fonts[font]
        self._ink, self._ground = ink, ground
        self._line = self._font.metrics("linespace") + theme.px(2)
        self._emoji = round(-int(self._font.cget("size")) * 1.3)
        self.bind("<Configure>", lambda event: self._draw())
        theme.listen(self, self._draw)

    def show(self, text: str) -> None:
        self.said = text
        self._draw()

    def colour(self, ink: str, ground: str) -> None:
        self._ink, self._ground = ink, ground
        self._draw()

    def _measure(self, kind: SpanKind, text: str) -> int:
        return self._emoji + 1 if kind == SpanKind.EMOJI else self._font.measure(text)

    def _draw(self) -> None:
        palette, theme = self._theme.palette, self._theme
        self.configure(background=getattr(palette, self._ground))
        self.delete("all")
        room = self.winfo_width()
        if room <= 1:
            return  # it has no place yet
        spans = [Span(SpanKind.PLAIN, self.said)]
        lines = flow(spans, room, self._measure, not theme.native_bidi).lines
        self.configure(height=max(1, len(lines)) * self._line)
        for index, line in enumerate(lines):
            left, middle = (room - line.width if line.rtl else 0), round((index + 0.5) * self._line)
            for part in line.parts:
                chars = self.said[part.start : part.end]
                image = (
                    theme.pictures.emoji(chars, self._emoji)
                    if part.kind == SpanKind.EMOJI
                    else None
                )
                if image is not None:
                    self.create_image(left + part.x, middle, image=image, anchor="w")
                else:
                    self.create_text(
                        left + part.x, middle, text=part.drawn, anchor="w", font=self._font,
                        fill=getattr(palette, self._ink),
                    )  # fmt: skip


class NameLine(tk.Canvas):
    """A name with its marks, and something small after it."""

    def __init__(self, parent: tk.Misc, theme: Theme, ground: str = "surface") -> None:
        self._height = theme.fonts["strong"].metrics("linespace") + theme.px(4)
        super().__init__(parent, width=1, height=self._height, highlightthickness=0, borderwidth=0)
        self.said = ""
        self._theme = theme
        self._inline = Inline(theme)
        self._shown: tuple[str, tuple[Mark, ...], str] = ("", (), "")
        self._inks: tuple[str, str, str] = ("text", "muted", "")
        self._ground = ground
        self._tips = Marks(self, theme)
        self.bind("<Configure>", lambda event: self._draw())
        theme.listen(self, self._draw)

    def show(self, name: str, marks: tuple[Mark, ...], detail: str) -> None:
        self._shown = (name, marks, detail)
        self.said = f"{name} {detail}"
        self._draw()

    def colour(self, ink: str, ground: str) -> None:
        """All in one."""
        self._inks, self._ground = (ink, ink, ink), ground
        self._draw()

    def _draw(self) -> None:
        theme, palette, px = self._theme, self._theme.palette, self._theme.px
        name, marks, detail = self._shown
        ink, faint, signs = self._inks
        room, middle = self.winfo_width(), self._height // 2
        self.configure(background=getattr(palette, self._ground))
        self.delete("all")
        after = self._inline.width(detail, "small") + px(10) + width(theme, marks)
        left = max(px(60), room - after)
        end = self._inline.put(self, 0, middle, name, "strong", getattr(palette, ink), left)
        if not signs:
            end = put(self, theme, end, middle, marks)
        for mark in marks if signs else ():
            image = theme.icon(icon_name(mark), px(SIZE), getattr(palette, signs))
            self.create_image(end + px(GAP), middle, image=image, anchor="w")
            end += px(GAP + SIZE)
        self._inline.put(
            self, end + px(10), middle, detail, "small", getattr(palette, faint),
            max(1, room - end - px(10)),
        )  # fmt: skip
