"""The helper procedures of chapter 6 of ONVIF's Security Configuration Device Test Specification."""

from __future__ import annotations

from tests.device_test.cases import step
from tests.device_test.client import Capabilities, Dut
from tests.support import wait_until


def service_capabilities(dut: Dut) -> Capabilities:
    """6.10 HelperGetServiceCapabilities."""
    with step("ONVIF Client invokes GetServiceCapabilities"):
        return dut.refresh()


def rsa_key_lengths(dut: Dut) -> list[int]:
    """The RSAKeyLengths capability, in bits."""
    with step(
        "The DUT responds with GetServiceCapabilitiesResponse message with parameters Capabilities =: cap"
    ):
        lengths = sorted(map(int, service_capabilities(dut).words("tas:KeystoreCapabilities/@RSAKeyLengths")))
        assert lengths, "RSAKeyLengths is empty"
        return lengths


def rsa_key_length(dut: Dut) -> int:
    """6.6 HelperDetermineRSAKeyLength: the smallest."""
    return rsa_key_lengths(dut)[0]


def create_rsa_key_pair(dut: Dut, length: int | None = None) -> str:
    """6.7 HelperCreateRSAKeyPair: the KeyID of a key pair whose status is ok."""
    key_length = length or rsa_key_length(dut)
    with step("ONVIF Client invokes CreateRSAKeyPair with parameter KeyLength := length"):
        response = dut.call("tas:CreateRSAKeyPair", {"KeyLength": key_length})
    with step(
        "The DUT responds with CreateRSAKeyPairResponse with KeyID =: keyID, EstimatedCreationTime =: duration"
    ):
        key_id = response.text("tas:KeyID")
        estimated = response.seconds("tas:EstimatedCreationTime")
    with step("Until operationDelay + duration expires: KeyStatus is equal to ok"):
        wait_until(
            lambda: key_status(dut, key_id) == "ok",
            dut.options.operation_delay + estimated,
            dut.options.poll_interval,
        )
    return key_id


def key_status(dut: Dut, key_id: str) -> str:
    """GetKeyStatus: ok or generating. Raises AssertionError for corrupt."""
    with step("ONVIF Client invokes GetKeyStatus with parameters KeyID := keyID"):
        status = dut.call("tas:GetKeyStatus", {"KeyID": key_id}).text("tas:KeyStatus")
    with step('If keyStatus is equal to "corrupt", FAIL the test'):
        assert status in ("ok", "generating"), status
    return status


def delete_rsa_key_pair(dut: Dut, key_id: str) -> None:
    """6.1 HelperDeleteRSAKeyPair."""
    with step("ONVIF Client invokes DeleteKey with parameters KeyID := keyID"):
        dut.call("tas:DeleteKey", {"KeyID": key_id})


def all_key_ids(dut: Dut) -> list[str]:
    """The KeyIDs that GetAllKeys answers."""
    with step("ONVIF Client invokes GetAllKeys"):
        return dut.call("tas:GetAllKeys").texts("tas:KeyAttribute/tas:KeyID")
