"""Base Device Test Specification, 8 Security."""

from __future__ import annotations

from collections.abc import Callable

from lxml import etree
from requests.auth import HTTPDigestAuth
from requests.utils import parse_dict_header

from tests.device_test.base.prerequisites import HTTP_DIGEST, USERNAME_TOKEN
from tests.device_test.cases import case, step
from tests.device_test.client import NAMES, Dut, Exchange, envelope, tag

TOKEN = "wsse:UsernameToken"


def get_users(*header: etree._Element) -> bytes:
    """GetUsers, which needs an administrator."""
    return envelope([etree.Element(tag("tds:GetUsers"))], header)


def accepted(exchange: Exchange) -> bool:
    body = exchange.envelope().find("env:Body/*", NAMES)
    return exchange.status == 200 and body.tag == tag("tds:GetUsersResponse")


def check_rejected(exchange: Exchange) -> None:
    """HTTP 401, or the fault env:Sender/ter:NotAuthorized with HTTP 400 (Core 5.9.1)."""
    codes = [value.text.rpartition(":")[2] for value in exchange.envelope().iterfind(".//env:Value", NAMES)]
    assert exchange.status == 401 or (exchange.status, codes[:2]) == (400, ["Sender", "NotAuthorized"])


def without(path: str) -> Callable[[etree._Element], None]:
    """Remove an element."""

    def change(header: etree._Element) -> None:
        found = header.find(path, NAMES)
        found.getparent().remove(found)

    return change


def with_password_text(header: etree._Element) -> None:
    """The digest in an element that claims to be the password."""
    password = header.find(f"{TOKEN}/wsse:Password", NAMES)
    password.set("Type", password.get("Type").replace("#PasswordDigest", "#PasswordText"))


@case("SECURITY-1-1-1", "8.1", needs=(USERNAME_TOKEN,))
def test_user_token_profile(dut: Dut) -> None:
    for fault, spoil in (
        ("Missing nonce", without(f"{TOKEN}/wsse:Nonce")),
        ("Missing timestamp", without(f"{TOKEN}/wsu:Created")),
        ("Incorrect password type", with_password_text),
    ):
        header = dut.security()
        spoil(header)
        with step(f"Verify that the DUT rejects all incorrect requests: {fault}"):
            check_rejected(dut.post(get_users(header)))
    with step("Verify that the DUT accepts the correct request"):
        assert accepted(dut.post(get_users(dut.security())))


@case("SECURITY-1-1-2", "8.2", needs=(HTTP_DIGEST,))
def test_digest_authentication(dut: Dut) -> None:
    with step("ONVIF Client sends a request that requires authentication without any authentication"):
        exchange = dut.post(get_users())
    with step("Verify that the DUT rejects the request with HTTP error code 401"):
        assert exchange.status == 401
    with step("Verify that DUT returns the required information in HTTP Response Header"):
        schemes = [value.partition(" ") for value in exchange.all("WWW-Authenticate")]
        digests = [parse_dict_header(values) for scheme, _, values in schemes if scheme.lower() == "digest"]
        assert digests, "no WWW-Authenticate header has the scheme Digest"
        for digest in digests:
            assert digest.get("realm") and digest.get("nonce"), digest
    with step("Verify that the DUT accepts the correct request with HTTP Digest Authentication"):
        assert accepted(dut.post(get_users(), auth=HTTPDigestAuth(dut.user, dut.password)))
