"""Text that comes from elsewhere, made fit to be shown: pure rules, used by every front end.

What a peer writes must not steer a terminal, reorder what stands around it, hide parts of itself
or spill over its neighbours. Emoji sequences and joining scripts (Arabic, Hebrew, Indic) stay as
they are. Sources: Unicode UTS #39 (section 5.4, marks), UTS #51 (emoji sequences), UAX #9.
"""

from __future__ import annotations

import re
import unicodedata

from p2pchat.config.limits import NAME_CHARS

MARKS_IN_TEXT = 6
"""Combining marks on one base character; vocalised Hebrew and stacked Tibetan need as many."""
MARKS_IN_NAME = 4
"""UTS #39, section 5.4."""

_PLAIN = re.compile(
    "[\n\x20-\x7e\xa0-\xac\xae-\u02ff\u0370-\u0482\u048a-\u058f\u05d0-\u05f4\u0620-\u064a"
    "\u0660-\u066f\u0671-\u06d3\u1e00-\u1fff\u2010-\u2027\u20a0-\u20cf\u3001-\u3029\u3041-\u3096"
    "\u309b-\u312f\u3400-\u9fff\uac00-\ud7a3\uff01-\uff9f]*"
)
"""Letters, digits and punctuation of which none needs a closer look: most of what is written. What
else there is, marks among it, is looked at character by character."""
_SURROGATES = re.compile("[\ud800-\udfff]")
_LINE_BREAKS = re.compile("\r\n|\u2028|\u2029|\x85")
_BLANK_LETTERS = frozenset(
    "\u115f\u1160\u3164\uffa0\u2800\u17b4\u17b5\ufffc\U00013441\U00013442\U00016fe4\U0001d159"
)
"""Letters and symbols that show nothing."""
_NEVER_SHOWN = re.compile("[\u2065\ufff0-\ufff8\U000e0000-\U000e0fff]")
"""Unassigned, and to be ignored all the same (Default_Ignorable_Code_Point)."""
_MONGOLIAN_SELECTORS = frozenset("\u180b\u180c\u180d\u180f")
_DIRECTION_MARKS = frozenset("\u200e\u200f\u061c")
_OVERRIDES = frozenset("\u202d\u202e")
_LIKE_QUOTES = dict.fromkeys(
    map(ord, '"\u02ba\u02dd\u02ee\u02f6\u05f4\u201c\u201d\u201e\u201f\u2033\u2036\u275d\u275e\u2760'
    '\u301d\u301e\u301f\uff02\U0001f676\U0001f677\U0001f678'), "'",
)  # fmt: skip
"""UTS #39's confusables of a double quotation mark, and its other forms."""
_ZWNJ, _ZWJ = "\u200c", "\u200d"
_BLACK_FLAG = "\U0001f3f4"
_CANCEL_TAG = "\U000e007f"
_PICTOGRAPH = (
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u2460-\u24ff\u25a0-\u27bf"
    "\u2900-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001f1e5\U0001f200-\U0001faff]"
    "(?:\ufe0f|[\U0001f3fb-\U0001f3ff]|[\U000e0020-\U000e007e]+\U000e007f)?"
)
_ONE_EMOJI = re.compile(
    "[\U0001f1e6-\U0001f1ff]{2}|[0-9#*]\ufe0f?\u20e3|" + f"{_PICTOGRAPH}(?:\u200d{_PICTOGRAPH})*"
)


def safe_text(text: str, multiline: bool = True) -> str:
    """`text` with control characters, bidi overrides and lone surrogates escaped visibly
    (`\\x1b`, `\\u202e`) and invisible characters left out. Line breaks become `\\n` and tabs four
    spaces where `multiline`; else they are escaped as well."""
    if _PLAIN.fullmatch(text) and (multiline or "\n" not in text):
        return text
    if multiline:
        text = _LINE_BREAKS.sub("\n", text).replace("\t", "    ")
    return _filtered(text, keep="\n" if multiline else "", marks=MARKS_IN_TEXT, escape=True)


def safe_name(text: str) -> str:
    """`text` as a name: NFC, one line without anything invisible, spaces collapsed, at most
    NAME_CHARS characters. May be empty."""
    spaced = " ".join(unicodedata.normalize("NFC", text).split())
    name = _filtered(spaced, keep="", marks=MARKS_IN_NAME, escape=False)
    name = " ".join(name.split()).lstrip()
    while name and unicodedata.category(name[0]) in ("Mn", "Me", "Mc"):
        name = name[1:].lstrip()
    return _cut(name, NAME_CHARS).rstrip()


def quoted(name: str) -> str:
    """A name within one of the program's own sentences: `“Li” joined`. What it says isn't taken
    for more of the sentence, as it can't end the quotation."""
    return f"“{name.translate(_LIKE_QUOTES)}”"


def one_line(text: str, limit: int) -> str:
    """The beginning of `text` on one line, safe to show, with an ellipsis where it was cut at
    `limit` characters."""
    line = " ".join(safe_text(text[: 4 * limit]).split())
    return line if len(line) <= limit else _cut(line, limit - 1).rstrip() + "…"


def is_one_emoji(text: str) -> bool:
    """Whether it has the form of one emoji (UTS #51, possible emoji), also of one that is newer
    than this program."""
    return _ONE_EMOJI.fullmatch(text) is not None


def is_blank(text: str) -> bool:
    """Whether nothing of `safe_text(text)` can be seen."""
    return all(char.isspace() or char in _DIRECTION_MARKS for char in safe_text(text))


