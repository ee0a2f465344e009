"""Scope matching rules (Core 7.3.2.2.2 and 7.3.3, WSD 5.1)."""

import pytest

from onvifd.discovery.matching import DEFAULT, RULES, matches
from onvifd.soap.names import NAMESPACES

D = NAMESPACES["d"]
EXAMPLE = [
    "onvif://www.onvif.org/Profile/Streaming",
    "onvif://www.onvif.org/hardware/D1-566",
    "onvif://www.onvif.org/location/country/china",
    "onvif://www.onvif.org/location/city/bejing",
    "onvif://www.onvif.org/location/building/headquarter",
    "onvif://www.onvif.org/location/floor/R5",
    "onvif://www.onvif.org/name/ARV-453",
]


@pytest.mark.parametrize(
    ("probed", "expected"),
    [
        ("onvif://www.onvif.org", True),
        ("onvif://www.onvif.org/", True),
        ("onvif://www.onvif.org/location/country/china", True),
        ("onvif://www.onvif.org/location/country/china/", True),
        ("onvif://www.onvif.org/location", True),
        ("ONVIF://WWW.ONVIF.ORG/name/ARV-453", True),
        ("onvif://www.onvif.org/name/%41RV-453", True),
        ("onvif://www.onvif.org/name/ARV-453?query#fragment", True),
        ("onvif://www.onvif.org/hardware/D1", False),
        ("onvif://www.onvif.org/name/arv-453", False),
        ("onvif://www.onvif.org/name/ARV-453/more", False),
        ("onvif://www.onvif.org//name", False),
        ("onvif://www.onvif.org/./name", False),
        ("onvif://www.onvif.org/name/../name", False),
        ("onvif://www.onvif.org/%2E%2e", False),
        ("onvif://onvif.org", False),
        ("http://www.onvif.org", False),
        ("onvif:", False),
        ("www.onvif.org", False),
        ("onvif://[", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("rule", [DEFAULT, f"{D}/rfc2396"])
def test_uris_match_by_segments(probed: str, expected: bool, rule: str) -> None:
    """The example of Core 7.3.2.2.2."""
    assert matches([probed], EXAMPLE, rule) is expected


def test_a_scope_with_dots_matches_nothing_but_itself_by_strcmp0() -> None:
    scope = "onvif://www.onvif.org/a/../b"
    assert not matches(["onvif://www.onvif.org"], [scope], DEFAULT)
    assert matches([scope], [scope], f"{D}/strcmp0")


def test_strcmp0_compares_characters() -> None:
    assert matches(EXAMPLE[:2], EXAMPLE, f"{D}/strcmp0")
    assert not matches([EXAMPLE[0].upper()], EXAMPLE, f"{D}/strcmp0")
    assert not matches(["onvif://www.onvif.org"], EXAMPLE, f"{D}/strcmp0")


@pytest.mark.parametrize(
    ("probed", "expected"),
    [
        ("urn:uuid:6FB7A1C4-9F0C-4D5E-8A3B-0123456789AB", True),
        ("uuid:6fb7a1c4-9f0c-4d5e-8a3b-0123456789ab", True),
        ("urn:uuid:6fb7a1c4-9f0c-4d5e-8a3b-0123456789ac", False),
        ("urn:uuid:x", False),
        ("urn:x", False),
    ],
)
def test_uuids_match_as_numbers(probed: str, expected: bool) -> None:
    scopes = [*EXAMPLE, "urn:uuid:6fb7a1c4-9f0c-4d5e-8a3b-0123456789ab"]
    assert matches([probed], scopes, f"{D}/uuid") is expected


@pytest.mark.parametrize("rule", RULES)
def test_each_of_the_probed_scopes_has_to_match(rule: str) -> None:
    assert matches([], EXAMPLE, rule)
    assert not matches([EXAMPLE[0], "onvif://elsewhere/a"], EXAMPLE, rule)


def test_an_unknown_rule_is_an_error() -> None:
    with pytest.raises(KeyError):
        matches([], EXAMPLE, f"{D}/ldap")
