"""Requests that are made to cost much: each has a verdict, and soon."""

import gc
import tracemalloc

import pytest

from onvifd.schema import InvalidArguments
from tests.schema.test_decode import decoded

MEBIBYTE = 1 << 20


def algorithm(oid: str) -> str:
    return (
        "<tas:CreatePKCS10CSR><tas:Subject/><tas:KeyID>a</tas:KeyID><tas:SignatureAlgorithm>"
        f"<tas:algorithm>{oid}</tas:algorithm></tas:SignatureAlgorithm></tas:CreatePKCS10CSR>"
    )


def certificate(text: str) -> str:
    return f"<tas:UploadCertificate><tas:Certificate>{text}</tas:Certificate></tas:UploadCertificate>"


def renewal(time: str) -> str:
    return f"<wsnt:Renew><wsnt:TerminationTime>{time}</wsnt:TerminationTime></wsnt:Renew>"


def typed_in_scopes(children: int) -> str:
    """Values with an xsi:type, within elements that declare prefixes as often as they may."""
    declared = " ".join(f"xmlns:p{number}='urn:u'" for number in range(60))
    item = (
        "<tds:Category xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'"
        " xmlns:xs='http://www.w3.org/2001/XMLSchema' xsi:type='xs:string'/>"
    )
    return f"<tds:GetServices>{f'<a {declared}>' * 55}{item * children}{'</a>' * 55}</tds:GetServices>"


REFUSED = {
    "an object identifier that backtracks": algorithm("1" * 60 + "x"),
    "a longer one": algorithm("1" * MEBIBYTE + "x"),
    "one with many dots": algorithm("1." * 500_000),
    "a base64 value that ends wrong": certificate("A" * MEBIBYTE + "="),
    "base64 with spaces": certificate("A " * 500_001),
    "base64 with padding throughout": certificate("A=" * 500_000),
    "digits": renewal("9" * MEBIBYTE),
    "a long duration": renewal("P" + "1Y" * 500_000),
    "a long fraction": renewal("PT0." + "1" * MEBIBYTE + "S"),
    "a long year": renewal("9" * MEBIBYTE + "-01-01T00:00:00Z"),
    "white space": renewal(" " * MEBIBYTE),
    "an identifier": f"<tas:GetKeyStatus><tas:KeyID>{'a' * MEBIBYTE}</tas:KeyID></tas:GetKeyStatus>",
    "thousands of wrong elements": f"<tas:CreateRSAKeyPair>{'<tas:a/>' * 1_900}</tas:CreateRSAKeyPair>",
    "thousands of wrong values": "<tas:CreateCertificationPath><tas:CertificateIDs>"
    + "<tas:CertificateID>1</tas:CertificateID>" * 1_900
    + "</tas:CertificateIDs></tas:CreateCertificationPath>",
    "thousands of types in scopes in scopes": typed_in_scopes(1_900),
}

ACCEPTED = {
    "thousands of extensions": "<wsnt:Unsubscribe>" + "<x xmlns='urn:x'/>" * 1_900 + "</wsnt:Unsubscribe>",
    "deep extensions": "<wsnt:Unsubscribe>" + "<x xmlns='urn:x'>" * 61 + "</x>" * 61 + "</wsnt:Unsubscribe>",
    "a large value": certificate("A" * MEBIBYTE),
    "thousands of values": f"<tds:DeleteUsers>{'<tds:Username>a</tds:Username>' * 1_900}</tds:DeleteUsers>",
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    with pytest.raises(InvalidArguments):
        decoded(REFUSED[name])


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name: str) -> None:
    decoded(ACCEPTED[name])


def test_nothing_of_a_request_stays_in_memory() -> None:
    """Names that a client makes up are not kept, so that no number of requests fills a camera's memory."""

    def send(number: int) -> None:
        names = [f"name{number}.{child}" for child in range(1_000)]
        children = "".join(f"<{name}/>" for name in names)
        with pytest.raises(InvalidArguments):
            decoded(f"<tds:GetServices>{children}</tds:GetServices>")
        extensions = "".join(f"<{name} xmlns='urn:{name}' {name}='1'/>" for name in names)
        decoded(f"<wsnt:Unsubscribe>{extensions}</wsnt:Unsubscribe>")

    send(0)
    gc.collect()  # what waits for it is none of what stays
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(1, 6):
            send(number)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 200_000
