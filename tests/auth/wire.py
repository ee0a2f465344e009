"""What clients put on the wire, made without the code under test."""

import base64
import hashlib
import secrets
import xml.etree.ElementTree as ET
from datetime import datetime
from xml.sax.saxutils import escape

from requests.auth import HTTPDigestAuth
from requests.utils import parse_dict_header

ENV = "http://www.w3.org/2003/05/soap-envelope"
OASIS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
WSSE = f"{OASIS}wssecurity-secext-1.0.xsd"
WSU = f"{OASIS}wssecurity-utility-1.0.xsd"
DIGEST = f"{OASIS}username-token-profile-1.0#PasswordDigest"
TEXT = f"{OASIS}username-token-profile-1.0#PasswordText"
BASE64 = f"{OASIS}soap-message-security-1.0#Base64Binary"


def header(content: str) -> ET.Element:
    """A SOAP Header with the usual prefixes."""
    return ET.fromstring(
        f'<s:Header xmlns:s="{ENV}" xmlns:wsse="{WSSE}" xmlns:wsu="{WSU}">{content}</s:Header>'
    )


def zulu(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def digest(nonce: bytes, created: str, password: str) -> str:
    return base64.b64encode(hashlib.sha1(nonce + created.encode() + password.encode()).digest()).decode()


def token(
    username: str,
    password: str,
    created: str,
    *,
    nonce: bytes | None = None,
    password_type: str | None = DIGEST,
    encoding_type: str | None = BASE64,
    leave_out: str = "",
    extra: str = "",
) -> str:
    """A UsernameToken element as text."""
    nonce = secrets.token_bytes(16) if nonce is None else nonce
    type_attribute = "" if password_type is None else f' Type="{password_type}"'
    encoding_attribute = "" if encoding_type is None else f' EncodingType="{encoding_type}"'
    children = {
        "Username": f"<wsse:Username>{escape(username)}</wsse:Username>",
        "Password": f"<wsse:Password{type_attribute}>{digest(nonce, created, password)}</wsse:Password>",
        "Nonce": f"<wsse:Nonce{encoding_attribute}>{base64.b64encode(nonce).decode()}</wsse:Nonce>",
        "Created": f"<wsu:Created>{created}</wsu:Created>",
    }
    children.pop(leave_out, None)
    return f"<wsse:UsernameToken>{''.join(children.values())}{extra}</wsse:UsernameToken>"


def security(*contents: str) -> ET.Element:
    return header(f'<wsse:Security s:mustUnderstand="1">{"".join(contents)}</wsse:Security>')


class DigestClient:
    """The digest algorithm of the requests package, without a connection."""

    def __init__(self, username: str, password: str) -> None:
        self.auth = HTTPDigestAuth(username, password)
        self.auth.init_per_thread_state()

    def challenge(self, value: str) -> None:
        self.auth._thread_local.chal = parse_dict_header(value.removeprefix("Digest "))

    def authorization(self, method: str = "POST", uri: str = "/onvif/device_service") -> str:
        value = self.auth.build_digest_header(method, f"http://camera.test{uri}")
        assert value is not None
        return value
