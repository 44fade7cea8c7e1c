"""The rules of the house: what may import what, and how large a module may be.

Every import counts, also one that only type checkers see.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import p2pchat

PACKAGE = Path(p2pchat.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
MAX_LINES = 500

NOUNS = ("model", "events", "errors", "config")
ADAPTERS = ("discovery", "transport", "storage", "media")
COMPOSITION = ("app", "cli", "__main__", "__init__")

# What a part of p2pchat may import of p2pchat besides itself, by module name below `p2pchat`.
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(NOUNS, NOUNS),
    "protocol": NOUNS,
    "node": (*NOUNS, "protocol"),
    **dict.fromkeys(ADAPTERS, (*NOUNS, "node.ports")),
    "ui": (*NOUNS, "node.api"),
}
# Presenters know nothing of how they are shown.
NOT_IN_PRESENTERS = ("ui.tk", "ui.terminal", "ui.rpc", "ui.bridge")

# fmt: off
PURE_STDLIB = frozenset((
    "__future__", "abc", "base64", "binascii", "bisect", "collections", "contextlib", "copy",
    "dataclasses", "datetime", "enum", "fractions", "functools", "hashlib", "heapq", "hmac",
    "ipaddress", "itertools", "json", "math", "numbers", "operator", "random", "re",
    "statistics", "string",
    "struct", "types", "typing", "unicodedata", "zlib",
))
# fmt: on
"""What the nouns and the protocol may use: no I/O, threads, time or entropy. Of `random` they may
use `Random`, with a seed, and of `datetime` what doesn't ask the clock."""

THIRD_PARTY: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(NOUNS, ("msgspec",)),
    "protocol": ("msgspec", "cryptography", "blake3"),
}

LIBRARY_HOMES = {
    "apsw": ("storage",),
    "zeroconf": ("discovery",),
    "prompt_toolkit": ("ui.terminal",),
    "polib": ("ui.language",),
    "desktop_notifier": ("ui.notifications",),
    "pystray": ("ui.tray",),
    "Xlib": ("ui.tray_x11", "ui.activating_x11"),
    "jeepney": ("ui.bus", "ui.notifications_dbus", "ui.tray_dbus", "ui.appearance"),
    "tkinter": ("ui.tk", "ui.bridge"),
    "PIL": ("ui.avatar", "ui.clipboard", "ui.tray", "ui.tray_dbus", "ui.tray_x11", "ui.tk"),
    "sv_ttk": ("ui.tk",),
    "tktooltip": ("ui.tk",),
}
"""Libraries of one subject, and where that subject lives."""

CLOCK_OR_ENTROPY = frozenset(
    ("now", "utcnow", "today", "urandom", "token_bytes", "generate", "generate_key")
)
SLOW_OR_ENTROPY_NAMES = frozenset(["Suite", "Argon2id", "Scrypt", "PBKDF2HMAC"])
"""Of `cryptography`, what is an effect: it draws entropy, or takes long on purpose."""
IO_BUILTINS = frozenset(["open", "input", "print", "exec", "eval", "compile", "__import__"])


def below(name: str, parents: tuple[str, ...]) -> bool:
    return any(name == parent or name.startswith(parent + ".") for parent in parents)


def imports_of(tree: ast.AST, module: str, is_package: bool) -> Iterator[tuple[str, str]]:
    """(module, name) of every import; the name is empty for a plain `import`."""
    parts = module.split(".")
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, ""
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = len(parts) - node.level + is_package
                base = ".".join([*parts[:up], *([node.module] if node.module else [])])
            for alias in node.names:
                yield base, alias.name


def bad_own_import(module: str, target: str, name: str) -> bool:
    """`module` and `target` are names below `p2pchat`."""
    part = module.split(".")[0]
    full = f"{target}.{name}".strip(".")
    if part in COMPOSITION:
        return False
    if part not in THIRD_PARTY and full == "__version__":
        return False
    if below(module, ("ui.presenters",)) and below(full, NOT_IN_PRESENTERS):
        return True
    return not below(full, (part, *MAY_IMPORT[part]))


def bad_foreign_import(module: str, target: str, name: str) -> bool:
    part, top = module.split(".")[0], target.split(".")[0]
    if part in COMPOSITION:
        return False
    if top in LIBRARY_HOMES and not below(module, LIBRARY_HOMES[top]):
        return True
    if part not in THIRD_PARTY:
        return False
    if top in sys.stdlib_module_names:
        return top not in PURE_STDLIB or (top == "random" and name not in ("", "Random"))
    return top not in THIRD_PARTY[part] or name in SLOW_OR_ENTROPY_NAMES


