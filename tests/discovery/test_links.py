"""Which links and addresses are announced."""

from dataclasses import replace

import pytest

from onvifd.discovery.links import MAXIMUM_XADDRS, Link, links
from onvifd.network import Address, Interface

PATH = "/onvif/device_service"
ALL = ("0.0.0.0", "::")


def interface(name: str, *addresses: str, enabled: bool = True) -> Interface:
    found = [Address(address, 24, dynamic=False) for address in addresses]
    return Interface(
        name=name,
        index=len(name),
        mac=None,
        mtu=1500,
        enabled=enabled,
        running=True,
        ipv4=tuple(each for each in found if "." in each.address),
        ipv6=tuple(each for each in found if ":" in each.address),
    )


ETH = interface("eth0", "169.254.1.1", "192.0.2.1", "fe80::1", "2001:db8::1")
LO = interface("lo", "127.0.0.1", "::1")
LINK = Link(4, "eth0", True, ("192.0.2.1", "169.254.1.1"), ("2001:db8::1", "fe80::1"))


def test_link_local_addresses_come_last() -> None:
    assert links([ETH], ALL, ()) == [LINK]


def test_the_loopback_takes_part_only_if_it_is_named() -> None:
    assert [link.name for link in links([LO, ETH], ALL, ())] == ["eth0"]
    assert [link.name for link in links([LO, ETH], ALL, ("lo",))] == ["lo"]


def test_what_is_down_or_has_no_address_takes_no_part() -> None:
    assert links([replace(ETH, enabled=False), interface("eth1")], ALL, ()) == []


@pytest.mark.parametrize(
    ("listen", "ipv4", "ipv6"),
    [
        (("0.0.0.0",), LINK.ipv4, ()),
        (("::",), (), LINK.ipv6),
        (("192.0.2.1", "2001:DB8:0::1"), ("192.0.2.1",), ("2001:db8::1",)),
    ],
)
def test_only_addresses_that_the_web_server_listens_on_count(
    listen: tuple[str, ...], ipv4: tuple[str, ...], ipv6: tuple[str, ...]
) -> None:
    assert links([ETH], listen, ()) == [replace(LINK, ipv4=ipv4, ipv6=ipv6)]


def test_a_device_that_listens_on_the_loopback_alone_is_not_announced() -> None:
    assert links([LO, ETH], ("127.0.0.1", "::1"), ()) == []


def test_ipv4_is_told_no_address_that_means_nothing_to_it() -> None:
    """Core 7.3.2.3: each protocol, each address; usual ports are left out."""
    ports = [("http", 80), ("https", 443), ("http", 8080)]
    assert LINK.xaddrs(ports, PATH, "192.0.2.1") == [
        f"{start}{PATH}"
        for host in ("192.0.2.1", "169.254.1.1", "[2001:db8::1]")
        for start in (f"http://{host}", f"https://{host}", f"http://{host}:8080")
    ]


@pytest.mark.parametrize("heard", ["2001:db8::1", "fe80::1"])
def test_the_address_that_was_asked_comes_first(heard: str) -> None:
    hosts = [url[7:].partition(PATH)[0] for url in LINK.xaddrs([("http", 80)], PATH, heard)]
    assert hosts[0] == f"[{heard}]"
    assert sorted(hosts) == sorted(["[2001:db8::1]", "[fe80::1]", "192.0.2.1", "169.254.1.1"])


def test_http_on_443_is_not_https() -> None:
    assert LINK.xaddrs([("http", 443)], PATH, "192.0.2.1")[0] == f"http://192.0.2.1:443{PATH}"


def test_their_number_is_bounded() -> None:
    assert len(LINK.xaddrs([("http", port) for port in range(1, 50)], PATH, "192.0.2.1")) == MAXIMUM_XADDRS
