"""The list of files and folders in Tk's own dialogs, those of X, in the colours of the theme.

Tk makes it white, writes black into it and knows no option for either (iconlist.tcl of 8.6)."""

from __future__ import annotations

import tkinter as tk

_COLOUR = """# what each such list is told when it is shown
namespace eval ::p2pchat {}
proc ::p2pchat::colour_list {list ground text} {
    if {![winfo exists $list]} return
    set canvas $list.cHull.canvas
    $canvas configure -background $ground
    # a name that was once selected has lost its tags
    foreach item [$canvas find withtag !selectionText] {
        if {[$canvas type $item] eq "text"} {$canvas itemconfigure $item -fill $text}
    }
    set [info object namespace $list]::fill $text
    oo::define ::tk::IconList method DrawSelection {} [string map {
        "-fill black" {-fill $fill}
    } [lindex [info class definition ::tk::IconList DrawSelection] 1]]
}
"""


def colour(root: tk.Tk, ground: str, text: str) -> None:
    """Of all lists from now on, also of one that is open. Done when a dialog is shown: Tk keeps
    those that were closed, and loads their code with the first."""
    root.tk.eval(_COLOUR)
    for dialog in ("TkFDialog", "TkChooseDir"):
        for event in ("<Map>", "<<ThemeChanged>>"):
            script = f"::p2pchat::colour_list %W.contents.icons {ground} {text}"
            root.tk.call("bind", dialog, event, script)
