"""Envelopes in: SOAP 1.2 part 1, Core 5.8.2.2, and what real clients send."""

import pytest

from onvifd.soap.envelope import Limits, Message, parse, serialize
from onvifd.soap.faults import Fault, fault_element
from onvifd.soap.names import NAMESPACES, qname
from tests.official import assert_valid_response

ENV = NAMESPACES["env"]
TDS = NAMESPACES["tds"]
LIMITS = Limits()
HOSTNAME = f'<GetHostname xmlns="{TDS}"/>'


def message(body: str = HOSTNAME, header: str = "", attributes: str = "") -> bytes:
    head = f"<s:Header>{header}</s:Header>" if header else ""
    return f'<s:Envelope xmlns:s="{ENV}"{attributes}>{head}<s:Body>{body}</s:Body></s:Envelope>'.encode()


def refused(data: bytes, limits: Limits = LIMITS) -> Fault:
    """The fault for what must not be accepted, which is valid as an answer."""
    with pytest.raises(Fault) as caught:
        parse(data, limits)
    fault = caught.value
    assert_valid_response(serialize(fault_element(fault), fault.headers))
    return fault


def accepted(data: bytes, limits: Limits = LIMITS) -> Message:
    request = parse(data, limits)
    assert request.body.tag == qname("tds:GetHostname")
    return request


class TestAccepted:
    @pytest.mark.parametrize(
        "data",
        [
            message(),
            b'<?xml version="1.0" encoding="UTF-8"?>\n' + message(),
            b"\xef\xbb\xbf" + message(),
            b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>' + message(),
            message().decode().encode("utf-16"),
            ('<?xml version="1.0" encoding="UTF-16"?>' + message().decode()).encode("utf-16"),
            b'<?xml version="1.0" encoding="ISO-8859-1"?>' + message(),
            message(f"\n  {HOSTNAME}\n"),
            message(f"<!-- a comment -->{HOSTNAME}<?a processing instruction?>"),
            b"<!-- first -->" + message() + b"\n<!-- last -->\n",
        ],
    )
    def test_every_usual_encoding_and_layout(self, data: bytes) -> None:
        assert accepted(data).header is None

    def test_an_empty_header(self) -> None:
        data = message().replace(b"<s:Body>", b"<s:Header/><s:Body>")
        assert accepted(data).header is not None

    def test_attributes_of_other_namespaces_on_the_envelope(self) -> None:
        """SOAP 1.2 part 1, 5.1: namespace-qualified attributes are anybody's."""
        accepted(message(attributes=' xmlns:x="urn:x" x:y="z"'))

    def test_what_gsoap_declares(self) -> None:
        """About 20 namespaces on Envelope."""
        declarations = "".join(f' xmlns:ns{number}="urn:{number}"' for number in range(25))
        accepted(message(attributes=declarations))

    def test_text_around_comments_is_one_value(self) -> None:
        body = f'<GetHostname xmlns="{TDS}">a<!-- b -->c<?d e?>f</GetHostname>'
        assert accepted(message(body)).body.text == "acf"

    @pytest.mark.parametrize("value", ["1", "true", "0", "false", " 1 "])
    @pytest.mark.parametrize(
        "block",
        [
            f'<Security s:mustUnderstand="%s" xmlns="{NAMESPACES["wsse"]}"/>',
            f'<w:Security xmlns:w="{NAMESPACES["wsse"]}" s:mustUnderstand="%s"/>',
            f'<a:To xmlns:a="{NAMESPACES["wsa"]}" s:mustUnderstand="%s">http://192.0.2.1/</a:To>',
            f'<a:Action xmlns:a="{NAMESPACES["wsa"]}" s:mustUnderstand="%s">urn:x</a:Action>',
        ],
    )
    def test_the_header_blocks_that_are_understood(self, block: str, value: str) -> None:
        accepted(message(header=block % value))

    @pytest.mark.parametrize(
        "attributes",
        [
            "",
            's:mustUnderstand="0"',
            's:mustUnderstand="false"',
            f's:mustUnderstand="1" s:role="{ENV}/role/none"',
            's:mustUnderstand="true" s:role="urn:somebody-else"',
            'mustUnderstand="1"',
        ],
    )
    def test_unknown_blocks_that_need_not_be_understood(self, attributes: str) -> None:
        accepted(message(header=f'<x xmlns="urn:x" {attributes}/>'))

    @pytest.mark.parametrize("style", ["", f"{ENV}/encoding/none"])
    def test_an_encoding_style_of_none_is_no_argument(self, style: str) -> None:
        body = f'<GetHostname xmlns="{TDS}" s:encodingStyle="{style}"/>'
        assert accepted(message(body)).body.attrib == {}


