"""DER as X.690 defines it, compared with openssl's reader."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keystore import der
from tests.keystore.encoding import NULL, OCTET_STRING

UUID = "06146983" + 17 * "ff" + "7f"
"""The largest object identifier below 2.25 (X.667), which not each cryptography knows."""


def asn1parse(data: bytes) -> str:
    return subprocess.run(
        ["openssl", "asn1parse", "-inform", "DER"], input=data, capture_output=True, check=True
    ).stdout.decode()


@settings(max_examples=100)
@given(st.integers(-(2**200), 2**200))
def test_integers(value: int) -> None:
    encoded = der.integer(value)
    der.check(encoded)
    assert int(asn1parse(encoded).rpartition(":")[2], 16) == value


@settings(max_examples=100)
@given(st.integers(0, 70000))
def test_lengths(size: int) -> None:
    encoded = der.element(OCTET_STRING, bytes(size))
    assert f" l={size:4} prim: OCTET STRING" in asn1parse(encoded)


@pytest.mark.parametrize(
    ("dotted", "shown"),
    [
        ("1.2.840.113549.1.1.11", "sha256WithRSAEncryption"),
        ("0.9.2342.19200300.100.1.25", "domainComponent"),
        ("2.999.1", "2.999.1"),
        ("1.3.6.1.4.1.99999999", "1.3.6.1.4.1.99999999"),
    ],
)
def test_object_identifiers_as_openssl_reads_them(dotted: str, shown: str) -> None:
    encoded = der.object_identifier(dotted)
    der.check(encoded)
    assert asn1parse(encoded).rstrip().endswith(f":{shown}")


@pytest.mark.parametrize(
    "dotted",
    [
        "",
        "1",
        "3.1",
        "1.40",
        "1.2.",
        ".1.2",
        "1..2",
        "1.02",
        "1.2a",
        "1x2",
        "1.2\n",
        "1." + "9" * 5000,
        "1" + ".99999" * 30,
        f"2.{2**128 - 1}",
        f"2.25.{2**128}",
        "1.+2",
    ],
)
def test_what_is_no_object_identifier(dotted: str) -> None:
    with pytest.raises(ValueError, match="object identifier"):
        der.object_identifier(dotted)


def test_a_set_is_sorted() -> None:
    assert der.set_of([der.integer(2), der.integer(1)]) == der.set_of([der.integer(1), der.integer(2)])
    assert der.set_of([der.integer(2), der.integer(1)]).index(b"\1\1") < 6


@pytest.mark.parametrize(
    ("year", "expected"),
    [(1950, b"\x17\x0d500101000000Z"), (2049, b"\x17\x0d490101000000Z"), (2050, b"\x18\x0f20500101000000Z")],
)
def test_times_change_their_type_in_2050(year: int, expected: bytes) -> None:
    """RFC 5280 4.1.2.5."""
    assert der.time(datetime(year, 1, 1, tzinfo=UTC)) == expected


@pytest.mark.parametrize(
    "data",
    [
        "",
        "0c",
        "0c0561",
        "0c016161",
        "0c810161",  # the length is not in its shortest form
        "0c82000161",
        "2403040161",  # constructed octet string
        "30800000",  # indefinite length
        "0000",
        "0101aa",
        "02020001",
        "0200",
        "050100",
        "0601aa",
        "06028001",
        "060181",
        "06032a8001",
        "0600",
        "0c01ff",
        "130140",  # @ in a PrintableString
        "160180",
        "1e0141",
        "1c0141",
        "0a020001",
        "03020801",
        "1f0100",
        "1000",  # a primitive sequence
        "30020101",
    ],
)
def test_what_is_not_der_is_found(data: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        der.check(bytes.fromhex(data))


@pytest.mark.parametrize(
    "data", ["0a0105", UUID, "1e020041", "1c0400000041", "bf1f020500", "5f8100017f", "800100"]
)
def test_types_that_few_readers_know_are_der(data: str) -> None:
    """An ENUMERATED, the object identifier of a UUID, a BMPString, a UniversalString, tags above 30, and a tag that hides the type."""
    der.check(bytes.fromhex(data))
    asn1parse(bytes.fromhex(data))


def test_nesting_is_bounded() -> None:
    data = NULL
    for _ in range(100):
        data = der.sequence(data)
    with pytest.raises(ValueError, match="nested"):
        der.check(data)


def test_the_size_is_bounded() -> None:
    der.check(der.sequence(NULL * 4094))
    with pytest.raises(ValueError, match="8192"):
        der.check(der.sequence(NULL * 4095))


@settings(max_examples=150)
@given(st.binary(max_size=40))
def test_any_octets_are_judged_without_another_exception(data: bytes) -> None:
    try:
        der.check(data)
    except ValueError:
        return
    asn1parse(data)
