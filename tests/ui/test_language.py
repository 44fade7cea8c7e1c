"""Every text has its place in every catalogue, and every catalogue says what the source does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import languages
import polib
import pytest

from p2pchat.errors import REASON_CODES, RequestError
from p2pchat.ui import language
from p2pchat.ui.presenters import words

UI = languages.PACKAGE / "ui"
CATALOGUES = sorted(language.FOLDER.glob("*.po"))
WINDOW = sorted(
    path
    for folder in ("presenters", "tk")
    for path in [*UI.joinpath(folder).rglob("*.py"), UI / "opening.py", UI / "bridge.py"]
    if path.name != "display.py"
)
"""Why there is no window is said in the terminal."""
SHOWN_BY = frozenset(("text", "label", "title", "hint"))
"""Arguments whose text people read."""
WORDS = re.compile(r"[A-Za-z]{2,}[,.]? [a-z]{2,}|[A-Za-z]{2,}[.…!?]$")
"""What looks like English rather than like a name of Tk's."""
NOT_SPOKEN = frozenset(("log", "tkfont", "FAMILIES", "FIXED_FAMILIES"))


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    language.use("en")
    yield
    language.use("en")


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_there_are_english_and_chinese() -> None:
    assert language.available() == {"en": "English", "zh_CN": "简体中文"}


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_a_catalogue_has_what_is_said_and_nothing_else(path: Path) -> None:
    entries = {languages.key(entry) for entry in polib.pofile(str(path), encoding="utf-8")}
    said = set(languages.everything())
    assert said - entries == set(), "missing: run scripts/languages.py"
    assert entries - said == set(), "no longer said: run scripts/languages.py"


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_all_is_translated_with_the_same_places(path: Path) -> None:
    for entry in polib.pofile(str(path), encoding="utf-8"):
        forms = list(entry.msgstr_plural.values()) or [entry.msgstr]
        assert all(forms), f"not translated: {entry.msgid}"
        assert "fuzzy" not in entry.flags
        for form in forms:
            assert places(form) == places(entry.msgid), entry.msgid


def choices(node: ast.expr) -> Iterator[ast.expr]:
    """What an argument may be, not what it is computed from."""
    if isinstance(node, ast.IfExp):
        yield from (*choices(node.body), *choices(node.orelse))
    elif isinstance(node, ast.JoinedStr):
        yield from node.values
    else:
        yield node


