"""Makes the emoji of the window (p2pchat/ui/emoji/data) anew: their pictures, order and names.

    python scripts/emoji.py [UNICODE_FOLDER] [FONT]

It reads what Debian's unicode-data, unicode-cldr-core and fonts-noto-color-emoji install, and
needs Pillow with raqm. What it writes is kept in the repository: the window looks the same on
every system, and needs neither the font nor the shaping of sequences.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

from PIL import Image, ImageDraw, ImageFont

DATA = Path(__file__).resolve().parents[1] / "p2pchat" / "ui" / "emoji" / "data"
UNICODE = Path("/usr/share/unicode")
FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
FONT_SIZE = 109
"""The only size that the font's bitmaps have; a glyph is 136 × 128 pixels then."""
GLYPH = (136, 128)
SIDE = 64
"""Pixels of a picture: enough for the largest at twice the size."""
QUALITY = 70
LANGUAGES = {"en": "en", "zh_CN": "zh"}
"""Of the program, and what CLDR calls them."""
TONE = re.compile("[\U0001f3fb-\U0001f3ff]")
LINE = re.compile(r"(?P<codes>[0-9A-F ]+?)\s*; fully-qualified\s*# (?P<emoji>\S+) E")


def sequences(unicode: Path) -> list[tuple[str, int]]:
    """Every emoji in the order of Unicode's list, with the number of its group."""
    found: list[tuple[str, int]] = []
    group = -1
    for line in (unicode / "emoji" / "emoji-test.txt").read_text(encoding="utf-8").splitlines():
        group += line.startswith("# group:")
        if match := LINE.match(line):
            found.append(("".join(chr(int(code, 16)) for code in match["codes"].split()), group))
    return found


def names(unicode: Path, language: str) -> dict[str, tuple[str, str]]:
    """By emoji without variation selectors: its name, and what else it is found by."""
    found: dict[str, tuple[str, str]] = {}
    for folder in ("annotations", "annotationsDerived"):
        tree = ElementTree.parse(unicode / "cldr" / "common" / folder / f"{language}.xml")
        for node in tree.iter("annotation"):
            emoji, text = node.attrib["cp"], node.text or ""
            name, words = found.get(emoji, ("", ""))
            if node.get("type") == "tts":
                found[emoji] = (text, words)
            else:
                found[emoji] = (name, " ".join(text.split(" | ")))
    return found


def picture(font: ImageFont.FreeTypeFont, emoji: str) -> bytes:
    image = Image.new("RGBA", GLYPH, (0, 0, 0, 0))
    ImageDraw.Draw(image).text((0, 0), emoji, font=font, embedded_color=True)
    square = Image.new("RGBA", (max(GLYPH),) * 2, (0, 0, 0, 0))
    square.paste(image, (0, (max(GLYPH) - GLYPH[1]) // 2))
    small = square.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.save(out, "WEBP", quality=QUALITY, alpha_quality=80, method=6)
    return out.getvalue()


def main(arguments: list[str]) -> int:
    unicode = Path(arguments[0]) if arguments else UNICODE
    font = ImageFont.truetype(
        str(arguments[1] if len(arguments) > 1 else FONT),
        FONT_SIZE,
        layout_engine=ImageFont.Layout.RAQM,
    )
    DATA.mkdir(parents=True, exist_ok=True)
    found = sequences(unicode)
    pictures = [picture(font, emoji) for emoji, _ in found]
    (DATA / "pictures.bin").write_bytes(b"".join(pictures))
    lines = [
        f"{emoji}\t{group}\t{len(data)}"
        for (emoji, group), data in zip(found, pictures, strict=True)
    ]
    write(DATA / "sequences.txt", lines)
    for ours, theirs in LANGUAGES.items():
        named = names(unicode, theirs)
        write(
            DATA / f"names.{ours}.txt",
            [
                "\t".join((emoji, *named.get(emoji.replace("\ufe0f", ""), ("", ""))))
                for emoji, _ in found
                if not TONE.search(emoji)
            ],
        )
    return 0


def write(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
