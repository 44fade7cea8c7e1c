"""Addresses as people write them."""

from __future__ import annotations

import pytest

from p2pchat.config import addresses
from p2pchat.errors import UsageError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1:5000", ("192.0.2.1", 5000)),
        ("school", ("school", 27474)),
        ("[2001:db8::1]:5000", ("2001:db8::1", 5000)),
        ("[2001:db8::1]", ("2001:db8::1", 27474)),
        ("fe80::1%eth0", ("fe80::1%eth0", 27474)),
    ],
)
def test_where_there_is_a_default_the_port_may_be_left_out(
    text: str, address: tuple[str, int]
) -> None:
    assert addresses.parse(text, 27474) == address


@pytest.mark.parametrize(
    "text", ["", ":1", "h:", "h:0", "h:65536", "h:-1", "h:²", "h:٣", "[::1", "[::1]1", "a:b:c"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        addresses.parse(text, 27474)


@pytest.mark.parametrize("text", ["school", "[::1]", "::1", "2001:db8::1:5000"])
def test_without_a_default_the_port_is_needed(text: str) -> None:
    with pytest.raises(UsageError):
        addresses.parse(text)
