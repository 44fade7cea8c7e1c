from __future__ import annotations

import pytest

from p2pchat.config.appointing import file_text, read_file_text
from p2pchat.model.ids import read_key, show_key


def test_a_key_is_read_from_the_file_that_was_made_of_it() -> None:
    assert read_file_text(file_text(bytes(range(32)))) == bytes(range(32))
    assert read_key(show_key(bytes(range(32)))) == bytes(range(32))


@pytest.mark.parametrize("text", ["", "x\n", file_text(b"a" * 32)[:-5], show_key(b"a" * 32)])
def test_any_other_file_is_none(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - there is one reason
        read_file_text(text)


@pytest.mark.parametrize("text", ["", "abc", "a" * 53, "a" * 51, "1" * 52, "ä" * 52])
def test_any_other_text_is_no_key(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - there is one reason
        read_key(text)
