"""The prerequisites of the ADVANCED_SECURITY cases, as the security service's capabilities signal them.

The specification of the cases (22.12), and the TLS Configuration Add-on, name capabilities that the newer
service specification has renamed (Security 12, Deprecated Capabilities): either name signals them.
"""

from __future__ import annotations

from tests.device_test.cases import Prerequisite
from tests.device_test.prerequisites import flag, listed, positive

_KEYSTORE = "tas:KeystoreCapabilities/@"
_TLS = "tas:TLSServerCapabilities/@"


def _either(old: Prerequisite, new: Prerequisite) -> Prerequisite:
    return Prerequisite(old.text, lambda capabilities: old.met(capabilities) or new.met(capabilities))


RSA_KEY_PAIR_GENERATION = _either(
    flag(f"{_KEYSTORE}RSAKeyPairGeneration"), listed(f"{_KEYSTORE}KeyPairGeneration", "RSA")
)
PKCS10 = _either(flag(f"{_KEYSTORE}PKCS10ExternalCertificationWithRSA"), flag(f"{_KEYSTORE}PKCS10"))
SELF_SIGNED = _either(
    flag(f"{_KEYSTORE}SelfSignedCertificateCreationWithRSA"),
    flag(f"{_KEYSTORE}SelfSignedCertificateCreation"),
)
PKCS8 = _either(flag(f"{_KEYSTORE}PKCS8RSAKeyPairUpload"), flag(f"{_KEYSTORE}PKCS8"))
PKCS12 = _either(flag(f"{_KEYSTORE}PKCS12CertificateWithRSAPrivateKeyUpload"), flag(f"{_KEYSTORE}PKCS12"))
PRIVATE_KEY_SHARING = Prerequisite(
    "KeystoreCapabilities/NoPrivateKeySharing is not true",
    lambda capabilities: not capabilities.flag(f"{_KEYSTORE}NoPrivateKeySharing"),
)
PASSPHRASES = positive(f"{_KEYSTORE}MaximumNumberOfPassphrases")
CRLS = positive(f"{_KEYSTORE}MaximumNumberOfCRLs")
VALIDATION_POLICIES = positive(f"{_KEYSTORE}MaximumNumberOfCertificationPathValidationPolicies")
TLS_SERVER = listed(f"{_TLS}TLSServerSupported")
TLS_CLIENT_AUTHENTICATION = flag(f"{_TLS}TLSClientAuthSupported")
ENABLED_VERSIONS = flag(f"{_TLS}EnabledVersionsSupported")
SEVERAL_VERSIONS = Prerequisite(
    "TLSServerCapabilities/TLSServerSupported with more than one version",
    lambda capabilities: len(capabilities.words(f"{_TLS}TLSServerSupported")) > 1,
)
# SetNetworkProtocols belongs to the network configuration that NetworkConfigNotSupported denies (Core 8.2);
# the TLS Configuration Add-on (7.2.3) requires it all the same.
NETWORK_PROTOCOLS = Prerequisite(
    "System/NetworkConfigNotSupported is not true, or System/Addons contains TLSServerConfiguration",
    lambda capabilities: (
        not capabilities.flag("tds:System/@NetworkConfigNotSupported")
        or "TLSServerConfiguration" in capabilities.words("tds:System/@Addons")
    ),
)
