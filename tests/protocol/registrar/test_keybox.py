"""The wrapped seed: what opens it, and what holders take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pchat.errors import RequestError
from p2pchat.model.passwords import check_password
from p2pchat.protocol.hashing import network_tag
from p2pchat.protocol.identity import Signer
from p2pchat.protocol.registrar.holding import Holding
from p2pchat.protocol.registrar.keybox import (
    Keybox,
    Lock,
    make_keybox,
    make_lock,
    open_lock,
    password_tag,
    read_code,
    read_keybox,
    recovery_tag,
    show_code,
)

NETWORK = network_tag("lan")
SEED = bytes(range(32))
PERSON, OTHER = Signer(SEED), Signer(b"o" * 32)
PASSWORD, CODE = make_lock(b"p" * 32, SEED), make_lock(b"c" * 32, SEED)


def box(person: Signer = PERSON, counter: int = 1, password: Lock = PASSWORD) -> Keybox:
    return make_keybox(person, NETWORK, counter, password, CODE)


def test_a_lock_opens_with_what_it_was_made_with() -> None:
    assert open_lock(b"p" * 32, PASSWORD.wrapped) == SEED
    assert open_lock(b"c" * 32, PASSWORD.wrapped) is None
    assert open_lock(b"p" * 32, PASSWORD.wrapped[:-1]) is None
    assert PASSWORD.secret not in (b"p" * 32, PASSWORD.wrapped)


def test_a_keybox_is_its_persons_alone() -> None:
    made = box()
    assert read_keybox(made.raw, NETWORK) == made
    assert read_keybox(made.raw, network_tag("other")) is None
    assert read_keybox(made.raw[:-1] + b"x", NETWORK) is None
    forged = make_keybox(OTHER, NETWORK, 9, PASSWORD, CODE)
    raw = made.raw.replace(PERSON.key, OTHER.key)
    assert read_keybox(raw, NETWORK) is None
    assert forged.account != made.account
    assert read_keybox(box(counter=0).raw, NETWORK) is None
    assert read_keybox(box(password=Lock(b"x", b"y")).raw, NETWORK) is None


def test_a_holder_keeps_the_latest() -> None:
    holding = Holding(NETWORK)
    first, second = box(), box(counter=2, password=make_lock(b"n" * 32, SEED))
    for made in (first, second):
        news = holding.is_news(made.raw)
        assert news is not None
        holding.put(news)
    assert holding.is_news(first.raw) is None, "an old password doesn't come back"
    holding.put(first)
    assert holding.of(first.account) == second
    assert holding.secret(password_tag(PERSON.key)) == second.record.password.secret
    assert holding.secret(recovery_tag(PERSON.key)) == CODE.secret
    assert holding.secret(password_tag(OTHER.key)) is None
    assert holding.ids() == [second.id]


@given(st.binary(max_size=500))
def test_any_bytes_are_a_keybox_or_not(raw: bytes) -> None:
    assert Holding(NETWORK).is_news(raw) is None


@given(st.binary(min_size=15, max_size=15))
def test_a_code_is_read_as_it_was_shown_however_it_is_typed(code: bytes) -> None:
    shown = show_code(code)
    assert len(shown) == 29
    typed = shown.lower().replace("-", " ").replace("o", "0").replace("i", "1").replace("b", "8")
    assert read_code(typed) == shown


@given(st.text())
def test_any_text_may_be_typed(text: str) -> None:
    assert isinstance(read_code(text), str)


@pytest.mark.parametrize("weak", ["", "short", "password", "PassWord", "aaaaaaaabb", "12345678",
                                  "LisaMari", "lisamari1", "lisamari2015!", "password123",
                                  "Qwerty!1", "24121999", "abc12345", "12341234", "xyz7xyz7",
                                  "hallo2024"])  # fmt: skip
def test_weak_passwords_are_refused(weak: str) -> None:
    with pytest.raises(RequestError) as caught:
        check_password(weak, "LisaMari")
    assert caught.value.reason == "weak-password"


def test_others_are_not() -> None:
    check_password("correct horse", "Li")
    check_password("密码足够长的一句话", "Li")
    check_password("4711-kuh-0815", "Li")
    check_password("x7!kP2q9", "Li")
    with pytest.raises(RequestError) as caught:
        check_password("x" * 257, "Li")
    assert caught.value.reason == "too-large"
