"""The prefixes of the wire."""

import pytest

from onvifd.soap.names import NAMESPACES, QualifiedName, qname, split


def test_each_namespace_has_one_prefix() -> None:
    assert len(set(NAMESPACES.values())) == len(NAMESPACES)


def test_names_in_and_out() -> None:
    assert qname("tas:KeyID") == "{http://www.onvif.org/ver10/advancedsecurity/wsdl}KeyID"
    assert split(qname("tas:KeyID")) == (NAMESPACES["tas"], "KeyID")
    assert split("KeyID") == ("", "KeyID")


def test_an_unknown_prefix_is_an_error() -> None:
    with pytest.raises(KeyError):
        qname("nope:KeyID")


def test_a_qualified_name_is_its_text() -> None:
    assert QualifiedName("tns1:Advancedsecurity") == "tns1:Advancedsecurity"
