"""gSOAP's client: generated from the official WSDL, and compiled once for the same inputs."""

from __future__ import annotations

import shutil
from pathlib import Path

from lxml import etree

from tests.interop.installed import HERE, cached, run
from tests.official import directory
from tests.workflow.clients import WSDL

CLIENT = HERE / "cpp" / "client.cpp"
SHARE = Path("/usr/share/gsoap")
PLUGINS = ["wsseapi.cpp", "wsaapi.c", "smdevp.c", "mecevp.c", "md5evp.c", "httpda.c", "threads.c"]
# -DWITH...: as Debian's library was built (gsoapssl++.pc).
COMPILE = [*("g++", "-x", "c++", "-c", "-std=c++17", "-O0", "-w", "-I.", f"-I{SHARE}/plugin")]
COMPILE += ["-DWITH_IPV6", "-DWITH_OPENSSL", "-DWITH_GZIP", "-DWITH_DOM"]

OPERATIONS = {
    "tds": "GetServices GetServiceCapabilities GetNetworkProtocols SetNetworkProtocols",
    "tas": (
        "GetServiceCapabilities CreateRSAKeyPair GetKeyStatus GetAllKeys CreatePKCS10CSR UploadCertificate"
        " CreateCertificationPath AddServerCertificateAssignment GetAssignedServerCertificates"
    ),
    "tev": "CreatePullPointSubscription PullMessages Renew Unsubscribe",
}
"""What the client calls, by service. The types of all operations take three times as long to compile."""


def client() -> Path:
    """The program."""
    api = _api()

    def build(path: Path) -> None:
        run([*COMPILE, f"-I{api}", CLIENT, "-o", "client.o"], path)
        libraries = ["-lgsoapssl++", "-lssl", "-lcrypto", "-lz"]
        run(["g++", "-o", "client", "client.o", *sorted(api.glob("*.o")), *libraries], path)

    return cached("gsoap-client", [api.name.encode(), CLIENT.read_bytes()], build) / "client"


def _api() -> Path:
    """What is generated, and its object files: 20 seconds."""
    documents = {prefix: directory() / name for prefix, name in WSDL.items()}

    def build(path: Path) -> None:
        copy = path / "wsdl"
        shutil.copytree(directory(), copy)
        for prefix, name in WSDL.items():
            _keep_only(copy / name, OPERATIONS[prefix].split())
        # -d: what is xs:any as a tree; -P: no xsi:type everywhere; -O4: only what the operations need.
        typemap = SHARE / "WS" / "typemap.dat"
        run(
            [
                "wsdl2h",
                "-d",
                "-P",
                "-O4",
                "-t",
                typemap,
                "-o",
                "onvif.h",
                *(copy / name for name in WSDL.values()),
            ],
            path,
        )
        header = (path / "onvif.h").read_text()
        (path / "onvif.h").write_text(
            header.replace('#import "xop.h"', '#import "wsse.h"\n#import "xop.h"', 1)
        )
        run(["soapcpp2", "-2", "-C", "-L", "-x", "-w", f"-I{SHARE}/import:{SHARE}", "onvif.h"], path)
        run([*COMPILE, "soapC.cpp", "soapClient.cpp", *(SHARE / "plugin" / name for name in PLUGINS)], path)
        run([*COMPILE, SHARE / "custom" / "struct_timeval.c"], path)

    inputs = [Path(__file__).read_bytes(), *(document.read_bytes() for document in documents.values())]
    return cached("gsoap-api", inputs, build)


def _keep_only(document: Path, operations: list[str]) -> None:
    """Remove the other operations of a WSDL document, with their messages, and what is empty then."""
    wsdl = "{http://schemas.xmlsoap.org/wsdl/}"
    root = etree.parse(document).getroot()
    for kind in ("portType", "binding"):
        for parent in root.findall(wsdl + kind):
            for operation in parent.findall(f"{wsdl}operation"):
                if operation.get("name") not in operations:
                    parent.remove(operation)
            if parent.find(f"{wsdl}operation") is None:
                root.remove(parent)
    used = {each.get("message", "").rpartition(":")[2] for each in root.iter() if each.get("message")}
    for message in root.findall(f"{wsdl}message"):
        if message.get("name") not in used:
            root.remove(message)
    document.write_bytes(etree.tostring(root, xml_declaration=True, encoding="utf-8"))
