"""What TLS clients that know nothing of ONVIF see of the device."""

from __future__ import annotations

import socket
import ssl
import subprocess
from pathlib import Path

from tests.bench_device import LOOPBACK

TIMEOUT = 120
"""Seconds for a handshake, also with an emulated device on a busy machine."""


def openssl_chain(port: int, ca: Path, address: str = "127.0.0.1") -> tuple[bytes, ...]:
    """The certificates (DER) that `openssl s_client` is shown; it must find them good, trusting only `ca`."""
    host = f"[{address}]" if ":" in address else address
    trust = ("-CAfile", str(ca), "-no-CApath", "-verify_return_error", "-verify_ip", address)
    run = subprocess.run(
        ["openssl", "s_client", "-connect", f"{host}:{port}", "-showcerts", *trust],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Verify return code: 0 (ok)" in run.stdout, run.stdout + run.stderr
    end = "-----END CERTIFICATE-----"
    blocks = run.stdout.split("-----BEGIN CERTIFICATE-----")[1:]
    # -showcerts prints the chain; the server certificate comes once more after it.
    pems = dict.fromkeys(f"-----BEGIN CERTIFICATE-----{block.partition(end)[0]}{end}\n" for block in blocks)
    return tuple(map(ssl.PEM_cert_to_DER_cert, pems))


def python_leaf(port: int, ca: Path, address: str = "127.0.0.1", name: str | None = None) -> bytes:
    """The server certificate (DER) that Python's ssl accepts for a name, trusting only `ca`."""
    context = ssl.create_default_context(cafile=str(ca))
    with (
        socket.create_connection((address, port), TIMEOUT) as plain,
        context.wrap_socket(plain, server_hostname=name or address) as secured,
    ):
        certificate = secured.getpeercert(binary_form=True)
        assert certificate is not None
        return certificate


def assert_presented(port: int, ca: Path, chain: tuple[bytes, ...]) -> None:
    """Both clients verify the port on IPv4 and IPv6, and are shown exactly this chain."""
    for address in LOOPBACK:
        assert openssl_chain(port, ca, address) == chain
        assert python_leaf(port, ca, address) == chain[0]
    assert python_leaf(port, ca, name="localhost") == chain[0]