def impure_uses(tree: ast.AST) -> Iterator[str]:
    """Calls that do I/O, or ask a clock or a source of entropy, of what may be imported."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "random"
            and node.attr != "Random"
        ):
            yield f"line {node.lineno}: random.{node.attr}"
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id in IO_BUILTINS:
            yield f"line {node.lineno}: {called.id}()"
        if isinstance(called, ast.Attribute) and called.attr in CLOCK_OR_ENTROPY:
            yield f"line {node.lineno}: .{called.attr}()"
        last = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        if last == "Random" and not node.args:
            yield f"line {node.lineno}: Random() without a seed"


def violations(source: str, module: str, is_package: bool = False) -> list[str]:
    """What breaks the rules in the module of that name below `p2pchat`."""
    tree = ast.parse(source)
    found = []
    for target, name in imports_of(tree, f"p2pchat.{module}", is_package):
        if target == "p2pchat" or target.startswith("p2pchat."):
            own = target.removeprefix("p2pchat").removeprefix(".")
            if bad_own_import(module, own, name):
                found.append(f"{module} imports {target}.{name}")
        elif bad_foreign_import(module, target, name):
            found.append(f"{module} imports {target} {name}".rstrip())
    if module.split(".")[0] in THIRD_PARTY:
        found += [f"{module}, {use}" for use in impure_uses(tree)]
    return found


def name_of(path: Path) -> str:
    """The module's name below `p2pchat`; a package's without `__init__`."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def test_no_two_modules_of_tests_have_one_name() -> None:
    """Only one of them could be imported."""
    names = Counter(path.name for path in Path(__file__).parent.rglob("test_*.py"))
    assert [name for name, times in names.items() if times > 1] == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_keeps_the_rules(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    lines = source.count("\n")
    assert violations(source, name_of(path), path.name == "__init__.py") == []
    assert lines <= MAX_LINES


def test_every_part_has_its_rule() -> None:
    parts = {name_of(path).split(".")[0] for path in MODULES}
    assert parts <= {*MAY_IMPORT, *COMPOSITION}


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("model.ids", "import blake3"),
        ("errors", "import os"),
        ("events", "from p2pchat.protocol import hashing"),
        ("config.settings", "import pathlib"),
        ("protocol.feeds", "import asyncio"),
        ("protocol.feeds", "from time import monotonic"),
        ("protocol.feeds", "def later():\n    import secrets"),
        ("protocol.feeds", "from random import randbytes"),
        ("protocol.feeds", "import random\nrandom.shuffle([])"),
        ("protocol.feeds", "from random import Random\nRandom()"),
        ("protocol.feeds", "from datetime import datetime\ndatetime.now()"),
        ("protocol.feeds", "from p2pchat.node import ports"),
        ("protocol.feeds", "from ..node import ports"),
        ("protocol.feeds", "from p2pchat import __version__"),
        ("node.runtime", "import p2pchat"),
        ("protocol.feeds", "import spake2"),
        ("protocol.feeds", "from cryptography.hazmat.primitives.hpke import Suite"),
        ("protocol.feeds", "Ed25519PrivateKey.generate()"),
        ("protocol.feeds", "open('x')"),
        ("node.runtime", "from p2pchat.storage.store import Store"),
        ("node.runtime", "import apsw"),
        ("node.runtime", "from p2pchat import app"),
        ("storage.store", "from p2pchat.node.runtime import Node"),
        ("storage.store", "from p2pchat.protocol.hashing import digest"),
        ("transport.tcp", "from p2pchat.discovery import mdns"),
        ("transport.tcp", "import p2pchat.storage.store"),
        ("ui.terminal.chat", "from p2pchat.node.runtime import Node"),
        ("ui.rpc.server", "from p2pchat.node import ports"),
        ("ui.presenters.people", "import tkinter"),
        ("ui.presenters.people", "from p2pchat.ui.tk.window import Window"),
        ("ui.terminal.chat", "from tkinter import ttk"),
    ],
)
def test_what_breaks_a_rule_is_found(module: str, source: str) -> None:
    assert violations(source, module)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("config.settings", "import msgspec\nfrom p2pchat.model.people import Status"),
        ("protocol.feeds", "from random import Random\nRandom(7)"),
        ("protocol.feeds", "from .hashing import digest\nfrom p2pchat.model import ids"),
        ("node.runtime", "import asyncio\nfrom p2pchat.protocol.feeds import Feed"),
        ("node.runtime", "from p2pchat import __version__"),
        ("storage.store", "import apsw\nfrom p2pchat.node import ports"),
        ("ui.tk.window", "import tkinter\nfrom p2pchat.ui.presenters import people"),
        ("app", "from p2pchat.storage.store import Store"),
    ],
)
def test_what_is_allowed_is_not_found(module: str, source: str) -> None:
    assert violations(source, module) == []


def undocumented(source: str) -> list[str]:
    """Constants that say neither their unit in the name nor what they are in a docstring."""
    body = ast.parse(source).body
    found = []
    for statement, after in zip(body, [*body[1:], None], strict=True):
        if not isinstance(statement, ast.Assign | ast.AnnAssign):
            continue
        target = statement.target if isinstance(statement, ast.AnnAssign) else statement.targets[0]
        assert isinstance(target, ast.Name)
        told = (
            isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
            and isinstance(after.value.value, str)
        )
        unit = re.search(r"_(S|MS|BYTES|CHARS|PER_MINUTE)(_|$)", target.id)
        if not told and not unit:
            found.append(target.id)
    return found


def test_every_limit_says_its_unit_or_reason() -> None:
    source = (PACKAGE / "config" / "limits.py").read_text(encoding="utf-8")
    assert undocumented(source) == []
    assert undocumented("A = 1\nB_S = 1\nC = 2\n'''why'''") == ["A"]