def unmarked(path: Path) -> Iterator[str]:
    """Texts for people that aren't handed to gettext."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    silent: set[ast.AST] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="_" | "N_" | "ngettext" | "UsageError")):
                silent.update(ast.walk(node))
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name))) if name in NOT_SPOKEN:
                silent.update(ast.walk(node))
            case ast.Assign(targets=[ast.Name(id=name)]) if name in NOT_SPOKEN:
                silent.update(ast.walk(node))
            case ast.Expr(value=ast.Constant()):
                silent.update(ast.walk(node))
            case _:
                pass
    shown: set[ast.expr] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in SHOWN_BY:
            shown.update(choices(node.value))
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if node in silent or re.match(r"[<#.*\"-]|\w+::", node.value):
            continue
        if WORDS.search(node.value):
            yield f"{path.name}:{node.lineno}: {node.value!r}"
    for node in shown:
        text = node.value if isinstance(node, ast.Constant) and node not in silent else ""
        if isinstance(text, str) and re.match(r"[^#]*[A-Za-z]{2}", text):
            yield f"{path.name}:{node.lineno}: {text!r}"


def test_every_text_of_the_window_is_handed_to_gettext() -> None:
    found = sorted({line for path in WINDOW for line in unmarked(path)})
    assert found == []


def test_a_text_that_is_not_handed_to_gettext_is_found(tmp_path: Path) -> None:
    path = tmp_path / "pane.py"
    path.write_text('"""A doc string."""\nsay("There is nobody.")\nmake(text="Open")\n_("Fine.")')
    assert [line.partition(": ")[2] for line in unmarked(path)] == ["'There is nobody.'", "'Open'"]


def test_another_language_is_spoken_at_once_and_back() -> None:
    assert words.count(2, "file", "files") == "2 files"
    assert language.use("zh_CN")
    assert language.tag() == "zh_CN"
    assert language.ngettext("{number} file", "{number} files", 2) == "2 个文件"
    assert words.several(["Li", "Wang", "Zoë", "Bo", "Al"]) == "“Li”、“Wang”、“Zoë” 和另外 2 人"
    assert not language.use("zh_CN")
    assert language.use("en")
    assert words.several(["Li", "Wang"]) == "“Li” and “Wang”"


def test_what_the_node_says_is_recognised_by_its_form() -> None:
    language.use("zh_CN")
    assert language.told("Li joined") == "Li 加入了"
    assert language.told("“Mei joined · 老师” joined") == "“Mei joined · 老师” 加入了"
    assert language.told("The clock of Li is 3 hours behind this one's.") == (
        "Li 的时钟比这台电脑慢 3 小时。"
    )
    assert language.told("nobody ever said that") == "nobody ever said that"
    assert language.told("{9} {0.__class__} joined") == "{9} {0.__class__} 加入了"


@pytest.mark.parametrize(
    "error",
    [
        *(RequestError(reason) for reason in REASON_CODES),
        # As an account is refused: the registrar's own words, with what they are about.
        RequestError("wrong-password", "this isn't the account's password"),
        RequestError("wrong-password", "this isn't the account's recovery code"),
        RequestError("no-such-account", "nobody has registered this name"),
        RequestError("name-taken", "the name is registered, or looks like one that is"),
        RequestError("name-not-allowed", "a name has at most 64 characters"),
        RequestError("weak-password", "a password has at least 8 characters"),
        RequestError("weak-password", "this password is among the first that anyone tries"),
        RequestError("no-registrar", "there is no registrar now"),
        RequestError("too-many-tries", "too many tries: wait a minute"),
        RequestError("nobody-answered", "the registrar doesn't answer"),
        RequestError("not-allowed", "/home/li/a.csv is there already"),
    ],
    ids=str,
)
def test_every_refusal_is_a_sentence_in_the_language(error: RequestError) -> None:
    english = words.refusal(error)
    assert re.fullmatch(r"[A-Z/][^.]+(\.csv[^.]+)?\.( [A-Z].*\.)?", english), english
    language.use("zh_CN")
    chinese = words.refusal(error)
    assert re.search("[\u4e00-\u9fff]", chinese), chinese
    assert not re.search("[a-z]{3} [a-z]{2}", chinese), chinese
    assert chinese.endswith(("。", "！"))


def test_what_was_wrong_is_told_where_it_is_known() -> None:
    assert words.refusal(RequestError("wrong-password")) == "The password is not right."
    code = RequestError("wrong-password", "this isn't the account's recovery code")
    assert words.refusal(code) == "This isn't the account's recovery code."


@pytest.mark.parametrize(
    ("wanted", "spoken"),
    [("zh-CN", "zh_CN"), ("zh_cn", "zh_CN"), ("zh_TW", "zh_CN"), ("de_AT", "en"), ("../x", "en")],
)
def test_the_nearest_language_is_spoken(wanted: str, spoken: str) -> None:
    language.use(wanted)
    assert language.tag() == spoken


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "zh_CN"),
        ({"LANGUAGE": "zh_CN:en", "LANG": "en_GB.UTF-8"}, "zh_CN"),
        ({"LC_ALL": "C", "LANG": "zh_CN"}, ""),
        ({"LANG": "de_DE@euro"}, "de_DE"),
        ({}, ""),
    ],
)
def test_the_language_of_the_system(
    variables: dict[str, str], found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert language.system_language() == found


def test_a_language_that_is_added_needs_only_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = languages.bring_up(languages.begin("eo"))
    assert len(catalogue.untranslated_entries()) == len(catalogue)
    catalogue.metadata["X-Language-Name"] = "Esperanto"
    entry = next(entry for entry in catalogue if entry.msgid == "Rooms")
    entry.msgstr = "Ĉambroj"
    catalogue.save(str(tmp_path / "eo.po"))
    monkeypatch.setattr(language, "FOLDER", tmp_path)
    assert language.available() == {"en": "English", "eo": "Esperanto"}
    assert language.use("eo")
    assert language._("Rooms") == "Ĉambroj"
    assert language._("People") == "People"
