"""Security Configuration Device Test Specification, 5.1 Keystore."""

from __future__ import annotations

import contextlib
import time

from lxml import etree

from tests.device_test.cases import case, step
from tests.device_test.client import NAMES, Dut, Endpoint
from tests.device_test.prerequisites import PULL_POINTS, SECURITY_SERVICE
from tests.device_test.security.helpers import (
    all_keys,
    assert_added,
    assert_equal_lists,
    create_rsa_key_pair,
    delete_rsa_key_pair,
    rsa_key_lengths,
)
from tests.device_test.security.prerequisites import RSA_KEY_PAIR_GENERATION

NEEDS = (SECURITY_SERVICE, RSA_KEY_PAIR_GENERATION)
CONCRETE_SET = "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"


@case("ADVANCED_SECURITY-1-1-1", "5.1.1", needs=NEEDS)
def test_create_rsa_key_pair_status_through_polling(dut: Dut) -> None:
    for length in rsa_key_lengths(dut):
        key_id = create_rsa_key_pair(dut, length)
        delete_rsa_key_pair(dut, key_id)


@case("ADVANCED_SECURITY-1-1-2", "5.1.2", needs=(*NEEDS, PULL_POINTS))
def test_create_rsa_key_pair_status_through_event(dut: Dut) -> None:
    lengths = rsa_key_lengths(dut)
    with step(
        "ONVIF Client invokes CreatePullPointSubscription with parameters "
        'Filter.TopicExpression := "tns1:Advancedsecurity/Keystore/KeyStatus"'
    ):
        expression = {"@Dialect": CONCRETE_SET, "": "tns1:Advancedsecurity/Keystore/KeyStatus"}
        response = dut.call(
            "tev:CreatePullPointSubscription", {"Filter": {"wsnt:TopicExpression": expression}}
        )
    with step(
        "The DUT responds with a CreatePullPointSubscriptionResponse message with parameters "
        "SubscriptionReference =: s CurrentTime =: ct TerminationTime =: tt"
    ):
        subscription = Endpoint.of(response.find("tev:SubscriptionReference"))
        left = response.moment("wsnt:TerminationTime") - response.moment("wsnt:CurrentTime")
    with contextlib.ExitStack() as end:
        end.callback(_unsubscribe, dut, subscription)
        for length in lengths:
            _await_event(dut, subscription, length, left.total_seconds())


def _unsubscribe(dut: Dut, subscription: Endpoint) -> None:
    with step("ONVIF Client sends an Unsubscribe to the subscription endpoint s"):
        dut.call("wsnt:Unsubscribe", at=subscription)


def _await_event(dut: Dut, subscription: Endpoint, length: int, left: float) -> None:
    """Make a key pair, learn from an event that it is there, delete it. `left`: seconds of the subscription."""
    with step("ONVIF Client invokes CreateRSAKeyPair with parameter KeyLength := keyLength"):
        response = dut.call("tas:CreateRSAKeyPair", {"KeyLength": length})
        key_id = response.text("tas:KeyID")
    deadline = time.monotonic() + dut.options.operation_delay + response.seconds("tas:EstimatedCreationTime")
    status = None
    while status != "ok":
        with step("Until operationDelay + duration: a Notification whose KeyID is keyID and NewStatus is ok"):
            assert time.monotonic() < deadline, "no such notification"
            # The case waits for min{(tt-ct)/2, 1 second} here: PullMessages waits by itself.
            assert left > 0, "the subscription ends before it is asked"
        with step(
            "ONVIF Client invokes PullMessages to the subscription endpoint s with parameters "
            "Timeout := PT60S MessageLimit := 1"
        ):
            response = dut.call(
                "tev:PullMessages", {"Timeout": "PT60S", "MessageLimit": 1}, at=subscription, wait=60
            )
            left = (
                response.moment("tev:TerminationTime") - response.moment("tev:CurrentTime")
            ).total_seconds()
        with step('If the NewStatus data simple item in m is equal to "corrupt", FAIL the test'):
            for message in response.all("wsnt:NotificationMessage"):
                source, data = simple_items(message, "Source"), simple_items(message, "Data")
                if source["KeyID"] == key_id:
                    status = data["NewStatus"]
                    assert status in ("ok", "generating"), status
    delete_rsa_key_pair(dut, key_id)


def simple_items(message: etree._Element, part: str) -> dict[str, str]:
    """The names and values of a notification's Source, Key or Data."""
    items = message.findall(f"wsnt:Message/tt:Message/tt:{part}/tt:SimpleItem", NAMES)
    return {item.get("Name"): item.get("Value") for item in items}


@case("ADVANCED_SECURITY-1-1-3", "5.1.3", needs=NEEDS)
def test_check_private_key_status(dut: Dut) -> None:
    key_id = create_rsa_key_pair(dut)
    keys = all_keys(dut)
    with step("If keyAttributeList[KeyID = keyID].hasPrivateKey is not equal to true, FAIL the test"):
        assert keys[key_id].has_private_key
    delete_rsa_key_pair(dut, key_id)


@case("ADVANCED_SECURITY-1-1-4", "5.1.4", needs=NEEDS)
def test_get_all_keys(dut: Dut) -> None:
    initial = all_keys(dut)
    key_id = create_rsa_key_pair(dut)
    updated = all_keys(dut)
    assert_added(updated, initial, key_id, "keyID")
    delete_rsa_key_pair(dut, key_id)


@case("ADVANCED_SECURITY-1-1-5", "5.1.5", needs=NEEDS)
def test_delete_key(dut: Dut) -> None:
    initial = all_keys(dut)
    key_id = create_rsa_key_pair(dut)
    updated = all_keys(dut)
    assert_added(updated, initial, key_id, "keyID")
    delete_rsa_key_pair(dut, key_id)
    final = all_keys(dut)
    assert_equal_lists(final, initial)