class TestScopes:
    def test_prefixes_are_those_of_the_element(self) -> None:
        body = (
            f'<GetHostname xmlns="{TDS}"><a xmlns:p="urn:1"><b xmlns:p="urn:2" xmlns=""/></a></GetHostname>'
        )
        request = parse(message(body), LIMITS)
        outer, inner = request.body[0], request.body[0][0]
        assert request.scope_of(outer) == {"xml": NAMESPACES["xml"], "s": ENV, "": TDS, "p": "urn:1"}
        assert request.scope_of(inner) == {"xml": NAMESPACES["xml"], "s": ENV, "": "", "p": "urn:2"}
        assert "p" not in request.scope_of(request.body)

    def test_an_element_of_another_message_has_none(self) -> None:
        request = parse(message(), LIMITS)
        with pytest.raises(KeyError):
            request.scope_of(parse(message(), LIMITS).body)


class TestVersion:
    @pytest.mark.parametrize(
        "data",
        [
            message().replace(ENV.encode(), b"http://schemas.xmlsoap.org/soap/envelope/"),
            message().replace(ENV.encode(), b"http://www.w3.org/2001/12/soap-envelope"),
            message().replace(b"s:Envelope", b"s:envelope"),
            b"<Envelope/>",
            b"<html><body>hello</body></html>",
        ],
    )
    def test_another_envelope_is_a_version_mismatch_that_names_ours(self, data: bytes) -> None:
        """SOAP 1.2 part 1, 5.4.7; Core 5.8.2.2: an invalid element instead of the expected Envelope."""
        fault = refused(data)
        assert (fault.code, fault.subcodes, fault.status) == ("VersionMismatch", (), 500)
        assert fault.reason.startswith("SOAP version mismatch: ")
        (upgrade,) = fault.headers
        (supported,) = upgrade
        assert (upgrade.tag, supported.tag) == (qname("env:Upgrade"), qname("env:SupportedEnvelope"))
        assert supported.get("qname") == "env:Envelope"


class TestStructure:
    def sender(self, subcode: str, data: bytes) -> Fault:
        fault = refused(data)
        assert (fault.code, fault.subcodes, fault.status) == ("Sender", (subcode,), 400)
        return fault

    @pytest.mark.parametrize(
        "data",
        [
            f'<s:Envelope xmlns:s="{ENV}"/>'.encode(),
            f'<s:Envelope xmlns:s="{ENV}"><s:Header/></s:Envelope>'.encode(),
        ],
    )
    def test_no_body(self, data: bytes) -> None:
        self.sender("ter:Tag", data)

    @pytest.mark.parametrize("content", ["", " \n", "text", "<!-- nothing -->"])
    def test_an_empty_body(self, content: str) -> None:
        self.sender("ter:Tag", message(content))

    def test_several_elements_in_the_body(self) -> None:
        assert "2" in self.sender("ter:TagMismatch", message(HOSTNAME * 2)).reason

    @pytest.mark.parametrize(
        "content",
        [
            f"<s:Body>{HOSTNAME}</s:Body><s:Header/>",
            f"<s:Body>{HOSTNAME}</s:Body><s:Body/>",
            f"<s:Header/><s:Header/><s:Body>{HOSTNAME}</s:Body>",
            f'<x xmlns="urn:x"/><s:Body>{HOSTNAME}</s:Body>',
            f"<s:body>{HOSTNAME}</s:body>",
        ],
    )
    def test_anything_but_one_header_and_one_body(self, content: str) -> None:
        self.sender("ter:TagMismatch", f'<s:Envelope xmlns:s="{ENV}">{content}</s:Envelope>'.encode())

    @pytest.mark.parametrize("namespace", ["", "http://schemas.xmlsoap.org/soap/envelope/"])
    def test_a_body_of_another_namespace(self, namespace: str) -> None:
        content = f'<Body xmlns="{namespace}">{HOSTNAME}</Body>'
        self.sender("ter:Namespace", f'<s:Envelope xmlns:s="{ENV}">{content}</s:Envelope>'.encode())

    def test_an_operation_without_a_namespace(self) -> None:
        self.sender("ter:Namespace", message("<GetHostname/>"))

    @pytest.mark.parametrize("part", ["s:Envelope", "s:Header", "s:Body"])
    def test_an_encoding_style_where_none_may_be(self, part: str) -> None:
        """SOAP 1.2 part 1, 5.1.1."""
        style = f's:encodingStyle="{ENV}/encoding/none"'
        data = message(header='<x xmlns="urn:x"/>').replace(f"<{part}".encode(), f"<{part} {style}".encode())
        self.sender("ter:ProhibAttr", data)


