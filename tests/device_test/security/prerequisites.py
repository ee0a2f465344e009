"""The prerequisites of the ADVANCED_SECURITY cases, as the security service's capabilities signal them."""

from __future__ import annotations

from tests.device_test.prerequisites import flag

RSA_KEY_PAIR_GENERATION = flag("tas:KeystoreCapabilities/@RSAKeyPairGeneration")
