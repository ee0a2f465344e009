"""A device in memory that has every optional feature of the security service: the cases are tested with it.

A model of the specification and no more: it asks for no credentials, keeps nothing and checks little. What it
shows is that the cases which no real device at hand signals the prerequisites of can pass, and fail.
"""

from __future__ import annotations

import base64
import itertools
import ssl
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    pkcs12,
)
from cryptography.x509.oid import NameOID
from lxml import etree

from tests.device_test.client import NAMES, envelope, fill, tag
from tests.device_test.security.https import VERSIONS
from tests.device_test.soap_server import Answer, SoapServer

INVALID = ("env:Sender", "ter:InvalidArgVal")
ACTION = ("env:Receiver", "ter:Action")
SHA256_WITH_RSA = "1.2.840.113549.1.1.11"
LENGTH = 2048
SUPPORTED = ("1.2", "1.3")
ATTRIBUTES = {
    "Country": NameOID.COUNTRY_NAME,
    "Organization": NameOID.ORGANIZATION_NAME,
    "OrganizationalUnit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "DistinguishedNameQualifier": NameOID.DN_QUALIFIER,
    "StateOrProvinceName": NameOID.STATE_OR_PROVINCE_NAME,
    "CommonName": NameOID.COMMON_NAME,
    "SerialNumber": NameOID.SERIAL_NUMBER,
    "Locality": NameOID.LOCALITY_NAME,
    "Title": NameOID.TITLE,
    "Surname": NameOID.SURNAME,
    "GivenName": NameOID.GIVEN_NAME,
    "Initials": NameOID.INITIALS,
    "Pseudonym": NameOID.PSEUDONYM,
    "GenerationQualifier": NameOID.GENERATION_QUALIFIER,
}
KEYSTORE = {
    "MaximumNumberOfKeys": 16,
    "MaximumNumberOfCertificates": 16,
    "MaximumNumberOfCertificationPaths": 8,
    "RSAKeyPairGeneration": True,
    "RSAKeyLengths": LENGTH,
    "PKCS10ExternalCertificationWithRSA": True,
    "SelfSignedCertificateCreationWithRSA": True,
    "X509Versions": 3,
    "MaximumNumberOfPassphrases": 4,
    "PKCS8RSAKeyPairUpload": True,
    "PKCS12CertificateWithRSAPrivateKeyUpload": True,
    "PasswordBasedEncryptionAlgorithms": "PBES2",
    "MaximumNumberOfCRLs": 4,
    "MaximumNumberOfCertificationPathValidationPolicies": 4,
}
TLS_SERVER = {
    "TLSServerSupported": " ".join(SUPPORTED),
    "EnabledVersionsSupported": True,
    "MaximumNumberOfTLSCertificationPaths": 1,
    "TLSClientAuthSupported": True,
    "MaximumNumberOfTLSCertificationPathValidationPolicies": 1,
}

Content = dict[str, Any]


class Refused(Exception):
    """A fault, by its codes."""

    def __init__(self, *codes: str) -> None:
        super().__init__("/".join(codes))
        self.codes = codes


@dataclass
class Key:
    public: rsa.RSAPublicKey | None
    private: rsa.RSAPrivateKey | None
    alias: str | None
    external: bool = True
    status: str = "ok"


@dataclass
class Certificate:
    content: bytes
    key_id: str
    alias: str | None = None

    @property
    def parsed(self) -> x509.Certificate:
        return x509.load_der_x509_certificate(self.content)


@dataclass
class StoredPath:
    certificate_ids: list[str]
    alias: str | None


@dataclass
class Crl:
    content: bytes
    alias: str | None


@dataclass
class Policy:
    alias: str | None
    parameters: Content
    anchors: list[str]


@dataclass
class State:
    """All that the device keeps."""

    keys: dict[str, Key] = field(default_factory=dict)
    certificates: dict[str, Certificate] = field(default_factory=dict)
    paths: dict[str, StoredPath] = field(default_factory=dict)
    passphrases: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    crls: dict[str, Crl] = field(default_factory=dict)
    policies: dict[str, Policy] = field(default_factory=dict)
    assigned_paths: list[str] = field(default_factory=list)
    assigned_policies: list[str] = field(default_factory=list)
    client_authentication: bool = False
    versions: tuple[str, ...] = SUPPORTED
    https: tuple[bool, int] = (False, 443)


