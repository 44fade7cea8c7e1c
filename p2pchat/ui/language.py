"""The language that people are spoken to in: gettext, with one catalogue a language.

A catalogue is `languages/TAG.po` beside this module; it is read as it is written, so that a further
language needs nothing but its file. English is what stands in the code, and needs none.

What the node says (`told`) is English, as it is for scripts and logs. A catalogue has those
sentences under the context `node`, with {1}, {2} and so on for what the node has filled in; they
are recognised by their form. A sentence that no catalogue has is shown as it came.
"""

from __future__ import annotations

import gettext
import io
import locale
import os
import re
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polib

FOLDER = Path(__file__).parent / "languages"
ENGLISH = "en"
NODE = "node"
"""The context of what the node says."""

_OWN_NAME = re.compile(r'^"X-Language-Name: (.+?)\\n"$', re.MULTILINE)
_PLACE = re.compile(r"\\\{\d\\\}")
_HEADER_BYTES = 4096


class _Catalogue:
    def __init__(self, path: Path | None) -> None:
        self.words: gettext.NullTranslations = gettext.NullTranslations()
        self._told: dict[str, str] = {}
        self._forms: list[tuple[re.Pattern[str], str]] = []
        if path is not None:
            import polib  # of no use to those who speak English

            entries = polib.pofile(str(path), encoding="utf-8")
            self.words = gettext.GNUTranslations(io.BytesIO(entries.to_binary()))
            self._add_told(entries)

    def _add_told(self, entries: polib.POFile) -> None:
        for entry in entries:
            if entry.msgctxt != NODE or not entry.translated():
                continue
            if "{1}" in entry.msgid:
                form = _PLACE.sub("(.+?)", re.escape(entry.msgid))
                self._forms.append((re.compile(form, re.DOTALL), entry.msgstr))
            else:
                self._told[entry.msgid] = entry.msgstr

    def told(self, text: str) -> str:
        if text in self._told:
            return self._told[text]
        for form, translated in self._forms:
            match = form.fullmatch(text)
            if match:
                # A part may be a sentence of the node's own: the reason of a failure, say.
                return translated.format("", *(self._told.get(p, p) for p in match.groups()))
        return text


_current = _Catalogue(None)
_tag = ENGLISH


def _(text: str) -> str:
    return _current.words.gettext(text)


def N_(text: str) -> str:  # as gettext's own tools call it
    """Mark a text that is translated where it is shown."""
    return text


def ngettext(one: str, many: str, number: int, **parts: str) -> str:
    """The form for this number; `{number}` stands for it, other names for `parts`."""
    return _current.words.ngettext(one, many, number).format(number=f"{number:,}", **parts)


def told(text: str) -> str:
    """One of the node's sentences."""
    return _current.told(text)


def tag() -> str:
    """The language that is used now."""
    return _tag


def available() -> dict[str, str]:
    """By tag, what each language calls itself; English first."""
    found = {ENGLISH: "English"}
    for path in sorted(FOLDER.glob("*.po")):
        with path.open(encoding="utf-8") as file:
            match = _OWN_NAME.search(file.read(_HEADER_BYTES))
        found[path.stem] = match[1] if match else path.stem
    return found


def prepare(wanted: str) -> None:
    """Read what `use` needs, on another thread: it takes as long as an event may."""
    _load(_nearest(wanted or system_language()))


def use(wanted: str) -> bool:
    """Speak this language from now on; empty: the system's. Whether that is another one."""
    global _current, _tag  # one program speaks one language
    before = _tag
    _tag = _nearest(wanted or system_language())
    if _tag != before:
        _current = _load(_tag)
    return _tag != before


def _nearest(wanted: str) -> str:
    """Of the languages there are: the same, else one of the same language elsewhere."""
    wanted = wanted.replace("-", "_")
    there = [ENGLISH, *sorted(path.stem for path in FOLDER.glob("*.po"))]
    spoken = wanted.partition("_")[0]
    same: list[Callable[[str], bool]] = [
        lambda tag: tag.casefold() == wanted.casefold(),
        lambda tag: tag.partition("_")[0].casefold() == spoken.casefold(),
    ]
    return next((tag for test in same for tag in there if test(tag)), ENGLISH)


@lru_cache
def _load(tag: str) -> _Catalogue:
    return _Catalogue(None if tag == ENGLISH else FOLDER / f"{tag}.po")


def system_language() -> str:
    """A tag such as `zh_CN`; empty where the system doesn't say."""
    if sys.platform == "win32":
        import ctypes

        return locale.windows_locale.get(ctypes.windll.kernel32.GetUserDefaultUILanguage(), "")
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        said = os.environ.get(name, "").partition(":")[0].partition(".")[0].partition("@")[0]
        if said:
            return "" if said in ("C", "POSIX") else said
    return ""