class TestHeader:
    @pytest.mark.parametrize("value", ["1", "true"])
    @pytest.mark.parametrize("role", [None, "", f"{ENV}/role/next", f"{ENV}/role/ultimateReceiver"])
    def test_a_mandatory_block_that_is_not_understood_is_named(self, role: str | None, value: str) -> None:
        """SOAP 1.2 part 1, 2.4 and 5.4.8."""
        role_attribute = "" if role is None else f's:role="{role}"'
        block = f'<x:Transaction xmlns:x="urn:x" s:mustUnderstand="{value}" {role_attribute}/>'
        fault = refused(message(header=block))
        assert (fault.code, fault.subcodes, fault.status) == ("MustUnderstand", (), 500)
        assert "{urn:x}Transaction" in fault.reason
        answer = serialize(fault_element(fault), fault.headers)
        assert b'<env:NotUnderstood qname="n1:Transaction"/>' in answer
        assert b'xmlns:n1="urn:x"' in answer

    def test_every_such_block_is_named(self) -> None:
        header = '<a xmlns="urn:a" s:mustUnderstand="1"/><b s:mustUnderstand="1"/><c xmlns="urn:c"/>'
        fault = refused(message(header=header))
        answer = serialize(fault_element(fault), fault.headers)
        assert b'qname="n1:a"' in answer
        assert b'qname="b"' in answer
        assert len(fault.headers) == 2

    def test_the_submission_of_ws_addressing_is_not_understood(self) -> None:
        block = (
            '<a:To xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" s:mustUnderstand="1">x</a:To>'
        )
        assert refused(message(header=block)).code == "MustUnderstand"

    @pytest.mark.parametrize("value", ["", "yes", "2", "TRUE"])
    @pytest.mark.parametrize("name", ["x:y", "w:Security"])
    def test_must_understand_is_a_boolean(self, name: str, value: str) -> None:
        block = f'<{name} xmlns:x="urn:x" xmlns:w="{NAMESPACES["wsse"]}" s:mustUnderstand="{value}"/>'
        assert refused(message(header=block)).subcodes == ("ter:InvalidArgVal",)

    def test_the_number_of_blocks_is_bounded(self) -> None:
        limits = Limits(header_blocks=3)
        accepted(message(header='<x xmlns="urn:x"/>' * 3), limits)
        assert refused(message(header='<x xmlns="urn:x"/>' * 4), limits).subcodes == ("ter:InvalidArgs",)


class TestEncodingStyle:
    """SOAP 1.2 part 1, 5.1.1 and 5.4.6; Core 5.8.2.2."""

    STYLE = "http://www.w3.org/2003/05/soap-encoding"

    def test_of_the_operation(self) -> None:
        fault = refused(message(f'<GetHostname xmlns="{TDS}" s:encodingStyle="{self.STYLE}"/>'))
        assert (fault.code, fault.status) == ("DataEncodingUnknown", 500)

    def test_of_a_block_that_is_processed(self) -> None:
        block = f'<w:Security xmlns:w="{NAMESPACES["wsse"]}" s:encodingStyle="{self.STYLE}"/>'
        assert refused(message(header=block)).code == "DataEncodingUnknown"

    def test_of_a_block_that_is_ignored(self) -> None:
        accepted(message(header=f'<x xmlns="urn:x" s:encodingStyle="{self.STYLE}"/>'))