def safe_bytes(data: bytes) -> str:
    """Bytes as one safe line of UTF-8, what isn't UTF-8 escaped as `\\xNN`."""
    return safe_text(data.decode("utf-8", "backslashreplace"), multiline=False)


def well_formed(text: str) -> str:
    """`text` with lone surrogates (bytes of a command line that aren't UTF-8) replaced by
    U+FFFD, so that it can be encoded."""
    return _SURROGATES.sub("\ufffd", text)


def escaped(char: str) -> str:
    """One character written visibly: `\\x1b`, `\\u202e`, `\\U000e0001`."""
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"  # a byte that Python kept by surrogateescape
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _filtered(text: str, keep: str, marks: int, escape: bool) -> str:
    out: list[str] = []
    run = 0
    flag_tags = False
    for index, char in enumerate(text):
        previous = out[-1] if out else ""
        if flag_tags and "\U000e0020" <= char <= _CANCEL_TAG:
            out.append(char)
            flag_tags = char != _CANCEL_TAG
            continue
        flag_tags = char == _BLACK_FLAG and _is_flag(text, index)
        category = unicodedata.category(char)
        if category in ("Mn", "Me") and not is_selector(char):
            run += 1
            if run <= marks and char != "\u034f" and char not in _BLANK_LETTERS:
                out.append(char)
            continue
        if char in keep or _is_shown(char, category, previous, text[index + 1 : index + 2]):
            out.append(char)
        elif escape and _is_escaped(char, category):
            out.append(escaped(char))
        else:
            continue
        if category not in ("Mc", "Cf") and not is_selector(char):
            run = 0
    return "".join(out)


def _is_shown(char: str, category: str, previous: str, following: str) -> bool:
    if is_selector(char):
        return _selects(char, previous)
    if category == "Cf":
        return _format_is_shown(char, previous, following)
    return (
        category not in ("Cc", "Cs", "Zl", "Zp")
        and char not in _BLANK_LETTERS
        and not _NEVER_SHOWN.match(char)
        and not _is_noncharacter(char)
    )


def _is_escaped(char: str, category: str) -> bool:
    return category in ("Cc", "Cs", "Zl", "Zp") or char in _OVERRIDES or _is_noncharacter(char)


def _format_is_shown(char: str, previous: str, following: str) -> bool:
    if char in (_ZWJ, _ZWNJ):
        if char == _ZWJ and _is_emoji(previous) and _is_emoji(following):
            return True
        return _joins(previous) and bool(following.strip())
    if char in _DIRECTION_MARKS:
        return previous not in _DIRECTION_MARKS
    # Number signs of Arabic and its kin, and hieroglyph layout, have ink or carry meaning.
    code = ord(char)
    return (
        0x600 <= code <= 0x605
        or code in (0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD)
        or 0x13430 <= code <= 0x1343F
    )


def is_selector(char: str) -> bool:
    """Whether it chooses a form of the character before it, and shows nothing itself."""
    return (
        "\ufe00" <= char <= "\ufe0f"
        or "\U000e0100" <= char <= "\U000e01ef"
        or char in _MONGOLIAN_SELECTORS
    )


def _selects(selector: str, previous: str) -> bool:
    """Whether a variation selector stands where it means something: once, after a visible
    character; the supplementary ones after a Han character only, Mongolian ones after a letter of
    that script."""
    if not previous or previous.isspace() or is_selector(previous):
        return False
    if selector in _MONGOLIAN_SELECTORS:
        return "\u1820" <= previous <= "\u18aa"
    if selector >= "\U000e0100":
        return "\u3400" <= previous <= "\u9fff" or "\U00020000" <= previous <= "\U0003ffff"
    return True


def _is_emoji(char: str) -> bool:
    return bool(char) and (
        "\U0001f000" <= char <= "\U0001fbff"
        or "\u2190" <= char <= "\u2bff"
        or char == "\ufe0f"
        or char in "\u00a9\u00ae\u3030\u303d\u3297\u3299"
    )


def _joins(char: str) -> bool:
    """Whether the character is of a script in which joiners change the shape of letters."""
    if not char or unicodedata.category(char)[0] not in "LM":
        return False
    return (
        "\u0600" <= char <= "\u0dff"
        or "\u0f00" <= char <= "\u109f"
        or "\u1780" <= char <= "\u1aff"
        or "\ua800" <= char <= "\uabff"
        or "\ufb50" <= char <= "\ufeff"
        or "\U00010a00" <= char <= "\U00011fff"
    )


def _is_flag(text: str, index: int) -> bool:
    """Whether a black flag begins a well-formed tag sequence (UTS #51 ED-14a), such as Wales."""
    end = text.find(_CANCEL_TAG, index + 1, index + 8)
    tags = text[index + 1 : end] if end > 0 else ""
    return bool(tags) and all("\U000e0030" <= tag <= "\U000e007a" for tag in tags)


def _is_noncharacter(char: str) -> bool:
    code = ord(char)
    return 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE


def _cut(text: str, limit: int) -> str:
    """At most `limit` characters, never ending inside a sequence."""
    if len(text) <= limit:
        return text
    end = limit
    while end > 0 and _continues(text[end], text[end - 1]):
        end -= 1
    return text[: end or limit]


def _continues(char: str, previous: str) -> bool:
    return (
        unicodedata.category(char) in ("Mn", "Me", "Mc", "Cf")
        or previous == _ZWJ
        or "\U0001f3fb" <= char <= "\U0001f3ff"
    )
