"""The command `onvif` of onvif-python: one run of it for each operation, or its shell."""

from __future__ import annotations

import ast
import base64
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from program import SHA256_WITH_RSA, deadline, main

COMMAND = Path(sys.executable).with_name("onvif")


class Command:
    """A device to run it for."""

    def __init__(self, url: str, user: str, password: str, *options: str, ca: str | None = None) -> None:
        """`ca`: what it verifies HTTPS by, which it does unless told otherwise."""
        where = urlsplit(url)
        self._options = ["-H", where.hostname, "-P", str(where.port), "-u", user, "-p", password, *options]
        self._options += ["--cache", "none"]
        self._options += ["--https"] if where.scheme == "https" else []
        self._environment = {**os.environ, **({"REQUESTS_CA_BUNDLE": ca} if ca else {})}

    def ask(self, service: str, operation: str, **parameters: Any) -> Any:
        """What it saves of the result."""
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory) / "answer.json"
            run = self.attempt(service, operation, "--output", str(file), **parameters)
            if run.returncode != 0:
                raise RuntimeError(run.stdout + run.stderr)
            return json.loads(file.read_text())["result"]

    def attempt(
        self, service: str, operation: str, *options: str, **parameters: Any
    ) -> subprocess.CompletedProcess[str]:
        pairs = [f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in parameters.items()]
        return self._run(service, operation, *pairs, *options)

    def shell(self, *lines: str) -> str:
        """What its shell says to some lines, without colours."""
        run = self._run("--interactive", given="\n".join([*lines, "exit", ""]))
        if run.returncode != 0:
            raise RuntimeError(run.stdout + run.stderr)
        return re.sub(r"\x1b\[\d+m", "", run.stdout)

    def _run(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, *arguments, *self._options],
            env=self._environment,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )


def request(url: str, user: str, password: str) -> dict[str, Any]:
    command = Command(url, user, password)
    key = command.ask("keystore", "CreateRSAKeyPair", KeyLength=2048, Alias="onvif")["KeyID"]
    pause = deadline()
    while command.ask("keystore", "GetKeyStatus", KeyID=key) != "ok":
        pause()
    csr = command.ask(
        "keystore",
        "CreatePKCS10CSR",
        Subject={"CommonName": ["camera.test"], "Organization": ["Müller & Söhne"]},
        KeyID=key,
        SignatureAlgorithm=SHA256_WITH_RSA,
    )
    return {"key": key, "csr": ast.literal_eval(csr)}


def install(url: str, user: str, password: str, port: str, *files: str) -> dict[str, Any]:
    """With HTTP Digest; the rest is with UsernameToken."""
    command = Command(url, user, password, "--digest")
    uploaded = [
        command.ask(
            "keystore",
            "UploadCertificate",
            Certificate=base64.b64encode(Path(file).read_bytes()).decode(),
            Alias=Path(file).name,
            PrivateKeyRequired=file == files[0],
        )
        for file in files
    ]
    ids = {"CertificateID": [each["CertificateID"] for each in uploaded]}
    path = command.ask("keystore", "CreateCertificationPath", CertificateIDs=ids, Alias="onvif")
    command.ask("tlsserver", "AddServerCertificateAssignment", CertificationPathID=path)
    https(url, user, password, port)
    assigned = command.ask("tlsserver", "GetAssignedServerCertificates")
    return {"key": uploaded[0]["KeyID"], "path": path, "assigned": assigned}


def https(url: str, user: str, password: str, port: str) -> None:
    """Switch it on."""
    protocol = {"Name": "HTTPS", "Enabled": True, "Port": [int(port)]}
    command = Command(url, user, password, "--digest")
    command.ask("devicemgmt", "SetNetworkProtocols", NetworkProtocols=[protocol])


def status(url: str, user: str, password: str, ca: str | None = None) -> dict[str, Any]:
    """In its shell, which takes a second for all of it and not for each."""
    said = Command(url, user, password, ca=ca).shell(
        *("devicemgmt", "GetServices IncludeCapability=false", "GetNetworkProtocols", "up"),
        *("keystore", "GetAllKeys"),
    )
    protocols = re.findall(r"'Name': '(.*)',\s*'Enabled': (.*),\s*'Port': \[([^]]*)\]", said)
    return {
        "addresses": re.findall(r"'XAddr': '(.*)'", said),
        "protocols": {
            name: [enabled == "True", [int(port) for port in ports.split(",")]]
            for name, enabled, ports in protocols
        },
        "keys": re.findall(r"'KeyID': '(.*)'", said),
    }


def fault(url: str, user: str, password: str) -> dict[str, Any]:
    run = Command(url, user, password).attempt("keystore", "GetKeyStatus", KeyID="none")
    found = re.search(r"code=(\S+), subcode=(\S+), (\S+), msg=(.*)", run.stderr)
    if run.returncode == 0 or found is None:
        raise RuntimeError(run.stdout + run.stderr)
    return {"codes": found.groups()[:3], "reason": found[4]}


def pull(url: str, user: str, password: str) -> dict[str, Any]:
    """A pull point, in its shell: a direct command can't name one."""
    said = Command(url, user, password).shell(
        *("events", "CreatePullPointSubscription InitialTerminationTime=PT1M", "store reference", "up"),
        *("keystore", "CreateRSAKeyPair KeyLength=2048", "up"),
        *("pullpoint SubscriptionRef=$reference", "PullMessages Timeout=PT30S MessageLimit=1"),
        *("PullMessages Timeout=PT30S MessageLimit=1", "up"),
        *("subscription SubscriptionRef=$reference", "Renew TerminationTime=PT2M", "Unsubscribe"),
    )
    return {
        "key": re.findall(r"'KeyID': '(.*)'", said),
        "address": re.findall(r"'Address': \{\s*'_value_1': '(.*)'", said),
        "heard": re.findall(r"'Value': '(.*)'", said),
        "said": said,
    }


main(request=request, install=install, https=https, status=status, fault=fault, pull=pull)
