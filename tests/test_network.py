"""What the kernel says of the host's network, in a network of the test's own."""

from __future__ import annotations

import errno
import json
import select
import shutil
import socket
import subprocess
import sys
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from onvifd import netlink, network
from tests.namespaces import hosts
from tests.support import free_port

SETUP = """
ip link set lo up
ip link add cable0 type veth peer name spare0
ip link set cable0 address 02:00:5e:10:00:01 mtu 1400 up
ip address add 192.0.2.10/24 dev cable0
ip address add 198.51.100.7/30 dev cable0 valid_lft 3600 preferred_lft 3600
ip address add 2001:db8::10/64 dev cable0 nodad
ip address add fe80::10/64 dev cable0 nodad
ip address add 2001:db8::99/64 dev cable0
ip address add 203.0.113.1/24 dev spare0
ip route add default via 192.0.2.1
ip -6 route add default via fe80::1 dev cable0
"""

REPORT = """
import dataclasses, json
from onvifd import network
asked = ("192.0.2.10", "192.0.2.11", "::", "2001:db8::10", "2001:db8::11")
print(json.dumps({
    "interfaces": [dataclasses.asdict(i) for i in network.interfaces()],
    "addresses": network.addresses(),
    "gateways": network.default_gateways(),
    "has": {a: network.has_address(a) for a in asked},
}))
"""


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    """What the functions say in a network namespace that has just what SETUP makes."""
    unshare = shutil.which("unshare")
    arguments = [unshare or "unshare", "--user", "--map-root-user", "--net"]
    if unshare is None or subprocess.run([*arguments, "true"], check=False).returncode != 0:
        pytest.skip("this kernel gives no network namespace")
    script = f"set -e\n{SETUP}\nexec {sys.executable} -c '{REPORT}'\n"
    run = subprocess.run(
        [*arguments, "sh", "-c", script],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    report: dict[str, Any] = json.loads(run.stdout)
    return report


def test_interfaces_are_listed_by_index(report: dict[str, Any]) -> None:
    """Core 8.2.10."""
    named = {interface["name"]: interface for interface in report["interfaces"]}
    assert next(iter(named)) == "lo"
    assert {"cable0", "spare0"} <= named.keys()
    cable = named["cable0"]
    assert (cable["mac"], cable["mtu"], cable["enabled"]) == ("02:00:5e:10:00:01", 1400, True)
    assert not named["spare0"]["enabled"]
    assert named["lo"]["running"]
    assert not cable["running"]  # the other end of it is down
    assert [interface["index"] for interface in report["interfaces"]] == sorted(
        interface["index"] for interface in report["interfaces"]
    )


def test_addresses_have_their_prefix_length_and_origin(report: dict[str, Any]) -> None:
    (cable,) = (interface for interface in report["interfaces"] if interface["name"] == "cable0")
    assert {tuple(address.values()) for address in cable["ipv4"]} == {
        ("192.0.2.10", 24, False),
        ("198.51.100.7", 30, True),
    }
    assert ("2001:db8::10", 64, False) in {tuple(address.values()) for address in cable["ipv6"]}
    assert ("fe80::10", 64, False) in {tuple(address.values()) for address in cable["ipv6"]}


def test_an_address_that_may_be_anothers_is_not_listed(report: dict[str, Any]) -> None:
    """RFC 4862 5.4: while it is tentative."""
    addresses = [address["address"] for each in report["interfaces"] for address in each["ipv6"]]
    assert "2001:db8::99" not in addresses
    assert "2001:db8::10" in addresses


def test_changes_of_links_and_addresses_wake_whoever_watches() -> None:
    with hosts("watched") as (host,), host.entered(), network.watch() as watching:
        network.drain(watching)
        assert not select.select([watching], [], [], 0)[0]
        for change in (
            "link add eth0 type veth peer name far0",
            "link set eth0 up",
            "address add 192.0.2.1/24 dev eth0",
        ):
            host.ip(change)
            assert select.select([watching], [], [], 10)[0], change
            network.drain(watching)


def test_a_watcher_that_has_missed_changes_goes_on() -> None:
    with hosts("watched") as (host,), host.entered(), network.watch() as watching:
        watching.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        for number in range(64):
            host.ip(f"address add 192.0.2.{number}/32 dev lo")
        network.drain(watching)
        host.ip("address add 198.51.100.1/32 dev lo")
        assert select.select([watching], [], [], 10)[0]


def test_the_hosts_addresses_are_the_global_ones_of_enabled_interfaces_then_the_loopbacks(
    report: dict[str, Any],
) -> None:
    addresses = report["addresses"]
    assert set(addresses) == {"192.0.2.10", "198.51.100.7", "2001:db8::10", "127.0.0.1", "::1"}
    assert [ip_address(address).is_loopback for address in addresses] == [False] * 3 + [True] * 2


def test_which_addresses_a_server_can_listen_on(report: dict[str, Any]) -> None:
    assert report["has"] == {
        "192.0.2.10": True,
        "192.0.2.11": False,
        "::": True,
        "2001:db8::10": True,
        "2001:db8::11": False,
    }


def test_the_gateways_are_those_of_the_default_routes(report: dict[str, Any]) -> None:
    assert report["gateways"] == ["192.0.2.1", "fe80::1"]


def test_the_resolver_is_what_resolv_conf_says(tmp_path: Path) -> None:
    """resolv.conf(5): the last of search and domain counts; what is no address is left out."""
    path = tmp_path / "resolv.conf"
    path.write_text(
        "# a comment\nnameserver 192.0.2.53\nnameserver fe80::1%cable0\nnameserver none\nnameserver\n"
        "domain example.com\nsearch example.org example.net\noptions ndots:1\n"
    )
    assert network.resolver(path) == network.Resolver(
        ("192.0.2.53", "fe80::1"), ("example.org", "example.net")
    )
    assert network.resolver(tmp_path / "none") == network.Resolver((), ())


@pytest.mark.parametrize(
    ("address", "link_local"),
    [("169.254.3.4", True), ("fe80::1", True), ("192.0.2.1", False), ("2001:db8::1", False)],
)
def test_link_local_addresses_are_known(address: str, link_local: bool) -> None:
    assert network.Address(address, 16, dynamic=False).link_local is link_local


def test_the_host_name_is_read_anew() -> None:
    assert network.hostname() == socket.gethostname()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_port_is_busy_while_somebody_listens_on_one_of_the_addresses(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with closing(socket.create_server((address, 0), family=family)) as listener:
        port = listener.getsockname()[1]
        assert not network.port_is_free(["127.0.0.1", "::1"], port)
        assert not network.port_is_free([address], port)
    assert network.port_is_free(["127.0.0.1", "::1"], port)


def test_a_listener_for_both_address_families_keeps_ipv4_busy() -> None:
    with closing(socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)) as listener:
        assert not network.port_is_free(["127.0.0.1"], listener.getsockname()[1])


def test_ipv6_does_not_keep_ipv4_busy() -> None:
    with closing(socket.create_server(("::1", free_port()), family=socket.AF_INET6)) as listener:
        assert network.port_is_free(["127.0.0.1"], listener.getsockname()[1])


def test_little_is_imported_and_only_for_who_asks() -> None:
    """The whole of pyroute2 costs 9 MiB, which a camera may not have to give."""
    program = """
import sys
from onvifd import network
assert not [name for name in sys.modules if "pyroute2" in name]
network.interfaces()
network.default_gateways()
assert "pyroute2.netlink.rtnl.ifinfmsg" in sys.modules
assert not {"asyncio", "pyroute2.iproute", "pyroute2.ndb", "pyroute2.netlink.nlsocket"} & {*sys.modules}
from pyroute2 import IPRoute
with IPRoute() as kernel:
    assert [link["index"] for link in kernel.get_links()] == [each.index for each in network.interfaces()]
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_many_links_and_addresses_come_in_several_answers() -> None:
    """As many as do not fit into one answer of the kernel's, of 32 KiB."""
    names = [f"cable{number}" for number in range(40)]
    with hosts("crowded") as (host,):
        for number, name in enumerate(names):
            host.ip(f"link add {name} type veth peer name plug{number}")
            host.ip(f"address add 192.0.2.{number}/32 dev {name}")
        with host.entered():
            found = {each.name: [it.address for it in each.ipv4] for each in network.interfaces()}
    assert {name: found.get(name) for name in names} == {
        name: [f"192.0.2.{number}"] for number, name in enumerate(names)
    }


def test_what_the_kernel_refuses_to_tell_is_an_os_error() -> None:
    with pytest.raises(OSError) as refused:
        netlink.dump(98)  # RTM_NEWCACHEREPORT: the kernel tells of it, and is not asked
    assert refused.value.errno == errno.EOPNOTSUPP


def test_a_kernel_without_netlink_is_an_os_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise OSError(errno.EAFNOSUPPORT, "as a sandbox without AF_NETLINK")

    monkeypatch.setattr(netlink.socket, "socket", refuse)
    for ask in (network.interfaces, network.default_gateways):
        with pytest.raises(OSError, match="as a sandbox"):
            ask()
