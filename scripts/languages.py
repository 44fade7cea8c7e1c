"""What the program says, gathered from its source, and the catalogues brought up to it.

    python scripts/languages.py [TAG...]

Writes p2pchat/ui/languages/TAG.po anew (all there are, if none is given; a new one is begun): what
is new stands there untranslated, what is no longer said is gone. It says how much is to be done.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import polib

from p2pchat.errors import REASON_CODES

PACKAGE = Path(__file__).resolve().parents[1] / "p2pchat"
FOLDER = PACKAGE / "ui" / "languages"
NODE = "node"
NOT_SHOWN = ("cli.py",)
"""Says things before there is a window."""


class Said(NamedTuple):
    """One entry of a catalogue."""

    context: str
    text: str
    plural: str


# -- the window's own words, which are marked


def marked() -> dict[Said, list[str]]:
    """By entry, where it stands."""
    found: dict[Said, list[str]] = {}
    for path in sorted((PACKAGE / "ui").rglob("*.py")):
        for call in _calls(ast.parse(path.read_text(encoding="utf-8"))):
            name = call.func.id if isinstance(call.func, ast.Name) else ""
            texts = [_constant(argument) for argument in call.args[:2]]
            if name in ("_", "N_") and texts[0]:
                said = Said("", texts[0], "")
            elif name == "ngettext" and texts[0]:
                said = Said("", *texts)
            else:
                continue
            place = path.relative_to(PACKAGE.parent).as_posix()
            found.setdefault(said, []).append(place)
    return found


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _constant(node: ast.expr) -> str:
    value = node.value if isinstance(node, ast.Constant) else ""
    return value if isinstance(value, str) else ""


# -- what the node says: reasons of refusals, warnings, what has happened in a room

_SAYING = {
    # How a sentence is passed on, and which argument it is.
    "RequestError": 1, "BadParams": 0, "StoreError": 0, "StoreLocked": 0, "PassphraseNeeded": 0,
    "StoreDamaged": 0, "DiskFull": 0, "ProfileInUse": 0, "UsageError": 0, "Warned": 1,
    "_not_allowed": 0, "refuse": 2,
}  # fmt: skip


def node_says() -> dict[Said, list[str]]:
    found: dict[Said, list[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        place = path.relative_to(PACKAGE.parent).as_posix()
        if path.name in NOT_SHOWN or "/ui/" in place:
            continue
        for text in filter(_has_words, _sentences(ast.parse(path.read_text(encoding="utf-8")))):
            found.setdefault(Said(NODE, text, ""), []).append(place)
    for reason in REASON_CODES:
        # What a RequestError says that was given nothing else.
        found.setdefault(Said(NODE, reason.replace("-", " "), ""), []).append("p2pchat/errors.py")
    return found


def _has_words(text: str) -> bool:
    return any(char.isalpha() for char in text)


def _sentences(tree: ast.Module) -> Iterator[str]:
    constants = {name: [value] for name, value in _constants(tree)}
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            named = constants | _assigned(function)
            for call in _calls(function):
                yield from _of_call(call, named)
        if isinstance(function, ast.Return) and isinstance(function.value, ast.Tuple):
            parts = function.value.elts
            if parts and isinstance(parts[0], ast.Attribute) and parts[0].attr == "SYSTEM":
                yield from _texts(parts[1], {})
    for name, value in _constants(tree):
        if name.endswith("_REFUSALS") and isinstance(value, ast.Dict):
            for text in value.values:
                yield _constant(text).replace("{}", "{1}")
        if name.endswith("_UNITS") and isinstance(value, ast.Tuple):
            for unit in value.elts:
                assert isinstance(unit, ast.Tuple)
                yield _constant(unit.elts[0])


def _constants(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value


def _assigned(function: ast.AST) -> dict[str, list[ast.expr]]:
    named: dict[str, list[ast.expr]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            named.setdefault(node.targets[0].id, []).append(node.value)
    return named


def _of_call(call: ast.Call, named: dict[str, list[ast.expr]]) -> Iterator[str]:
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    at = _SAYING.get(name)
    if at is None:
        return
    if len(call.args) > at:
        for text in _texts(call.args[at], named):
            yield text
            # What a sentence is put together from: `ahead of`, say.
            yield from _parts(call.args[at], named)


def _parts(node: ast.expr, named: dict[str, list[ast.expr]]) -> Iterator[str]:
    for whole in named.get(node.id, []) if isinstance(node, ast.Name) else [node]:
        for value in ast.walk(whole):
            if isinstance(value, ast.FormattedValue) and isinstance(value.value, ast.Name):
                for text in _texts(value.value, named):
                    if text.strip("{}1"):
                        yield text


def _texts(node: ast.expr, named: dict[str, list[ast.expr]]) -> Iterator[str]:
    """What the expression may be, with {1}, {2}, … for what is filled in."""
    match node:
        case ast.Constant(value=str(text)) if text:
            yield text
        case ast.JoinedStr():
            number, text = 0, ""
            for value in node.values:
                if isinstance(value, ast.Constant):
                    text += str(value.value)
                else:
                    number += 1
                    text += f"{{{number}}}"
            yield text
        case ast.IfExp():
            yield from _texts(node.body, named)
            yield from _texts(node.orelse, named)
        case ast.Name():
            for value in named.get(node.id, []):
                yield from _texts(value, {})
        case _:
            return


# -- catalogues


def everything() -> dict[Said, list[str]]:
    return {**marked(), **node_says()}


def key(entry: polib.POEntry) -> Said:
    return Said(entry.msgctxt or "", entry.msgid, entry.msgid_plural or "")


def begin(tag: str) -> polib.POFile:
    catalogue = polib.POFile(wrapwidth=96)
    catalogue.metadata = {
        "Language": tag,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": "nplurals=2; plural=(n != 1);",
        "X-Language-Name": tag,
    }
    return catalogue


def bring_up(catalogue: polib.POFile) -> polib.POFile:
    """The same translations for what is said now."""
    known = {key(entry): entry for entry in catalogue}
    fresh = begin("")
    fresh.metadata = catalogue.metadata
    forms = range(2 if "nplurals=2" in catalogue.metadata["Plural-Forms"] else 1)
    for said in everything():
        entry = known.get(said) or polib.POEntry(
            msgid=said.text, msgid_plural=said.plural, msgctxt=said.context or None,
            msgstr_plural=dict.fromkeys(forms, "") if said.plural else {},
        )  # fmt: skip
        fresh.append(entry)
    # In an order of their own: what moves in the source doesn't move here.
    fresh.sort(key=key)
    return fresh


def main() -> int:
    for tag in sys.argv[1:] or sorted(path.stem for path in FOLDER.glob("*.po")):
        path = FOLDER / f"{tag}.po"
        before = polib.pofile(str(path), encoding="utf-8") if path.exists() else begin(tag)
        after = bring_up(before)
        after.save(str(path), newline="\n")
        left = len(after.untranslated_entries())
        sys.stdout.write(f"{tag}: {len(after)} texts, {left} to translate\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
