"""What can go wrong in the keystore.

One tree under KeystoreError. Each class is one condition of the specification; the message is an English
reason that tells the client how to mend the request and never holds a secret.
"""


class KeystoreError(Exception):
    """The root of everything that this package raises on purpose."""


class DatabaseError(KeystoreError):
    """The database can't be opened, read or written. Nothing was changed."""


class SealingError(KeystoreError):
    """A sealed value or the key-encryption key is missing, damaged or not ours."""


class KeyNotFound(KeystoreError):
    """No key is stored under the ID (ter:KeyID, Security 5.2.6.2.3)."""


class CertificateNotFound(KeystoreError):
    """No certificate is stored under the ID (ter:CertificateID, Security 5.2.6.3.5)."""


class CertificationPathNotFound(KeystoreError):
    """No certification path is stored under the ID (ter:CertificationPathID, Security 5.2.6.3.9)."""


class NewCertificationPathNotFound(KeystoreError):
    """No path is stored under a replacement's new ID (ter:NewCertificationPathID, Security 5.3.3.3)."""


class AssignmentNotFound(KeystoreError):
    """The path is not assigned (ter:OldCertificationPathID, Security 5.3.3.2 and 5.3.3.3)."""


class MaximumNumberOfKeysReached(KeystoreError):
    """The keystore has no room for another key pair (Security 5.2.6.2.1 and 5.2.6.3.3)."""


class MaximumNumberOfCertificatesReached(KeystoreError):
    """The keystore has no room for another certificate (Security 5.2.6.3.2 and 5.2.6.3.3)."""


class MaximumNumberOfCertificationPathsReached(KeystoreError):
    """The keystore has no room for another certification path (Security 5.2.6.3.8)."""


class MaximumNumberOfTLSCertificationPathsReached(KeystoreError):
    """The TLS server takes no further certification path (Security 5.3.3.1)."""


class ReferenceExists(KeystoreError):
    """The object is still referenced and can't be deleted (Security 5.2.4)."""


class UnsupportedKeyLength(KeystoreError):
    """The device makes no key pairs of this length (ter:KeyLength, Security 5.2.6.2.1)."""


class InvalidKeyStatus(KeystoreError):
    """The key is not ok: it is still being generated, or corrupt (Security 5.2.6.3.1 to 5.2.6.3.3)."""


class UnsupportedSignatureAlgorithm(KeystoreError):
    """The signature algorithm, or its parameters, are not supported (Security 5.2.6.3.1 to 5.2.6.3.3)."""


class KeySignatureAlgorithmMismatch(KeystoreError):
    """The key can't be used with the signature algorithm (Security 5.2.6.3.1 and 5.2.6.3.2)."""


class InvalidSubject(KeystoreError):
    """The distinguished name is invalid or incomplete (Security 5.2.6.3.1 and 5.2.6.3.2)."""


class InvalidAttribute(KeystoreError):
    """An attribute of a certification request is invalid or incomplete (Security 5.2.6.3.1)."""


class KeyDeletionFailed(KeystoreError):
    """The key could not be deleted (Security 5.2.6.2.6)."""


class CertificateDeletionFailed(KeystoreError):
    """The certificate could not be deleted (Security 5.2.6.3.7)."""


class CertificationPathCreationFailed(KeystoreError):
    """The certification path could not be stored (Security 5.2.6.3.8)."""


class CertificationPathDeletionFailed(KeystoreError):
    """The certification path could not be deleted (Security 5.2.6.3.12)."""


class CSRCreationFailed(KeystoreError):
    """The certification request could not be made (Security 5.2.6.3.1)."""


class CertificateCreationFailed(KeystoreError):
    """The self-signed certificate could not be made (Security 5.2.6.3.2)."""


class UnsupportedX509Version(KeystoreError):
    """The device makes no certificates of this X.509 version (Security 5.2.6.3.2)."""


class X509VersionExtensionsMismatch(KeystoreError):
    """The X.509 version that the client asks for has no extensions (Security 5.2.6.3.2)."""


class InvalidDateTime(KeystoreError):
    """The validity period is empty or can't be written in a certificate (Security 5.2.6.3.2)."""


class NoMatchingPrivateKey(KeystoreError):
    """No key pair of the keystore has the private key for the certificate (Security 5.2.6.3.3)."""


class NoPrivateKey(KeystoreError):
    """The key pair of a path's first certificate has no usable private key (Security 5.3.3.1 and 5.3.3.3)."""


class BadCertificate(KeystoreError):
    """The device can't process the uploaded certificate (Security 5.2.6.3.3)."""


class UnsupportedPublicKeyAlgorithm(KeystoreError):
    """The certificate's public key has an unsupported algorithm, size or curve (Security 5.2.6.3.3)."""


class DuplicateCertificate(KeystoreError):
    """The same certificate is already stored (ter:Duplicate, Security 5.2.6.3.3)."""


class InvalidCertificationPath(KeystoreError):
    """A certificate of the path is not signed with the key of the next one (Security 5.2.6.3.8)."""
