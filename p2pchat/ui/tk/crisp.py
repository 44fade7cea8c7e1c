"""The theme's own pictures and measures at the scale of the screen: it knows 96 dots an inch."""

from __future__ import annotations

import io
import tkinter as tk
from pathlib import Path

import sv_ttk
from PIL import Image

_SCALED = """# Multiplies what styles are made with.
rename ::ttk::style ::ttk::plain_style
proc ::ttk::style {command args} {
    set at 1
    if {$command eq "element" && [lindex $args 2] eq "image"} {set at 4}
    if {$command in {element configure}} {
        for {set i $at} {$i < [llength $args] - 1} {incr i 2} {
            if {[lindex $args $i] in {-border -padding -width -height -sashthickness}} {
                set sizes {}
                foreach size [lindex $args $i+1] {lappend sizes [expr {round($size * %s)}]}
                lset args $i+1 $sizes
            }
        }
    }
    uplevel 1 [list ::ttk::plain_style $command {*}$args]
}
"""
_EMPTY = "empty"
"""The theme's picture of nothing: what a flat button shows at rest."""
_BORDER = 4
"""How far a button's picture isn't stretched, from each of its edges."""
_PLAIN = "rename ::ttk::style {}; rename ::ttk::plain_style ::ttk::style"


def load(root: tk.Tk, scale: float) -> None:
    """Have sv_ttk make its styles, once, before the first is used. With a scale above 1 borders,
    paddings and widths are multiplied while they are made, and then its pictures."""
    if scale == 1:
        sv_ttk.get_theme(root)
    else:
        root.tk.eval(_SCALED % scale)
        try:
            sv_ttk.get_theme(root)
        finally:
            root.tk.eval(_PLAIN)
    for name in ("light", "dark"):
        pictures = f"::ttk::theme::sv_{name}::I"
        if scale != 1:
            _enlarge(root, name, pictures, scale)
        _leave_out(root, pictures, scale)


def _leave_out(root: tk.Tk, pictures: str, scale: float) -> None:
    """Nothing needn't be drawn. Tk lays the part of a picture between its borders tile by tile, and
    of this one it is two pixels wide: 16 ms for a button as wide as the line at the bottom."""
    size = 2 * round(_BORDER * scale)
    picture = root.tk.call("set", f"{pictures}({_EMPTY})")
    root.tk.call(picture, "configure", "-width", size, "-height", size)


def _enlarge(root: tk.Tk, name: str, pictures: str, scale: float) -> None:
    folder = Path(sv_ttk.__file__).with_name("theme")
    with Image.open(folder / f"spritesheet_{name}.png") as opened:
        sheet = opened.convert("RGBA")
    places = (folder / f"sprites_{name}.tcl").read_text()
    words = root.tk.splitlist(places.replace("\\\n", " ").partition("list")[2].partition("]")[0])
    for at in range(0, len(words) - 4, 5):
        x, y, width, height = (int(word) for word in words[at + 1 : at + 5])
        size = (round(width * scale), round(height * scale))
        cut = sheet.crop((x, y, x + width, y + height)).resize(size, Image.Resampling.BICUBIC)
        kept = io.BytesIO()
        cut.save(kept, "PNG", compress_level=1)
        picture = root.tk.call("set", f"{pictures}({words[at]})")
        root.tk.call(
            picture, "configure", "-width", size[0], "-height", size[1], "-data", kept.getvalue()
        )
