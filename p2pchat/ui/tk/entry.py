"""A text that one writes, in which emoji are pictures: each is one step for the cursor and for
deleting. What is written is told, copied and kept as characters."""

from __future__ import annotations

import tkinter as tk
from collections.abc import Callable, Iterator
from typing import Any

from p2pchat.ui import emoji
from p2pchat.ui.presenters.history import History, State
from p2pchat.ui.tk.copying import copy, is_too_large, part, pasted
from p2pchat.ui.tk.theme import Theme

_FILL = """# Tcl
proc ::p2pchat_fill {text parts} {
    foreach {kind what} $parts {
        if {$kind eq "image"} {$text image create insert -image $what} {$text insert insert $what}
    }
}"""
"""There may be thousands of emoji: as one command of Tk's that takes a tenth of the time."""
MOST = 300
"""Pictures of emoji: with each Tk becomes slower. What is pasted beyond them stands there as one
picture of three dots."""
NEAR = 24
"""Places before and after the cursor that are looked through after a change: longer than any
emoji. A change of more than half of that may have come elsewhere."""


class Entry(tk.Text):
    """`text` and `set_text` instead of Tk's `get`, which drops pictures, and `insert`. Undoing is
    the entry's own: Tk's doesn't know pictures either, and puts back what it knows at the wrong
    places."""

    def __init__(self, parent: tk.Misc, theme: Theme, **how: Any) -> None:
        super().__init__(parent, undo=False, exportselection=False, **how)
        self.on_change: Callable[[], None] = lambda: None
        self.paste_else: Callable[[], bool] = lambda: False
        """Takes what was copied, where it is something else than text."""
        self.on_too_large: Callable[[], None] = lambda: None
        """More was copied than Tk can read."""
        self._theme = theme
        self._size = round(-int(theme.fonts["body"].cget("size")) * 1.3)
        self._chars: dict[str, str] = {}
        """By the name of a picture; the pictures are here for as long."""
        self._pictures: dict[str, object] = {}
        self._folded: set[str] = set()
        """Names of pictures that stand for more than an emoji."""
        self._history = History()
        self._places = 1
        """What Tk counts, a picture as one."""
        self.tk.eval(_FILL)
        self.bind("<<Modified>>", self._modified)
        self.bind("<<Copy>>", lambda event: self._copy())
        self.bind("<<Cut>>", lambda event: self._copy(cut=True))
        self.bind("<<Paste>>", lambda event: self._paste())
        self.bind("<<Undo>>", lambda event: self._show(self._history.undo()))
        self.bind("<<Redo>>", lambda event: self._show(self._history.redo()))
        self.bind("<<Selection>>", lambda event: self._own_selection())
        self.selection_handle(self._selected, selection="PRIMARY")
        if self._windowing() == "x11":
            utf8 = "UTF8_STRING"  # as its format too, or it is sent in Latin 1
            self.selection_handle(self._selected, selection="PRIMARY", type=utf8, format=utf8)

    # -- what is written

    def text(self, first: str = "1.0", last: str = "end-1c") -> str:
        """From one of Tk's indices to another."""
        if not self._chars:
            return self.get(first, last)
        return "".join(chars for chars, _ in self._parts(first, last))

    @property
    def empty(self) -> bool:
        return bool(self.compare("end-1c", "==", "1.0"))

    def set_text(self, text: str) -> None:
        """Another text, with the cursor at its end; what was before can't be undone."""
        self._history.reset(text)
        self._replace(State(text, len(text)))

    def put(self, text: str) -> None:
        """In the place of what is marked, else at the cursor."""
        if self.tag_ranges("sel"):
            self.delete("sel.first", "sel.last")
        self._insert(text)
        self.edit_modified(True)  # a picture alone is no change to Tk
        self.see("insert")

    def take_back(self, count: int) -> None:
        """Delete so many characters before the cursor."""
        places = 0
        while places < count and len(self.text(f"insert -{places}c", "insert")) < count:
            places += 1
        self.delete(f"insert -{places}c", "insert")

    def _parts(self, first: str, last: str) -> Iterator[tuple[str, bool]]:
        """Runs of text, and the characters of each picture (True)."""
        found = self.tk.splitlist(self.tk.call(self, "dump", "-text", "-image", first, last))
        for kind, what in zip(found[::3], found[1::3], strict=True):
            if kind == "image":
                yield self._chars[self._base(str(what))], True
            else:
                yield str(what), False

    @staticmethod
    def _base(name: str) -> str:
        """Tk tells the second of a picture from the first by a number after it."""
        return name.partition("#")[0]

    # -- pictures

    def _picture(self, chars: str) -> str:
        """The name of the emoji's picture; empty where there is none."""
        picture = self._theme.pictures.emoji(chars, self._size)
        name = str(picture or "")
        if not name:
            return ""
        self._pictures[name] = picture
        # Two forms of one emoji have one picture, and what was typed is what is sent: the form
        # that comes second stays a glyph.
        return name if self._chars.setdefault(name, chars) == chars else ""

    def _fold(self, text: str) -> str:
        """The name of a new picture that stands for all of this; empty where it is so little that
        it can be shown."""
        if len(text) < NEAR:
            return ""
        dots = self._theme.icon("more", self._size, self._theme.palette.muted)
        picture = tk.PhotoImage(master=self, width=dots.width(), height=dots.height())
        self.tk.call(picture, "copy", dots)
        name = str(picture)
        self._pictures[name], self._chars[name] = picture, text
        self._folded.add(name)
        return name

    def _insert(self, text: str) -> None:
        """At the cursor."""
        parts: list[str] = []
        done = 0
        places = [(start, end) for start, end, _ in emoji.find(text)]
        room = max(0, MOST - len(self.image_names())) if places else 0
        if len(places) > room + 1:
            places[room:] = [(places[room][0], places[-1][1])]
        for index, (start, end) in enumerate(places):
            name = self._picture(text[start:end]) if index < room else self._fold(text[start:end])
            if not name:
                continue
            parts += ["text", text[done:start], "image", name]
            done = end
        self.tk.call("::p2pchat_fill", self, (*parts, "text", text[done:]))

    def _draw_emoji(self, first: str, last: str) -> None:
        """Have what stands there as characters be pictures; also those that only now have come to
        be one with a picture beside them."""
        first = self.index(first)
        last = "end-1c" if self.compare(last, ">", "end-1c") else self.index(last)
        if self._folded and self._folded & {self._base(name) for name in self.image_names()}:
            return
        if not self._chars and next(emoji.find(self.get(first, last)), None) is None:
            return
        parts = list(self._parts(first, last))
        text = "".join(chars for chars, _ in parts)
        wanted = [(s, e) for s, e, _ in emoji.find(text) if self._picture(text[s:e])]
        there, at = [], 0
        for chars, is_picture in parts:
            if is_picture:
                there.append((at, at + len(chars)))
            at += len(chars)
        if wanted == there:
            return
        before = len(self.text(first, "insert")) if self.compare("insert", ">", first) else 0
        self.delete(first, last)
        self.mark_set("insert", first)
        self._insert_around(text, before)

    def _insert_around(self, text: str, at: int) -> None:
        """With the cursor after so many of its characters."""
        self._insert(text[:at])
        self.mark_set("keep", "insert")
        self.mark_gravity("keep", "left")
        self._insert(text[at:])
        self.mark_set("insert", "keep")
        self.mark_unset("keep")

    # -- changes

    def _modified(self, event: tk.Event[tk.Text]) -> None:
        if not self.edit_modified():
            return
        self.edit_modified(False)
        places = self._count()
        if abs(places - self._places) > NEAR // 2:
            self._draw_emoji("1.0", "end-1c")
        else:
            self._draw_emoji(f"insert -{NEAR}c", f"insert +{NEAR}c")
        self.edit_modified(False)
        self._places = self._count()
        self._history.changed(self.text(), len(self.text("1.0", "insert")))
        self.on_change()

    def _count(self) -> int:
        return int(self.tk.call(self, "count", "-indices", "1.0", "end") or 0)

    def _replace(self, state: State) -> None:
        self.delete("1.0", "end")
        if not state.text:
            self._chars.clear()
            self._pictures.clear()
            self._folded.clear()
        self._insert_around(*state)
        self.edit_modified(False)
        self._places = self._count()
        self.see("insert")

    def _show(self, state: State | None) -> str:
        if state is not None:
            self._replace(state)
            self.on_change()
        return "break"

    # -- the clipboard, and what is marked

    def _marked(self) -> str:
        return self.text("sel.first", "sel.last") if self.tag_ranges("sel") else ""

    def _copy(self, cut: bool = False) -> str:
        marked = self._marked()
        if marked:
            copy(self, marked)
            if cut:
                self.delete("sel.first", "sel.last")
        return "break"

    def _paste(self) -> str:
        if self.paste_else():
            return "break"
        try:
            text = pasted(self)
        except tk.TclError:  # it is empty, or holds no text
            if is_too_large(self):
                self.on_too_large()
            return "break"
        self.put(text)
        return "break"

    def _windowing(self) -> str:
        return str(self.tk.call("tk", "windowingsystem"))

    def _own_selection(self) -> None:
        """On X what is marked can be put elsewhere with the middle button."""
        if self._windowing() == "x11" and self.tag_ranges("sel"):
            self.selection_own(selection="PRIMARY")

    def _selected(self, offset: str, length: str) -> str:
        return part(self._marked(), offset, length)
