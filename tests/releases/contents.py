"""What a client can ask of what a device has stored, and the stores that releases have written.

A release has two files here, which `python -m tests.releases.record` makes: VERSION.sql, the database as SQL with
the key-encryption key in its first line, and VERSION.json, what that release answered about it.
"""

from __future__ import annotations

import base64
import json
import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

from tests.soap_client import NAMES, Soap

DIRECTORY = Path(__file__).parent
RELEASES = sorted(path.stem for path in DIRECTORY.glob("*.sql"))
PASSWORD = "the administrator's"
OPERATOR = ("operator", "the operator's")
_KEY_LINE = "-- key-encryption key: "


@dataclass(frozen=True)
class Contents:
    """By ID where there is one; DER in base64."""

    keys: dict[str, list[str | None]]
    """Alias, and whether it was externally generated."""
    certificates: dict[str, list[str | None]]
    """Alias, key and DER."""
    paths: dict[str, list[str | None]]
    """Alias and certificates."""
    assigned: list[str]
    users: dict[str, str]
    scopes: list[str]
    protocols: dict[str, list[str]]
    """Whether it is enabled, and its ports."""
    endpoint_reference: str

    @classmethod
    def of(cls, soap: Soap) -> Contents:
        def all_of(operation: str, element: str) -> list[Element]:
            return soap.call(operation).ok().findall(element, NAMES)

        def text(element: Element, path: str) -> str | None:
            return element.findtext(path, None, NAMES)

        path_ids = soap.call("tas:GetAllCertificationPaths").texts("tas:CertificationPathID")
        paths = {
            path_id: soap.call("tas:GetCertificationPath", {"CertificationPathID": path_id}).find(
                "tas:CertificationPath"
            )
            for path_id in path_ids
        }
        return cls(
            keys={
                str(text(key, "tas:KeyID")): [text(key, "tas:Alias"), text(key, "tas:externallyGenerated")]
                for key in all_of("tas:GetAllKeys", "tas:KeyAttribute")
            },
            certificates={
                str(text(each, "tas:CertificateID")): [
                    text(each, "tas:Alias"),
                    text(each, "tas:KeyID"),
                    text(each, "tas:CertificateContent"),
                ]
                for each in all_of("tas:GetAllCertificates", "tas:Certificate")
            },
            paths={
                path_id: [text(path, "tas:Alias")]
                + [element.text for element in path.findall("tas:CertificateID", NAMES)]
                for path_id, path in paths.items()
            },
            assigned=soap.call("tas:GetAssignedServerCertificates").texts("tas:CertificationPathID"),
            users={
                str(text(user, "tt:Username")): str(text(user, "tt:UserLevel"))
                for user in all_of("tds:GetUsers", "tds:User")
            },
            scopes=[
                str(text(scope, "tt:ScopeItem"))
                for scope in all_of("tds:GetScopes", "tds:Scopes")
                if text(scope, "tt:ScopeDef") == "Configurable"
            ],
            protocols={
                str(text(each, "tt:Name")): [str(text(each, "tt:Enabled"))]
                + [str(port.text) for port in each.findall("tt:Port", NAMES)]
                for each in all_of("tds:GetNetworkProtocols", "tds:NetworkProtocols")
            },
            endpoint_reference=soap.call("tds:GetEndpointReference").text("tds:GUID"),
        )

    def chain(self, path_id: str) -> tuple[bytes, ...]:
        """The certificates of a path, in DER."""
        _, *certificate_ids = self.paths[path_id]
        return tuple(base64.b64decode(self.certificates[str(each)][2] or "") for each in certificate_ids)


def save(release: str, state: Path, contents: Contents) -> None:
    """Write the two files of a release from a state directory that no device uses."""
    with closing(sqlite3.connect(state / "onvifd.db")) as database:
        dump = "\n".join(database.iterdump())
    key = (state / "onvifd.kek").read_bytes().hex()
    (DIRECTORY / f"{release}.sql").write_text(f"{_KEY_LINE}{key}\n{dump}\n")
    (DIRECTORY / f"{release}.json").write_text(json.dumps(asdict(contents), indent=1) + "\n")


def saved(release: str) -> Contents:
    """What a release answered about its store."""
    return Contents(**json.loads((DIRECTORY / f"{release}.json").read_text()))


def restore(release: str, state: Path, http: int, https: int) -> None:
    """Make the state directory of a device as a release has left it, but for its ports."""
    text = (DIRECTORY / f"{release}.sql").read_text()
    state.mkdir(mode=0o700)
    (state / "onvifd.kek").write_bytes(bytes.fromhex(text.partition("\n")[0].removeprefix(_KEY_LINE)))
    (state / "onvifd.kek").chmod(0o600)
    with closing(sqlite3.connect(state / "onvifd.db")) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(text)
        for name, port in (("HTTP", http), ("HTTPS", https)):
            database.execute("UPDATE protocol SET ports = ? WHERE name = ?", (f"[{port}]", name))
        database.commit()
    (state / "onvifd.db").chmod(0o600)


def dump(state: Path) -> list[str]:
    """All that is in the database of a state directory."""
    with closing(sqlite3.connect(state / "onvifd.db")) as database:
        return list(database.iterdump())
