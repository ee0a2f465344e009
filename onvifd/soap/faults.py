"""SOAP faults (Core 5.8.2, SOAP 1.2 part 1 section 5.4)."""

from collections.abc import Sequence
from typing import Literal
from xml.etree.ElementTree import Element, SubElement

from onvifd.soap.names import qname
from onvifd.soap.xmlwriter import replace_forbidden

Code = Literal["Sender", "Receiver", "MustUnderstand", "VersionMismatch", "DataEncodingUnknown"]

# Core 5.8.2.2, column "Fault Reason", which is normative: it opens the reason, then comes what to mend.
_GENERIC_REASONS = {
    "VersionMismatch": "SOAP version mismatch",
    "MustUnderstand": "SOAP header blocks not understood",
    "DataEncodingUnknown": "Unsupported SOAP data encoding",
    "ter:WellFormed": "Well-formed Error",
    "ter:TagMismatch": "Tag Mismatch",
    "ter:Tag": "No Tag",
    "ter:Namespace": "Namespace Error",
    "ter:MissingAttr": "Required Attribute not present",
    "ter:ProhibAttr": "Prohibited Attribute",
    "ter:InvalidArgs": "Invalid Args",
    "ter:InvalidArgVal": "Argument Value Invalid",
    "ter:UnknownAction": "Unknown Action",
    "ter:OperationProhibited": "Operation not Permitted",
    "ter:NotAuthorized": "Sender not Authorized",
    "ter:ActionNotSupported": "Optional Action Not Implemented",
    "ter:Action": "Action Failed",
    "ter:OutofMemory": "Out of Memory",
    "ter:CriticalError": "Critical Error",
}


class Fault(Exception):
    """A failure as the client is told it.

    `subcodes` are nested from the outermost to the innermost, as `ter:InvalidArgVal`, `ter:KeyID`; the reason
    is English and says how to mend it; `headers` are the blocks that SOAP demands beside some faults.
    """

    def __init__(
        self,
        code: Code,
        subcodes: Sequence[str],
        reason: str,
        detail: Element | None = None,
        headers: Sequence[Element] = (),
    ) -> None:
        super().__init__(reason)
        self.code = code
        self.subcodes = tuple(subcodes)
        self.detail = detail
        self.headers = tuple(headers)

    @property
    def reason(self) -> str:
        """The text of the fault: of a generic fault it opens with Core's own words."""
        name = self.subcodes[0] if self.subcodes else self.code
        if len(self.subcodes) > 1 or name not in _GENERIC_REASONS:
            return str(self)
        return f"{_GENERIC_REASONS[name]}: {self}"

    @property
    def status(self) -> int:
        """The HTTP status (SOAP 1.2 part 2, table 20)."""
        return 400 if self.code == "Sender" else 500


def fault_element(fault: Fault) -> Element:
    """The content of Body for a fault. Subcodes keep their prefix, which every envelope declares."""
    element = Element(qname("env:Fault"))
    code = SubElement(element, qname("env:Code"))
    SubElement(code, qname("env:Value")).text = f"env:{fault.code}"
    for subcode in fault.subcodes:
        code = SubElement(code, qname("env:Subcode"))
        SubElement(code, qname("env:Value")).text = subcode
    reason = SubElement(element, qname("env:Reason"))
    text = SubElement(reason, qname("env:Text"), {qname("xml:lang"): "en"})
    text.text = replace_forbidden(fault.reason)
    if fault.detail is not None:
        SubElement(element, qname("env:Detail")).append(fault.detail)
    return element
