"""Keys, certificates and certification paths on disk, under ONVIF's Security Service (5.2 and 5.3).

It knows X.509 and SQLite, and nothing of SOAP, HTTP or web servers:

    >>> database = Database(directory / "device.db")
    >>> keystore = Keystore(database, Sealer(file_key(directory / "device.kek")), Limits())
    >>> keystore.start()
    >>> key_id, estimate = keystore.create_rsa_key_pair(2048, alias="HTTPS")
    >>> while keystore.get_key(key_id).status is KeyStatus.GENERATING:
    ...     time.sleep(0.05)
    >>> sha256_with_rsa = AlgorithmIdentifier("1.2.840.113549.1.1.11")
    >>> certificate_id = keystore.create_self_signed_certificate(
    ...     key_id, DistinguishedName(common_name=("camera.example",)), sha256_with_rsa)
    >>> keystore.assign_server_certificate(keystore.create_certification_path([certificate_id]))
    >>> [credential.algorithm for credential in keystore.server_credentials()]
    ['RSA']
    >>> keystore.verify()
    []
    >>> keystore.close()
    >>> database.close()
"""

from keystore import errors
from keystore.algorithms import BASELINE, SHA1_WITH_RSA, AlgorithmIdentifier
from keystore.database import Database
from keystore.keystore import Keystore
from keystore.model import Certificate, CertificationPath, Key, KeyStatus, Limits, ServerCredential
from keystore.names import DistinguishedName, Extension, RequestAttribute
from keystore.sealing import Sealer, file_key

__all__ = [
    "BASELINE",
    "SHA1_WITH_RSA",
    "AlgorithmIdentifier",
    "Certificate",
    "CertificationPath",
    "Database",
    "DistinguishedName",
    "Extension",
    "Key",
    "KeyStatus",
    "Keystore",
    "Limits",
    "RequestAttribute",
    "Sealer",
    "ServerCredential",
    "errors",
    "file_key",
]
