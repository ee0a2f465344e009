"""onvif-zeep: what it knows itself, and the security service by the WSDL of version 1.0.2 that it brings."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from onvif import ONVIFCamera, ONVIFService
from program import SECURITY, SHA256_WITH_RSA, deadline, main
from zeep.exceptions import Fault
from zeep.transports import Transport


def connect(url: str, user: str, password: str, ca: str | None = None) -> ONVIFCamera:
    """GetSystemDateAndTime, GetCapabilities, and a pull point that it forgets at once."""
    where = urlsplit(url)
    session = requests.Session()
    session.verify = ca or True
    return ONVIFCamera(
        f"{where.scheme}://{where.hostname}",
        where.port,
        user,
        password,
        no_cache=True,
        adjust_time=True,
        transport=Transport(session=session),
    )


def security(camera: ONVIFCamera, binding: str) -> ONVIFService:
    """It can't find this service by itself: its address is in GetServices only."""
    services = camera.devicemgmt.GetServices({"IncludeCapability": False})
    (address,) = [service.XAddr for service in services if service.Namespace == SECURITY]
    return ONVIFService(
        address,
        camera.user,
        camera.passwd,
        str(Path(camera.wsdl_dir) / "advancedsecurity.wsdl"),
        no_cache=True,
        dt_diff=camera.dt_diff,
        binding_name=f"{{{SECURITY}}}{binding}",
        transport=camera.transport,
    )


def request(url: str, user: str, password: str) -> dict[str, Any]:
    keystore = security(connect(url, user, password), "KeystoreBinding")
    key = keystore.CreateRSAKeyPair({"KeyLength": 2048, "Alias": "onvif-zeep"}).KeyID
    pause = deadline()
    while keystore.GetKeyStatus({"KeyID": key}) != "ok":
        pause()
    subject = {"CommonName": ["camera.test"], "Organization": ["Müller & Söhne"]}
    csr = keystore.CreatePKCS10CSR({"Subject": subject, "KeyID": key, "SignatureAlgorithm": SHA256_WITH_RSA})
    return {"key": key, "csr": csr}


def install(url: str, user: str, password: str, port: str, *files: str) -> dict[str, Any]:
    camera = connect(url, user, password)
    keystore, server = (security(camera, binding) for binding in ("KeystoreBinding", "TLSServerBinding"))
    uploaded = [
        keystore.UploadCertificate(
            {"Certificate": Path(file).read_bytes(), "Alias": file, "PrivateKeyRequired": file == files[0]}
        )
        for file in files
    ]
    ids = {"CertificateID": [each.CertificateID for each in uploaded]}
    path = keystore.CreateCertificationPath({"CertificateIDs": ids, "Alias": "onvif-zeep"})
    server.AddServerCertificateAssignment({"CertificationPathID": path})
    protocol = {"Name": "HTTPS", "Enabled": True, "Port": [int(port)]}
    camera.devicemgmt.SetNetworkProtocols({"NetworkProtocols": [protocol]})
    return {"key": uploaded[0].KeyID, "path": path, "assigned": server.GetAssignedServerCertificates()}


def status(url: str, user: str, password: str, ca: str | None = None) -> dict[str, Any]:
    camera = connect(url, user, password, ca)
    return {
        "addresses": list(camera.xaddrs.values()),
        "protocols": {
            each.Name: [each.Enabled, each.Port] for each in camera.devicemgmt.GetNetworkProtocols()
        },
        "keys": [key.KeyID for key in security(camera, "KeystoreBinding").GetAllKeys()],
    }


def fault(url: str, user: str, password: str) -> dict[str, Any]:
    try:
        security(connect(url, user, password), "KeystoreBinding").GetKeyStatus({"KeyID": "none"})
    except Exception as error:
        (cause,) = error.args
        if not isinstance(cause, Fault):
            raise
        return {"codes": [cause.code, *(str(code) for code in cause.subcodes)], "reason": cause.message}
    raise AssertionError("no fault")


def pull(url: str, user: str, password: str) -> dict[str, Any]:
    """A pull point of its own making, and the one that its constructor made."""
    camera = connect(url, user, password)
    keystore = security(camera, "KeystoreBinding")
    pullpoint = camera.create_pullpoint_service()
    key = keystore.CreateRSAKeyPair({"KeyLength": 2048}).KeyID
    pause, messages = deadline(), 0
    while messages < 2:
        pause()
        pulled = pullpoint.PullMessages({"Timeout": "PT10S", "MessageLimit": 10})
        messages += len(pulled.NotificationMessage)
    return {
        "key": key,
        "messages": messages,
        "address": pullpoint.xaddr,
        "pull points": camera.event.GetServiceCapabilities().MaxPullPoints,
    }


main(request=request, install=install, status=status, fault=fault, pull=pull)