class Model:
    """Such a device on a port of 127.0.0.1."""

    def __init__(self) -> None:
        self.state = State()
        self._numbers = itertools.count(1)
        self._directory = tempfile.TemporaryDirectory()
        self._https: SoapServer | None = None
        self._http = SoapServer(self.answer)
        self.url = self._http.url

    def close(self) -> None:
        self._http.close()
        if self._https is not None:
            self._https.close()
        self._directory.cleanup()

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def answer(self, request: bytes) -> Answer:
        body = etree.fromstring(request).find("env:Body/*", NAMES)
        name = etree.QName(body)
        prefix = next(prefix for prefix, uri in NAMES.items() if uri == name.namespace)
        try:
            handler = getattr(self, f"{prefix}_{name.localname}", self._unsupported)
            response = etree.Element(f"{body.tag}Response", nsmap=NAMES)
            fill(response, handler(Request(body)) or {})
        except Refused as refused:
            return 400 if refused.codes[0] == "env:Sender" else 500, envelope([_fault(refused)])
        return 200, envelope([response])

    def _unsupported(self, request: Request) -> None:
        raise Refused("env:Receiver", "ter:ActionNotSupported")

    def _id(self, kind: str) -> str:
        return f"{kind}-{next(self._numbers)}"

    # -- Device service

    def tds_GetServices(self, request: Request) -> Content:
        version = {"tt:Major": 22, "tt:Minor": 12}
        services = []
        for prefix, path, capabilities in (("tds", "device_service", {}), ("tas", "security", CAPABILITIES)):
            service: Content = {"Namespace": NAMES[prefix], "XAddr": f"{self.url}/onvif/{path}"}
            if request.flag("tds:IncludeCapability") and capabilities:
                service["Capabilities"] = {f"{prefix}:Capabilities": capabilities}
            services.append({**service, "Version": version})
        return {"Service": services}

    def tds_GetServiceCapabilities(self, request: Request) -> Content:
        return {"Capabilities": {"Network": {}, "Security": {}, "System": {}}}

    def tds_GetSystemDateAndTime(self, request: Request) -> Content:
        now = datetime.now(UTC)
        date = {"tt:Year": now.year, "tt:Month": now.month, "tt:Day": now.day}
        time = {"tt:Hour": now.hour, "tt:Minute": now.minute, "tt:Second": now.second}
        utc = {"tt:UTCDateTime": {"tt:Time": time, "tt:Date": date}}
        return {"SystemDateAndTime": {"tt:DateTimeType": "NTP", "tt:DaylightSavings": False, **utc}}

    def tds_GetNetworkProtocols(self, request: Request) -> Content:
        enabled, port = self.state.https
        return {
            "NetworkProtocols": [
                {"tt:Name": "HTTP", "tt:Enabled": True, "tt:Port": self._http.port},
                {"tt:Name": "HTTPS", "tt:Enabled": enabled, "tt:Port": port},
            ]
        }

    def tds_SetNetworkProtocols(self, request: Request) -> None:
        for protocol in request.all("tds:NetworkProtocols"):
            if protocol.text("tt:Name") == "HTTPS":
                self.state.https = (protocol.flag("tt:Enabled"), int(protocol.text("tt:Port")))
        self._serve()

    # -- keys

    def tas_GetServiceCapabilities(self, request: Request) -> Content:
        return {"Capabilities": CAPABILITIES}

    def tas_CreateRSAKeyPair(self, request: Request) -> Content:
        key_id = self._id("key")
        self.state.keys[key_id] = Key(None, None, request.optional("tas:Alias"), False, "generating")
        return {"KeyID": key_id, "EstimatedCreationTime": "PT3S"}

    def tas_GetKeyStatus(self, request: Request) -> Content:
        key = self._key(request.text("tas:KeyID"))
        if key.status == "generating":  # done the moment that somebody asks
            key.private = rsa.generate_private_key(65537, LENGTH)
            key.public, key.status = key.private.public_key(), "ok"
        return {"KeyStatus": key.status}

    def tas_GetAllKeys(self, request: Request) -> Content:
        return {
            "KeyAttribute": [
                {
                    "KeyID": key_id,
                    "Alias": key.alias,
                    "hasPrivateKey": key.private is not None,
                    "KeyStatus": key.status,
                    "externallyGenerated": key.external,
                }
                for key_id, key in self.state.keys.items()
            ]
        }

    def tas_DeleteKey(self, request: Request) -> None:
        key_id = request.text("tas:KeyID")
        self._key(key_id)
        _unreferenced(key_id in (certificate.key_id for certificate in self.state.certificates.values()))
        del self.state.keys[key_id]

    def _key(self, key_id: str) -> Key:
        if key_id not in self.state.keys:
            raise Refused(*INVALID, "ter:KeyID")
        return self.state.keys[key_id]

    def _private_key(self, key_id: str) -> rsa.RSAPrivateKey:
        key = self._key(key_id)
        if key.status != "ok":
            raise Refused(*INVALID, "ter:InvalidKeyStatus")
        if key.private is None:
            raise Refused(*INVALID, "ter:NoPrivateKey")
        return key.private

    def _key_of(self, public: rsa.RSAPublicKey) -> str | None:
        return next((key_id for key_id, key in self.state.keys.items() if key.public == public), None)

    # -- certificates

    def tas_CreatePKCS10CSR(self, request: Request) -> Content:
        key = self._private_key(request.text("tas:KeyID"))
        builder = x509.CertificateSigningRequestBuilder(_name(request.element.find("tas:Subject", NAMES)))
        return {"PKCS10CSR": builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)}

    def tas_CreateSelfSignedCertificate(self, request: Request) -> Content:
        key_id = request.text("tas:KeyID")
        key, name = self._private_key(key_id), _name(request.element.find("tas:Subject", NAMES))
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + timedelta(days=365))
            .sign(key, hashes.SHA256())
        )
        return {"CertificateID": self._store(certificate.public_bytes(Encoding.DER), key_id)}

    def tas_UploadCertificate(self, request: Request) -> Content:
        content = request.binary("tas:Certificate")
        try:
            public = x509.load_der_x509_certificate(content).public_key()
        except ValueError:
            raise Refused(*INVALID, "ter:BadCertificate") from None
        assert isinstance(public, rsa.RSAPublicKey)
        key_id = self._key_of(public)
        if request.flag("tas:PrivateKeyRequired") and (
            key_id is None or self.state.keys[key_id].private is None
        ):
            raise Refused(*ACTION, "ter:NoMatchingPrivateKey")
        if key_id is None:
            key_id = self._id("key")
            self.state.keys[key_id] = Key(public, None, request.optional("tas:KeyAlias"))
        certificate_id = self._store(content, key_id, request.optional("tas:Alias"))
        return {"CertificateID": certificate_id, "KeyID": key_id}

    def _store(self, content: bytes, key_id: str, alias: str | None = None) -> str:
        certificate_id = self._id("certificate")
        self.state.certificates[certificate_id] = Certificate(content, key_id, alias)
        return certificate_id

    def tas_GetCertificate(self, request: Request) -> Content:
        certificate_id = request.text("tas:CertificateID")
        return {"Certificate": self._certificate(certificate_id)}

    def tas_GetAllCertificates(self, request: Request) -> Content:
        return {"Certificate": [self._certificate(each) for each in self.state.certificates]}

    def _certificate(self, certificate_id: str) -> Content:
        if certificate_id not in self.state.certificates:
            raise Refused(*INVALID, "ter:CertificateID")
        certificate = self.state.certificates[certificate_id]
        return {
            "CertificateID": certificate_id,
            "KeyID": certificate.key_id,
            "Alias": certificate.alias,
            "CertificateContent": certificate.content,
        }

    def tas_DeleteCertificate(self, request: Request) -> None:
        certificate_id = request.text("tas:CertificateID")
        self._certificate(certificate_id)
        used = [each for path in self.state.paths.values() for each in path.certificate_ids]
        used += [each for policy in self.state.policies.values() for each in policy.anchors]
        _unreferenced(certificate_id in used)
        del self.state.certificates[certificate_id]

    def tas_UploadKeyPairInPKCS8(self, request: Request) -> Content:
        passphrase = self._passphrase(request.optional("tas:EncryptionPassphraseID"))
        try:
            private = load_der_private_key(request.binary("tas:KeyPair"), passphrase)
        except (ValueError, TypeError):
            raise Refused(*INVALID, "ter:DecryptionFailed") from None
        assert isinstance(private, rsa.RSAPrivateKey)
        key_id = self._id("key")
        self.state.keys[key_id] = Key(private.public_key(), private, request.optional("tas:Alias"))
        return {"KeyID": key_id}

    def tas_UploadCertificateWithPrivateKeyInPKCS12(self, request: Request) -> Content:
        passphrase = self._passphrase(request.optional("tas:EncryptionPassphraseID"))
        try:
            loaded = pkcs12.load_pkcs12(request.binary("tas:CertWithPrivateKey"), passphrase)
        except ValueError:
            raise Refused(*INVALID, "ter:DecryptionFailed") from None
        private, certificate = loaded.key, loaded.cert
        assert isinstance(private, rsa.RSAPrivateKey)
        assert certificate is not None
        key_id = self._id("key")
        self.state.keys[key_id] = Key(private.public_key(), private, request.optional("tas:KeyAlias"))
        certificate_id = self._store(certificate.certificate.public_bytes(Encoding.DER), key_id)
        path_id = self._id("path")
        alias = request.optional("tas:CertificationPathAlias")
        self.state.paths[path_id] = StoredPath([certificate_id], alias)
        return {"CertificationPathID": path_id, "KeyID": key_id}

    # -- certification paths

    def tas_CreateCertificationPath(self, request: Request) -> Content:
        ids = [
            each.text.strip()
            for each in request.element.iterfind("tas:CertificateIDs/tas:CertificateID", NAMES)
        ]
        for each in ids:
            self._certificate(each)
        path_id = self._id("path")
        self.state.paths[path_id] = StoredPath(ids, request.optional("tas:Alias"))
        return {"CertificationPathID": path_id}

    def tas_GetCertificationPath(self, request: Request) -> Content:
        path = self._path(request.text("tas:CertificationPathID"))
        return {"CertificationPath": {"CertificateID": path.certificate_ids, "Alias": path.alias}}

    def tas_GetAllCertificationPaths(self, request: Request) -> Content:
        return {"CertificationPathID": list(self.state.paths)}

    def tas_DeleteCertificationPath(self, request: Request) -> None:
        path_id = request.text("tas:CertificationPathID")
        self._path(path_id)
        _unreferenced(path_id in self.state.assigned_paths)
        del self.state.paths[path_id]

    def _path(self, path_id: str) -> StoredPath:
        if path_id not in self.state.paths:
            raise Refused(*INVALID, "ter:CertificationPathID")
        return self.state.paths[path_id]

    # -- passphrases

    def tas_UploadPassphrase(self, request: Request) -> Content:
        passphrase_id = self._id("passphrase")
        passphrase = (request.text("tas:Passphrase"), request.optional("tas:PassphraseAlias"))
        self.state.passphrases[passphrase_id] = passphrase
        return {"PassphraseID": passphrase_id}

    def tas_GetAllPassphrases(self, request: Request) -> Content:
        return {
            "PassphraseAttribute": [
                {"PassphraseID": passphrase_id, "Alias": alias}
                for passphrase_id, (_, alias) in self.state.passphrases.items()
            ]
        }

    def tas_DeletePassphrase(self, request: Request) -> None:
        if self.state.passphrases.pop(request.text("tas:PassphraseID"), None) is None:
            raise Refused(*INVALID, "ter:PassphraseID")

    def _passphrase(self, passphrase_id: str | None) -> bytes | None:
        if passphrase_id is None:
            return None
        if passphrase_id not in self.state.passphrases:
            raise Refused(*INVALID, "ter:PassphraseID")
        return self.state.passphrases[passphrase_id][0].encode()

    # -- CRLs and certification path validation policies

    def tas_UploadCRL(self, request: Request) -> Content:
        crl_id = self._id("crl")
        self.state.crls[crl_id] = Crl(request.binary("tas:Crl"), request.optional("tas:Alias"))
        self._serve()
        return {"CrlID": crl_id}

    def tas_GetCRL(self, request: Request) -> Content:
        return {"Crl": self._crl(request.text("tas:CrlID"))}

    def tas_GetAllCRLs(self, request: Request) -> Content:
        return {"Crl": [self._crl(crl_id) for crl_id in self.state.crls]}

    def _crl(self, crl_id: str) -> Content:
        if crl_id not in self.state.crls:
            raise Refused(*INVALID, "ter:CRLID")
        crl = self.state.crls[crl_id]
        return {"CRLID": crl_id, "Alias": crl.alias or "", "CRLContent": crl.content}

    def tas_DeleteCRL(self, request: Request) -> None:
        self._crl(request.text("tas:CrlID"))
        del self.state.crls[request.text("tas:CrlID")]

    def tas_CreateCertPathValidationPolicy(self, request: Request) -> Content:
        anchors = [
            each.text.strip() for each in request.element.iterfind("tas:TrustAnchor/tas:CertificateID", NAMES)
        ]
        for each in anchors:
            self._certificate(each)
        parameters = {
            name: request.optional(f"tas:Parameters/tas:{name}")
            for name in ("RequireTLSWWWClientAuthExtendedKeyUsage", "UseDeltaCRLs")
        }
        policy_id = self._id("policy")
        self.state.policies[policy_id] = Policy(request.optional("tas:Alias"), parameters, anchors)
        return {"CertPathValidationPolicyID": policy_id}

    def tas_GetCertPathValidationPolicy(self, request: Request) -> Content:
        return {"CertPathValidationPolicy": self._policy(request.text("tas:CertPathValidationPolicyID"))}

    def tas_GetAllCertPathValidationPolicies(self, request: Request) -> Content:
        return {"CertPathValidationPolicy": [self._policy(each) for each in self.state.policies]}

    def _policy(self, policy_id: str) -> Content:
        if policy_id not in self.state.policies:
            raise Refused(*INVALID, "ter:CertPathValidationPolicyID")
        policy = self.state.policies[policy_id]
        return {
            "CertPathValidationPolicyID": policy_id,
            "Alias": policy.alias,
            "Parameters": policy.parameters,
            "TrustAnchor": [{"CertificateID": each} for each in policy.anchors],
        }

    def tas_DeleteCertPathValidationPolicy(self, request: Request) -> None:
        policy_id = request.text("tas:CertPathValidationPolicyID")
        self._policy(policy_id)
        _unreferenced(policy_id in self.state.assigned_policies)
        del self.state.policies[policy_id]

    # -- TLS server

    def tas_GetAssignedServerCertificates(self, request: Request) -> Content:
        return {"CertificationPathID": self.state.assigned_paths}

    def tas_AddServerCertificateAssignment(self, request: Request) -> None:
        path_id = request.text("tas:CertificationPathID")
        self._path(path_id)
        if self.state.assigned_paths:
            raise Refused(*ACTION, "ter:MaximumNumberOfTLSCertificationPathsReached")
        self.state.assigned_paths = [path_id]
        self._serve()

    def tas_RemoveServerCertificateAssignment(self, request: Request) -> None:
        self.state.assigned_paths.remove(request.text("tas:CertificationPathID"))
        self._serve()

    def tas_ReplaceServerCertificateAssignment(self, request: Request) -> None:
        self.state.assigned_paths.remove(request.text("tas:OldCertificationPathID"))
        self.state.assigned_paths.append(request.text("tas:NewCertificationPathID"))
        self._serve()

    def tas_GetAssignedCertPathValidationPolicies(self, request: Request) -> Content:
        return {"CertPathValidationPolicyID": self.state.assigned_policies}

    def tas_AddCertPathValidationPolicyAssignment(self, request: Request) -> None:
        self.state.assigned_policies = [request.text("tas:CertPathValidationPolicyID")]

    def tas_RemoveCertPathValidationPolicyAssignment(self, request: Request) -> None:
        self.state.assigned_policies.remove(request.text("tas:CertPathValidationPolicyID"))

    def tas_ReplaceCertPathValidationPolicyAssignment(self, request: Request) -> None:
        self.state.assigned_policies.remove(request.text("tas:OldCertPathValidationPolicyID"))
        self.state.assigned_policies.append(request.text("tas:NewCertPathValidationPolicyID"))

    def tas_GetClientAuthenticationRequired(self, request: Request) -> Content:
        return {"clientAuthenticationRequired": self.state.client_authentication}

    def tas_SetClientAuthenticationRequired(self, request: Request) -> None:
        self.state.client_authentication = request.flag("tas:clientAuthenticationRequired")
        self._serve()

    def tas_GetEnabledTLSVersions(self, request: Request) -> Content:
        return {"Versions": " ".join(self.state.versions)}

    def tas_SetEnabledTLSVersions(self, request: Request) -> None:
        versions = tuple(request.text("tas:Versions").split())
        if not versions:
            raise Refused(*INVALID, "ter:EmptyList")
        if not set(versions) <= set(SUPPORTED):
            raise Refused(*INVALID, "ter:TLSVersion")
        self.state.versions = versions
        self._serve()

    def _serve(self) -> None:
        """Serve HTTPS as it is configured now."""
        if self._https is not None:
            self._https.close()
            self._https = None
        enabled, port = self.state.https
        if enabled and self.state.assigned_paths:
            self._https = SoapServer(self.answer, port, self._context())

    def _context(self) -> ssl.SSLContext:
        state = self.state
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version, context.maximum_version = (
            VERSIONS[min(state.versions)],
            VERSIONS[max(state.versions)],
        )
        chain = [state.certificates[each] for each in self._path(state.assigned_paths[0]).certificate_ids]
        key = self._private_key(chain[0].key_id)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + _pem(chain)
        file = Path(self._directory.name) / "server.pem"
        file.write_bytes(pem)
        context.load_cert_chain(file)
        if state.client_authentication:
            context.verify_mode = ssl.CERT_REQUIRED
            (policy,) = (state.policies[each] for each in state.assigned_policies)
            trusted = _pem(state.certificates[each] for each in policy.anchors)
            for crl in state.crls.values():
                context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
                trusted += x509.load_der_x509_crl(crl.content).public_bytes(Encoding.PEM)
            file.write_bytes(trusted)
            context.load_verify_locations(file)
        return context


