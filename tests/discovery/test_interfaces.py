"""Which interfaces and addresses are used, and which of a hint are believed."""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Interface, IPv6Interface

import pytest

from p2pchat.config.limits import ADDRESSES_PER_INTERFACE
from p2pchat.discovery.hints import believable, is_device_id, is_network
from p2pchat.discovery.interfaces import (
    Interface,
    Rank,
    addresses_of,
    check_wanted,
    list_interfaces,
    select,
)
from p2pchat.errors import UsageError

ETH = Interface(
    "eth0",
    "eth0",
    2,
    (IPv4Interface("10.1.2.3/24"),),
    (IPv6Interface("fe80::1/64"), IPv6Interface("2001:db8::1/64")),
    Rank.LAN,
)
BARE = Interface("eth1", "eth1", 3, (), (IPv6Interface("fe80::2/64"),), Rank.LINK_LOCAL)
LO = Interface("lo", "lo", 1, (IPv4Interface("127.0.0.1/8"),), (), Rank.LOOPBACK)


def hear(interface: Interface, *hosts: str) -> list[str]:
    ips = [ipaddress.ip_address(host) for host in hosts]
    return [host for host, _ in believable(interface, ips, 1234)]


def test_loopback_is_listed_and_only_used_when_asked_for() -> None:
    interfaces = list_interfaces()
    loopback = [i for i in interfaces if i.rank is Rank.LOOPBACK]
    assert any(str(a.ip) == "127.0.0.1" for i in loopback for a in i.v4)
    assert not set(select(interfaces, ())) & set(loopback)
    assert select(interfaces, ["127.0.0.1"]) == tuple(loopback[:1])
    assert interfaces == list_interfaces()


def test_selection_by_name_and_address() -> None:
    interfaces = (ETH, BARE, LO)
    assert select(interfaces, ()) == (ETH, BARE)
    assert select(interfaces, ["eth1"]) == (BARE,)
    assert select(interfaces, ["10.1.2.3"]) == (ETH,)
    assert select(interfaces, ["fe80::2%eth1", "lo"]) == (BARE, LO)
    assert select(interfaces, ["10.1.2.4"]) == ()


@pytest.mark.parametrize("word", ["eth77", "10.9.9.9", "", "fe80::9"])
def test_what_is_not_here_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="no interface"):
        check_wanted((ETH, LO), [word])


def test_an_interface_without_address_is_accepted_by_name() -> None:
    check_wanted((), ["lo"])


def test_own_addresses_carry_the_zone_where_they_need_one() -> None:
    assert addresses_of((ETH, BARE), 9) == [
        ("10.1.2.3", 9),
        ("fe80::1%eth0", 9),
        ("2001:db8::1", 9),
        ("fe80::2%eth1", 9),
    ]


def test_neighbours_are_tried_first() -> None:
    assert hear(ETH, "192.168.7.7", "fe80::9", "10.1.2.9", "2001:db8::9") == [
        "10.1.2.9",
        "fe80::9%eth0",
        "2001:db8::9",
        "192.168.7.7",
    ]
    assert hear(BARE, "fe80::9") == ["fe80::9%eth1"]


@pytest.mark.parametrize(
    "host",
    [
        "8.8.8.8",
        "224.0.0.251",
        "0.0.0.0",
        "255.255.255.255",
        "2606:4700::1",
        "ff02::1",
        "::",
        "::1",
    ],
)
def test_strangers_are_not_believed(host: str) -> None:
    assert hear(ETH, host) == []


def test_loopback_is_no_address_of_somebody_on_a_cable() -> None:
    assert hear(ETH, "127.0.0.1", "127.5.5.5") == []
    assert hear(LO, "127.0.0.1") == ["127.0.0.1"]


def test_link_local_ipv6_from_elsewhere_has_no_meaning_here() -> None:
    assert hear(ETH, "192.168.7.7", "fe80::9") == ["192.168.7.7"]


def test_a_hint_has_a_bounded_number_of_addresses() -> None:
    assert len(hear(ETH, *(f"10.1.2.{n}" for n in range(1, 200)))) == ADDRESSES_PER_INTERFACE


def test_forms() -> None:
    assert is_device_id("abcdefghijklmnopqrstuvwxyz234567")
    assert not is_device_id("abcdefghijklmnopqrstuvwxyz23456/")
    assert is_network("0123456789abcdef")
    assert not is_network("0123456789abcdef\n")
