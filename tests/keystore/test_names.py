"""Distinguished names (Security 5.2.6.3.1, RFC 4514, RFC 5280 appendix A)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from asn1crypto import core
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from keystore import DistinguishedName, der
from keystore.errors import InvalidSubject
from keystore.names import encode_name
from tests.keystore.encoding import (
    IA5_STRING,
    OCTET_STRING,
    PRINTABLE_STRING,
    TELETEX_STRING,
    UTF8_STRING,
    bit_string,
    object_identifier,
    parts,
    tag_and_content,
)
from tests.keystore.stores import SHA256_RSA, Store

EVERYTHING = DistinguishedName(
    country=("US",),
    organization=("ONVIF Test",),
    organizational_unit=("Unit test",),
    distinguished_name_qualifier=("DN Qualifier Test",),
    state_or_province_name=("State Name Test",),
    common_name=("Common Name Test",),
    serial_number=("000000000000",),
    locality=("LA",),
    title=("Mr",),
    surname=("SurnameTest",),
    given_name=("GivenNameTest",),
    initials=("AS",),
    pseudonym=("Pseudonym Test",),
    generation_qualifier=("GenerationQualifier Test",),
    generic_attributes=(("2.5.4.9", "Street 1"), ("UID", "u1")),
    multi_valued_rdns=((("CN", "Kamera"), ("2.5.4.5", "42")),),
    domain_components=("example", "com"),
)


def attributes(name: DistinguishedName) -> list[tuple[str, int, bytes]]:
    """(OID, tag, content) of each attribute, in order."""
    found = []
    for relative_name in parts(encode_name(name)):
        for attribute in parts(relative_name):
            attribute_type, value = parts(attribute)
            dotted = core.ObjectIdentifier.load(attribute_type).dotted
            found.append((dotted, *tag_and_content(value)))
    return found


TYPES = {
    "2.5.4.6": "country",
    "2.5.4.10": "organization",
    "2.5.4.11": "organizational_unit",
    "2.5.4.46": "distinguished_name_qualifier",
    "2.5.4.8": "state_or_province_name",
    "2.5.4.3": "common_name",
    "2.5.4.5": "serial_number",
    "2.5.4.7": "locality",
    "2.5.4.12": "title",
    "2.5.4.4": "surname",
    "2.5.4.42": "given_name",
    "2.5.4.43": "initials",
    "2.5.4.65": "pseudonym",
    "2.5.4.44": "generation_qualifier",
    "0.9.2342.19200300.100.1.25": "domain_components",
}
PRINTABLE = {"country", "serial_number", "distinguished_name_qualifier"}


def test_all_attribute_types_in_their_documented_order() -> None:
    assert [(oid, content.decode()) for oid, _, content in attributes(EVERYTHING)] == [
        ("0.9.2342.19200300.100.1.25", "example"),
        ("0.9.2342.19200300.100.1.25", "com"),
        ("2.5.4.6", "US"),
        ("2.5.4.8", "State Name Test"),
        ("2.5.4.7", "LA"),
        ("2.5.4.10", "ONVIF Test"),
        ("2.5.4.11", "Unit test"),
        ("2.5.4.3", "Common Name Test"),
        ("2.5.4.5", "000000000000"),
        ("2.5.4.12", "Mr"),
        ("2.5.4.4", "SurnameTest"),
        ("2.5.4.42", "GivenNameTest"),
        ("2.5.4.43", "AS"),
        ("2.5.4.65", "Pseudonym Test"),
        ("2.5.4.44", "GenerationQualifier Test"),
        ("2.5.4.46", "DN Qualifier Test"),
        ("2.5.4.9", "Street 1"),
        ("0.9.2342.19200300.100.1.1", "u1"),
        ("2.5.4.5", "42"),  # a set is sorted by its encoding
        ("2.5.4.3", "Kamera"),
    ]


@pytest.mark.parametrize(("oid", "field"), TYPES.items())
def test_each_type_has_its_defined_encoding_and_utf8_otherwise(oid: str, field: str) -> None:
    name = DistinguishedName(**{field: ("DE",)})
    expected = (
        PRINTABLE_STRING
        if field in PRINTABLE
        else IA5_STRING
        if field == "domain_components"
        else UTF8_STRING
    )
    assert attributes(name) == [(oid, expected, b"DE")]


@pytest.mark.parametrize(
    "field", [field for field in TYPES.values() if field not in PRINTABLE | {"domain_components"}]
)
def test_text_beyond_ascii(field: str) -> None:
    assert attributes(DistinguishedName(**{field: ("Zürich 東京",)}))[0][2] == "Zürich 東京".encode()


def test_openssl_reads_the_subject_of_a_request(store: Store, tmp_path: Path) -> None:
    request = tmp_path / "request.der"
    request.write_bytes(store.keystore.create_pkcs10_csr(EVERYTHING, store.put_key(), [], SHA256_RSA))
    shown = subprocess.run(
        [
            "openssl",
            "req",
            "-inform",
            "DER",
            "-in",
            request,
            "-noout",
            "-verify",
            "-subject",
            "-nameopt",
            "RFC2253",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "verify OK" in shown.stderr + shown.stdout
    assert "street=Street 1,dnQualifier=DN Qualifier Test" in shown.stdout
    assert shown.stdout.strip().endswith("L=LA,ST=State Name Test,C=US,DC=com,DC=example")
    assert "Kamera+serialNumber=42" in shown.stdout or "serialNumber=42+CN=Kamera" in shown.stdout


def test_several_values_of_one_type_keep_their_order() -> None:
    name = DistinguishedName(organizational_unit=("one", "two", "one"))
    assert [content for _, _, content in attributes(name)] == [b"one", b"two", b"one"]


@pytest.mark.parametrize(
    "value",
    [
        der.element(PRINTABLE_STRING, b"camera"),
        der.element(UTF8_STRING, "Kamera ä".encode()),
        der.element(der.BMP_STRING, "Kamera".encode("utf-16-be")),
        der.element(TELETEX_STRING, b"T61"),
        der.integer(5),
        der.sequence(der.integer(5), bit_string(b"\1")),
        der.element(OCTET_STRING, b"\xff" * 200),
    ],
)
def test_a_hexadecimal_value_is_used_octet_for_octet(store: Store, value: bytes) -> None:
    """Of whatever ASN.1 type, also in a certificate."""
    name = DistinguishedName(common_name=("#" + value.hex(),), organization=("#" + value.hex().upper(),))
    assert encode_name(name).count(value) == 2
    certificate_id = store.keystore.create_self_signed_certificate(store.put_key(), name, SHA256_RSA)
    assert encode_name(name) in store.keystore.get_certificate(certificate_id).der
    assert encode_name(name) in store.keystore.create_pkcs10_csr(name, store.put_key(), [], SHA256_RSA)


@pytest.mark.parametrize(
    "value",
    [
        "#",
        "#0",
        "#0g",
        "#1 camera",
        "#0c",
        "#0c0561",
        "#0c016161",
        "#0c01ff",
        "#0c810161",
        "#30800000",
        "#1301ff",
        "# 0c0161",
    ],
)
def test_what_starts_with_a_hash_and_is_no_der_is_invalid(value: str) -> None:
    with pytest.raises(InvalidSubject, match="hexadecimal"):
        encode_name(DistinguishedName(common_name=(value,)))


@pytest.mark.parametrize("name", [DistinguishedName(), DistinguishedName(multi_valued_rdns=((),))])
def test_an_incomplete_subject_is_invalid(name: DistinguishedName) -> None:
    with pytest.raises(InvalidSubject, match="empty"):
        encode_name(name)


@pytest.mark.parametrize("country", ["", "D", "DEU", "D1", "ÄÖ", "de\n"])
def test_a_country_has_two_letters(country: str) -> None:
    with pytest.raises(InvalidSubject):
        encode_name(DistinguishedName(country=(country,)))


@pytest.mark.parametrize("field", ["serial_number", "distinguished_name_qualifier"])
@pytest.mark.parametrize("value", ["a@b", "ä", "a_b", "a*"])
def test_what_does_not_fit_into_a_printable_string_is_invalid(field: str, value: str) -> None:
    with pytest.raises(InvalidSubject, match="PrintableString"):
        encode_name(DistinguishedName(**{field: (value,)}))


def test_a_domain_component_is_ascii() -> None:
    with pytest.raises(InvalidSubject, match="ASCII"):
        encode_name(DistinguishedName(domain_components=("köln",)))


@pytest.mark.parametrize(
    ("field", "bound"),
    [
        ("common_name", 64),
        ("organization", 64),
        ("organizational_unit", 64),
        ("title", 64),
        ("serial_number", 64),
        ("locality", 128),
        ("state_or_province_name", 128),
        ("pseudonym", 128),
        ("surname", 32768),
        ("given_name", 32768),
        ("initials", 32768),
        ("generation_qualifier", 32768),
    ],
)
def test_upper_bounds_count_characters(field: str, bound: int) -> None:
    """RFC 5280 appendix A: ub-common-name and its like."""
    longest = ("x" if field in PRINTABLE else "ä") * bound
    assert len(attributes(DistinguishedName(**{field: (longest,)}))) == 1
    for value in ("", longest + "x"):
        with pytest.raises(InvalidSubject, match=f"1 to {bound}"):
            encode_name(DistinguishedName(**{field: (value,)}))


@pytest.mark.parametrize("short_name", ["CN", "cn", "commonName", "2.5.4.3"])
def test_generic_types_are_short_names_or_object_identifiers(short_name: str) -> None:
    name = DistinguishedName(generic_attributes=((short_name, "camera"),))
    assert name != DistinguishedName(common_name=("camera",))
    assert encode_name(name) == encode_name(DistinguishedName(common_name=("camera",)))


def test_unknown_object_identifiers_hold_utf8() -> None:
    assert attributes(DistinguishedName(generic_attributes=(("1.2.3", "ä"),))) == [
        ("1.2.3", UTF8_STRING, "ä".encode())
    ]


@pytest.mark.parametrize("short_name", ["", "string", "1", "9.9", "1.2.x", "2.5.4.03", "OID.2.5.4.3", " CN"])
def test_unknown_types_are_invalid(short_name: str) -> None:
    for name in (
        DistinguishedName(generic_attributes=((short_name, "x"),)),
        DistinguishedName(multi_valued_rdns=(((short_name, "x"),),)),
    ):
        with pytest.raises(InvalidSubject):
            encode_name(name)


def test_a_multi_valued_name_is_one_set() -> None:
    name = DistinguishedName(multi_valued_rdns=((("CN", "a"), ("OU", "b"), ("serialNumber", "c")),))
    assert len(parts(encode_name(name))) == 1
    expected = x509.RelativeDistinguishedName(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, "a"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "b"),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, "c"),
        ]
    )
    assert encode_name(name) == x509.Name([expected]).public_bytes()


def test_a_multi_valued_name_holds_each_type_once() -> None:
    with pytest.raises(InvalidSubject, match="twice"):
        encode_name(DistinguishedName(multi_valued_rdns=((("CN", "a"), ("2.5.4.3", "b")),)))


def test_text_that_is_no_unicode_is_invalid() -> None:
    with pytest.raises(InvalidSubject, match="Unicode"):
        encode_name(DistinguishedName(common_name=("\ud800",)))


@settings(max_examples=150)
@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=64).filter(lambda t: t[0] != "#")
)
def test_any_text_comes_back(text: str) -> None:
    content = attributes(DistinguishedName(organization=(text,)))[0][2]
    assert content.decode() == text


@settings(max_examples=150)
@given(st.binary(max_size=60))
def test_any_octets_in_hexadecimal_are_used_exactly_or_refused(value: bytes) -> None:
    try:
        encoded = encode_name(DistinguishedName(common_name=("#" + value.hex(),)))
    except InvalidSubject:
        return
    assert encoded == der.sequence(der.set_of([der.sequence(object_identifier("2.5.4.3"), value)]))


def test_encodings_match_those_of_cryptography() -> None:
    name = DistinguishedName(
        country=("DE",), organization=("Ö",), common_name=("camera",), serial_number=("1",)
    )
    expected = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Ö"),
            x509.NameAttribute(NameOID.COMMON_NAME, "camera"),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, "1"),
        ]
    )
    assert encode_name(name) == expected.public_bytes()
