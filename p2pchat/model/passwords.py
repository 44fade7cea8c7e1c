"""What a password of an account has to have at least."""

from __future__ import annotations

import string

from p2pchat.config.limits import ACCOUNT_PASSWORD_CHARS, PASSWORD_CHARS
from p2pchat.errors import RequestError
from p2pchat.model.names import fold

_DIFFERENT = 4
_CORE, _LONG = 4, 12
"""Letters that a password shorter than this has between what is added at its ends, as a year is."""
_ADDED = string.digits + string.punctuation + " "
_COMMON = frozenset(
    (
        "password", "passw0rd", "passwort", "pa55word", "qwert", "qwerty", "qwertyu", "qwertyui",
        "qwertyuiop", "qwertz", "qwertzui", "qwertzuiop", "azerty", "asdf", "asdfg", "asdfgh",
        "asdfghjk", "asdfghjkl", "yxcvbn", "yxcvbnm", "zxcvbn", "zxcvbnm", "q2w3e4r", "q2w3e4r5t",
        "qaz2wsx", "abcd", "abcde", "abcdef", "abcdefg", "abcdefgh", "admin", "administrator",
        "root", "user", "guest", "login", "letmein", "welcome", "changeme", "default", "master",
        "secret", "test", "teste", "tester", "hello", "hallo", "hallohallo", "iloveyou", "loveyou",
        "ichliebedich", "sunshine", "princess", "football", "fussball", "baseball", "superman",
        "batman", "pokemon", "minecraft", "fortnite", "starwars", "trustno", "monkey", "dragon",
        "shadow", "schalke", "computer", "internet", "whatever", "michelle", "schatz", "geheim",
        "schule", "school", "lehrer", "teacher", "woaini", "woaiwojia", "p2pchat",
    )
)  # fmt: skip


def check_password(password: str, name: str) -> None:
    """RequestError `weak-password`, `too-large`."""
    if len(password) > PASSWORD_CHARS:
        raise RequestError("too-large", f"a password has at most {PASSWORD_CHARS} characters")
    if len(password) < ACCOUNT_PASSWORD_CHARS:
        raise RequestError(
            "weak-password", f"a password has at least {ACCOUNT_PASSWORD_CHARS} characters"
        )
    plain, called = fold(password), fold(name)
    if _is_guessed(plain):
        raise RequestError("weak-password", "this password is among the first that anyone tries")
    if called and called in plain and len(_core(plain.replace(called, ""))) < _CORE:
        raise RequestError("weak-password", "a password can't be the name")


def _is_guessed(plain: str) -> bool:
    core = _core(plain)
    repeats = plain in (plain + plain)[1:-1]
    short = len(plain) < _LONG and len(core) < _CORE
    return core in _COMMON or repeats or short or len(set(plain)) < _DIFFERENT


def _core(plain: str) -> str:
    return plain.strip(_ADDED)