class Request:
    """The element of an operation or a part of it."""

    def __init__(self, element: etree._Element) -> None:
        self.element = element

    def optional(self, path: str) -> str | None:
        text = self.element.findtext(path, None, NAMES)
        return None if text is None else text.strip()

    def text(self, path: str) -> str:
        return self.optional(path) or ""

    def flag(self, path: str) -> bool:
        return self.text(path) in ("true", "1")

    def binary(self, path: str) -> bytes:
        return base64.b64decode(self.text(path))

    def all(self, path: str) -> list[Request]:
        return [Request(element) for element in self.element.iterfind(path, NAMES)]


CAPABILITIES: Content = {
    "tas:KeystoreCapabilities": {
        **{f"@{name}": value for name, value in KEYSTORE.items()},
        "SignatureAlgorithms": {"algorithm": SHA256_WITH_RSA},
    },
    "tas:TLSServerCapabilities": {f"@{name}": value for name, value in TLS_SERVER.items()},
}


def _unreferenced(referenced: bool) -> None:
    if referenced:
        raise Refused(*INVALID, "ter:ReferenceExists")


def _fault(refused: Refused) -> etree._Element:
    content: Content = {}
    for code in reversed(refused.codes):
        content = {"Value": code, **({"Subcode": content} if content else {})}
    fault = etree.Element(tag("env:Fault"), nsmap=NAMES)
    fill(fault, {"Code": content, "Reason": {"Text": {f"@{XML_LANG}": "en", "": str(refused)}}})
    return fault


XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def _pem(certificates: Iterable[Certificate]) -> bytes:
    return b"".join(certificate.parsed.public_bytes(Encoding.PEM) for certificate in certificates)


def _name(element: etree._Element) -> x509.Name:
    """A DistinguishedName of the service."""
    names = []
    for child in element:
        kind = etree.QName(child).localname
        if kind in ATTRIBUTES:
            names.append([x509.NameAttribute(ATTRIBUTES[kind], child.text)])
        elif kind == "GenericAttribute":
            names.append([_generic(child)])
        else:
            names.append([_generic(attribute) for attribute in child])
    return x509.Name([x509.RelativeDistinguishedName(attributes) for attributes in names])


def _generic(element: etree._Element) -> x509.NameAttribute:
    kind, value = (element.findtext(f"tas:{name}", "", NAMES) for name in ("Type", "Value"))
    return x509.NameAttribute(x509.ObjectIdentifier(kind), value)
