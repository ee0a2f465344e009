"""Answers out: Python values as elements, and how they are spelt."""

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onvifd.soap.encode import element
from onvifd.soap.envelope import Limits, parse, serialize
from onvifd.soap.names import NAMESPACES, SERVICE, QualifiedName, qname
from tests.official import assert_valid_response


def written(value: object, tag: str = "tt:Root") -> str:
    """The element as text, without the envelope around it."""
    text = serialize(element(tag, value)).decode()
    match = re.search(r"<env:Body>(.*)</env:Body>", text, re.DOTALL)
    assert match is not None
    return match[1]


class Level(StrEnum):
    USER = "User"


class TestElement:
    def test_children_keep_their_order_and_inherit_the_namespace(self) -> None:
        assert written({"b": "1", "a": "2"}) == "<tt:Root><tt:b>1</tt:b><tt:a>2</tt:a></tt:Root>"

    def test_a_prefix_names_another_namespace(self) -> None:
        value = {"User": {"tt:Name": "a", "Inner": {"x": "1"}}}
        expected = (
            "<tds:R><tds:User><tt:Name>a</tt:Name><tds:Inner><tds:x>1</tds:x></tds:Inner></tds:User></tds:R>"
        )
        assert written(value, "tds:R") == expected

    def test_a_colon_alone_means_no_namespace(self) -> None:
        assert written({":a": {"b": "1"}}) == "<tt:Root><a><b>1</b></a></tt:Root>"

    def test_a_list_repeats_and_none_omits(self) -> None:
        value = {"a": ["1", None, "2"], "b": None, "c": [], "d": ("3",)}
        assert written(value) == "<tt:Root><tt:a>1</tt:a><tt:a>2</tt:a><tt:d>3</tt:d></tt:Root>"

    def test_attributes(self) -> None:
        value = {
            "@a": True,
            "@wstop:topic": "x",
            "@b": None,
            "@c": [1, "two"],
            "@d": (),
            "child": {"@e": 1, "": "f"},
        }
        expected = '<tt:Root a="true" wstop:topic="x" c="1 two" d=""><tt:child e="1">f</tt:child></tt:Root>'
        assert written(value) == expected

    def test_nothing_is_an_empty_element(self) -> None:
        assert written({}) == "<tt:Root/>"
        assert written({"a": {}, "b": ""}) == "<tt:Root><tt:a/><tt:b/></tt:Root>"

    def test_an_element_stands_as_it_is(self) -> None:
        child = Element("{urn:x}y", {"z": "1"})
        assert written({"any": [child, child]}) == '<tt:Root><n1:y z="1"/><n1:y z="1"/></tt:Root>'

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            ("a", "a"),
            (Level.USER, "User"),
            (True, "true"),
            (False, "false"),
            (0, "0"),
            (-5, "-5"),
            (Decimal("0.10"), "0.10"),
            (Decimal("1E+3"), "1000"),
            (b"", ""),
            (b"\x00\xff", "AP8="),
            (datetime(2030, 1, 31, 12, 0, 0, 999999, UTC), "2030-01-31T12:00:00Z"),
            (datetime(2030, 1, 31, 1, 0, tzinfo=timezone(timedelta(hours=2))), "2030-01-30T23:00:00Z"),
            (datetime(33, 1, 1, tzinfo=UTC), "0033-01-01T00:00:00Z"),
            (timedelta(seconds=1), "PT1S"),
            (timedelta(days=1, milliseconds=250), "PT86400.25S"),
            (timedelta(seconds=-1.5), "-PT1.5S"),
            (timedelta(), "PT0S"),
            (QualifiedName("tas:KeyID"), "tas:KeyID"),
        ],
    )
    def test_values(self, value: object, text: str) -> None:
        assert element("tt:a", value).text == text
        assert element("tt:a", {"@b": value}).get("b") == text

    def test_dates_have_no_other_form_than_z(self) -> None:
        """`+00:00` or no zone crashes the npm package onvif, and Home Assistant never renews."""
        with pytest.raises(ValueError, match="zone"):
            element("tt:a", datetime(2030, 1, 1))

    @pytest.mark.parametrize("value", [1.5, object(), {1, 2}, None, Element("a")])
    def test_what_has_no_xml_form(self, value: object) -> None:
        with pytest.raises(TypeError):
            element("tt:a", value)

    @pytest.mark.parametrize("value", [{"no:a": "1"}, {"@no:a": "1"}])
    def test_an_unknown_prefix(self, value: object) -> None:
        with pytest.raises(KeyError):
            element("tt:a", value)
        with pytest.raises(KeyError):
            QualifiedName("no:a")


class TestSpelling:
    """The npm package onvif reads namespaces with a regular expression for double quotes."""

    def test_the_declaration_comes_first_and_all_namespaces_stand_on_the_envelope(self) -> None:
        text = serialize(element("tds:GetHostnameResponse", {}), [element("wsa:Action", "urn:x")]).decode()
        assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<env:Envelope xmlns:env="')
        assert text.count("xmlns") == text.partition("><env:Header>")[0].count("xmlns")
        for prefix in SERVICE:
            assert f'xmlns:{prefix}="{NAMESPACES[prefix]}"' in text
        assert "'" not in text

    def test_no_header_unless_there_is_one(self) -> None:
        assert b"Header" not in serialize(element("tds:GetHostnameResponse", {}))

    def test_an_unusual_namespace_is_declared_on_the_envelope_too(self) -> None:
        text = serialize([Element("{urn:a&b}x", {"{urn:c}y": "1"})]).decode()
        assert 'xmlns:n1="urn:a&amp;b" xmlns:n2="urn:c"><env:Body><n1:x n2:y="1"/></env:Body>' in text

    @pytest.mark.parametrize(
        "text", ["\0", "\x0b", "\x0c", "\x0e", "\x1f", "\ufffe", "\uffff", "\ud800", "\udfff", "ok\x7f\x08"]
    )
    def test_what_xml_does_not_allow_never_reaches_the_wire(self, text: str) -> None:
        for value in (text, {"@a": text}):
            with pytest.raises(ValueError, match="no character"):
                serialize(element("tt:a", value))

    @given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")))
    def test_any_text_comes_back_as_it_was(self, text: str) -> None:
        data = serialize(element("tt:a", {"@b": text, "": text}))
        body = parse(data, Limits()).body
        assert (body.text or "", body.get("b")) == (text, text)

    @pytest.mark.parametrize("text", ["a\rb\r\nc\nd\te", "]]>", "<&>\"'", " leading and trailing "])
    def test_white_space_and_markup_survive(self, text: str) -> None:
        data = serialize(element("tt:a", {"@b": text, "": text}))
        body = ElementTree.fromstring(data)[0][0]
        assert (body.text, body.get("b")) == (text, text)

    def test_mixed_content_of_an_inserted_element(self) -> None:
        mixed = ElementTree.fromstring("<a>one<b/>two &amp; three</a>")
        assert written({"x": mixed}) == "<tt:Root><a>one<b/>two &amp; three</a></tt:Root>"


def test_a_real_answer_is_valid_to_the_official_schemas() -> None:
    answer = {
        "KeyAttribute": [
            {
                "KeyID": "key-1",
                "Alias": "a",
                "hasPrivateKey": True,
                "KeyStatus": "ok",
                "externallyGenerated": False,
                "securelyStored": None,
            }
        ]
    }
    body = assert_valid_response(serialize(element("tas:GetAllKeysResponse", answer)))
    assert body.tag == qname("tas:GetAllKeysResponse")
