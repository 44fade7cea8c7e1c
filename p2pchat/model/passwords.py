"""What a password of an account has to have at least."""

from __future__ import annotations

from p2pchat.config.limits import ACCOUNT_PASSWORD_CHARS, PASSWORD_CHARS
from p2pchat.errors import RequestError
from p2pchat.model.names import fold

_DIFFERENT = 4
_COMMON = frozenset(
    (
        "password", "passw0rd", "password1", "passwort", "12345678", "123456789", "1234567890",
        "87654321", "qwertyui", "qwertyuiop", "qwertzui", "qwertzuiop", "asdfghjk", "asdfghjkl",
        "iloveyou", "sunshine", "princess", "football", "baseball", "superman", "trustno1",
        "letmein1", "welcome1", "abcd1234", "1q2w3e4r", "11223344", "schalke04", "hallo123",
        "abcdefgh", "computer", "whatever", "starwars", "changeme", "michelle",
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
    plain = fold(password)
    if plain in _COMMON or len(set(plain)) < _DIFFERENT:
        raise RequestError("weak-password", "this password is among the first that anyone tries")
    if fold(name) in plain and len(plain) - len(fold(name)) < ACCOUNT_PASSWORD_CHARS // 2:
        raise RequestError("weak-password", "a password can't be the name")
