"""Where links lead, and what is opened of what others write."""

from __future__ import annotations

import pytest

from p2pchat.ui.presenters.links import destination
from p2pchat.ui.presenters.markup import SpanKind, spans


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://example.org/a?b=c#d", "example.org"),
        ("HTTPS://Example.ORG:8443/", "example.org"),
        ("https://good.example@evil.example/", "evil.example"),
        ("https://user:password@host/", "host"),
        ("https://еxample.com", "xn--xample-2of.com"),  # a Cyrillic letter
        ("https://例え.jp/路径", "xn--r8jz45g.jp"),
        ("http://[::1]:80/", "::1"),
        ("http://[::1/", ""),
        ("https://good.example\\@evil.example/", ""),
        ("https:///path", ""),
        ("javascript:alert(1)", ""),
        ("file:///etc/passwd", ""),
        ("data:text/html,x", ""),
        ("", ""),
    ],
)
def test_where_a_link_leads(url: str, host: str) -> None:
    assert destination(url) == host


def test_only_web_addresses_are_links() -> None:
    text = "javascript:alert(1) file:///x smb://y ftp://z https://a.example HTTP://B.example/c."
    links = [span.text for span in spans(text) if span.kind is SpanKind.LINK]
    assert links == ["https://a.example", "HTTP://B.example/c"]
