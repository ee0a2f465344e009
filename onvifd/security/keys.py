"""Key management (Security 5.2.6.2)."""

from typing import Any

from keystore import Key
from onvifd.call import Answer, Call


def create_rsa_key_pair(call: Call) -> Answer:
    """Security 5.2.6.2.1. Answers at once; the key is generated in the background."""
    key_id, estimate = call.device.keystore.create_rsa_key_pair(
        call.arguments["KeyLength"], call.arguments["Alias"]
    )
    return {"KeyID": key_id, "EstimatedCreationTime": estimate}


def get_key_status(call: Call) -> Answer:
    """Security 5.2.6.2.3."""
    return {"KeyStatus": call.device.keystore.get_key(call.arguments["KeyID"]).status}


def get_private_key_status(call: Call) -> Answer:
    """Security 5.2.6.2.4."""
    return {"hasPrivateKey": call.device.keystore.get_key(call.arguments["KeyID"]).has_private_key}


def get_all_keys(call: Call) -> Answer:
    """Security 5.2.6.2.5."""
    return {"KeyAttribute": [_key_attribute(key) for key in call.device.keystore.keys()]}


def _key_attribute(key: Key) -> dict[str, Any]:
    return {
        "KeyID": key.id,
        "Alias": key.alias,
        "hasPrivateKey": key.has_private_key,
        "KeyStatus": key.status,
        "externallyGenerated": key.externally_generated,
        "securelyStored": key.securely_stored,
    }


def delete_key(call: Call) -> Answer:
    """Security 5.2.6.2.6."""
    call.device.keystore.delete_key(call.arguments["KeyID"])
    return {}
