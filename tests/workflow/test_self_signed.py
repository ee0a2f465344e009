"""Without an authority: the device certifies its key itself (TLS Configuration Add-on 6.1.1)."""

from collections.abc import Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.bench_device import BenchDevice
from tests.workflow import steps
from tests.workflow.clients import Client
from tests.workflow.tls import assert_presented


def test_a_self_signed_certificate_is_served(
    fresh_device: BenchDevice, connect: Callable[..., Client], tmp_path: Path
) -> None:
    """Security 5.2.6.3.2: clients that trust it, and nothing else, find their device by each of its names."""
    client = connect(fresh_device)
    key_id = steps.create_key(client)
    certificate_id = client.call(
        "keystore",
        "CreateSelfSignedCertificate",
        Subject={"CommonName": ["camera.test"]},
        KeyID=key_id,
        Alias="self-signed",
        SignatureAlgorithm=steps.SHA256_WITH_RSA,
    )
    certificate = client.call("keystore", "GetCertificate", CertificateID=certificate_id)
    assert certificate.KeyID == key_id
    assert certificate.HasPrivateKey
    der = certificate.CertificateContent
    trusted = tmp_path / "certificate.pem"
    trusted.write_bytes(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM))

    steps.assign(client, steps.certification_path(client, [certificate_id]))
    steps.enable_https(client, fresh_device.https_port)

    assert_presented(fresh_device.https_port, trusted, (der,))
    secured = connect(fresh_device, use_https=True, ca=trusted)
    assert [key.KeyID for key in secured.call("keystore", "GetAllKeys")] == [key_id]
    assert [key.KeyID for key in client.call("keystore", "GetAllKeys")] == [key_id]
