"""What real clients need from a device: an index of the tests that prove it, and those that fit nowhere else.

Each of these has broken a client in the field, against some device. The clients themselves are driven beside
this file and in tests/workflow.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import pytest

from tests.bench_device import BenchDevice
from tests.soap_client import Reply, envelope, exchange, parse
from tests.workflow import test_clients as workflow

HABITS = {
    "Everybody starts at /onvif/device_service; some send everything there, or to paths of their own": (
        "workflow.test_clients.test_any_service_answers_at_any_path",
    ),
    "The time and the services are asked without credentials, or with ones of a wrong clock": (
        "workflow.test_clients.test_everybody_may_ask_these_with_any_credentials",
        "workflow.test_clients.test_without_credentials_the_others_are_401_and_say_not_authorized",
    ),
    "A UsernameToken has every spelling that XML, time and base64 allow, and comes beside an anonymous copy": (
        "workflow.test_clients.test_must_understand_in_every_spelling",
        "workflow.test_clients.test_created_in_every_spelling",
        "workflow.test_clients.test_a_clock_that_is_minutes_off",
        "workflow.test_clients.test_a_clock_that_is_hours_off_is_a_clear_fault",
        "workflow.test_clients.test_nonces_of_every_length",
        "workflow.test_clients.test_a_nonce_of_text",
        "workflow.test_clients.test_a_timestamp_beside_the_token",
        "workflow.test_clients.test_whitespace_within_the_header",
        "workflow.test_clients.test_security_as_default_namespace",
        "workflow.test_clients.test_a_token_works_once",
        "workflow.test_clients.test_each_request_twice_at_once_anonymous_and_with_a_token",
    ),
    "Of two HTTP Digest challenges each client takes another one, and counts its nonces as it likes": (
        "workflow.test_clients.test_two_challenges_in_two_headers",
        "workflow.test_clients.test_either_algorithm_is_accepted",
        "workflow.test_clients.test_a_nonce_count_that_does_not_start_at_one",
        "workflow.test_clients.test_a_wrong_password_is_401_again",
        "workflow.test_clients.test_an_empty_post_is_401",
        "workflow.test_clients.test_a_401_leaves_the_connection_usable",
        "workflow.test_clients.test_curl_with_digest",
        "workflow.test_clients.test_requests_with_digest_in_one_session",
        "interop.test_bad_clients.test_those_who_leave_in_the_middle",
    ),
    "Content-Type and SOAPAction are whatever they are, or missing; the answer is SOAP 1.2": (
        "workflow.test_clients.test_any_content_type",
        "workflow.test_clients.test_any_soap_action",
        "workflow.test_clients.test_soap_1_1_is_a_version_mismatch",
    ),
    "WS-Addressing comes or not, and a subscription is known by its URL's path": (
        "workflow.test_clients.test_addressing_is_never_needed_and_always_understood",
        "workflow.test_clients.test_the_answer_to_a_message_with_an_id",
        "workflow.test_clients.test_a_fault_to_a_message_with_an_id",
        "workflow.test_clients.test_the_subscription_is_in_the_path",
    ),
    "Addresses are used as they are answered, through whatever the device is reached by": (
        "workflow.test_clients.test_addresses_are_made_of_the_host_header",
        "workflow.test_clients.test_addresses_have_the_scheme_of_the_request",
        "interop.test_habits.test_a_host_that_makes_no_address_is_refused",
    ),
    "One service is no list": (
        "workflow.test_clients.test_several_services",
        "workflow.test_clients.test_get_capabilities_for_those_who_know_nothing_newer",
    ),
    "XML is read with regular expressions, and IDs as numbers": (
        "workflow.test_clients.test_nothing_precedes_the_declaration",
        "workflow.test_clients.test_attributes_are_in_double_quotes",
        "workflow.test_clients.test_all_namespaces_are_declared_on_the_envelope",
        "workflow.test_clients.test_elements_of_text_have_no_attributes",
        "workflow.test_clients.test_times_are_utc_with_seconds_and_z",
        "workflow.test_clients.test_faults_speak_english",
        "workflow.test_clients.test_booleans_are_words",
        "workflow.test_clients.test_ids_are_names",
        "workflow.test_clients.test_an_undeclared_prefix_is_a_fault",
        "interop.test_node_clients.test_onvif_rx_explores",
    ),
    "Strict parsers want each element that the schema has, in its order, and no other": (
        "workflow.test_clients.test_the_estimate_of_a_new_key_is_a_duration",
        "workflow.test_initial_configuration.test_a_certified_key_is_served",
        "interop.test_initial_configuration.test_a_certified_key_is_served",
        "interop.test_initial_configuration.test_a_fault_is_read",
        "workflow.test_clients.test_all_namespaces_are_declared_on_the_envelope",
        "interop.test_gsoap_client.test_it_hears_of_a_key",
    ),
    "Three seconds is all that some wait for an answer": (
        "interop.test_node_clients.test_node_onvif_switches_https",
        "keystore.test_keys.test_a_key_pair_is_generated_in_the_background",
    ),
    "Pull points live as long as they were asked to, wake up, and are forgotten": (
        "workflow.test_clients.test_the_life_of_a_pull_point_is_as_asked",
        "workflow.test_clients.test_filters_of_clients",
        "workflow.test_clients.test_a_waiting_pull_is_woken_by_the_event",
        "workflow.test_clients.test_a_pull_without_events_ends_empty",
        "workflow.test_clients.test_forgotten_pull_points_expire",
        "interop.test_python_clients.test_the_event_manager_of_onvif_zeep_async",
        "interop.test_python_clients.test_onvif_zeep_connects_again_and_again",
        "interop.test_node_clients.test_agsh_hears_of_a_key",
    ),
    "Connections are kept, closed at once, chunked, or wait for 100 Continue": (
        "workflow.test_clients.test_a_connection_for_one_request",
        "workflow.test_clients.test_http_1_0",
        "workflow.test_clients.test_a_chunked_request",
        "workflow.test_clients.test_expect_100_continue",
        "workflow.test_clients.test_many_requests_on_one_connection",
        "workflow.test_clients.test_an_offered_compression_needs_no_answer",
        "workflow.test_clients.test_other_methods_than_post",
    ),
    "Some verify the certificate, some nothing; and HTTP goes on while HTTPS is switched": (
        "workflow.test_clients.test_tls_versions",
        "workflow.test_clients.test_old_tls_versions_are_refused",
        "workflow.test_clients.test_clients_that_verify_nothing",
        "workflow.test_clients.test_curl_that_verifies",
        "interop.test_node_clients.test_agsh_verifies",
        "webserver.test_no_failed_request.test_clients_that_poll_throughout_notice_nothing",
    ),
}
"""The habit, and the tests (below `tests`) that the device is used to it."""


@pytest.mark.parametrize("habit", HABITS)
def test_each_habit_has_its_tests(habit: str) -> None:
    for name in HABITS[habit]:
        module, _, function = name.rpartition(".")
        assert callable(getattr(importlib.import_module(f"tests.{module}"), function, None)), name


def test_every_test_of_a_habit_is_in_the_index() -> None:
    named = {name.rpartition(".")[2] for tests in HABITS.values() for name in tests}
    assert {name for name in vars(workflow) if name.startswith("test_")} <= named


@pytest.fixture(scope="module", params=["nginx", "lighttpd"])
def device(request: pytest.FixtureRequest) -> Iterator[BenchDevice]:
    with BenchDevice(options=("--server", request.param)) as device:
        yield device


SERVICES = envelope("<tds:GetServices><tds:IncludeCapability>false</tds:IncludeCapability></tds:GetServices>")


def ask(device: BenchDevice, version: str, host: str | None) -> Reply | None:
    """GetServices with a Host header or without; None if the web server refuses it itself."""
    lines = [
        f"POST /onvif/device_service HTTP/{version}",
        f"Content-Length: {len(SERVICES)}",
        "Connection: close",
    ]
    lines += [f"Host: {host}"] if host is not None else []
    received = exchange(device.url, "\r\n".join([*lines, "", ""]).encode() + SERVICES)
    return parse(received) if b"soap+xml" in received else None


@pytest.mark.parametrize(
    ("version", "host"),
    [
        ("1.0", None),
        ("1.0", ""),
        ("1.1", None),
        ("1.1", "x:99:99"),
        ("1.1", "a<b"),
        ("1.1", "a:b"),
        ("1.1", "a/b"),
    ],
)
def test_a_host_that_makes_no_address_is_refused(device: BenchDevice, version: str, host: str | None) -> None:
    """Home Assistant, agsh and go2rtc met addresses with two ports, and with none at all."""
    answer = ask(device, version, host)
    if answer is not None:
        assert answer.status == 400
        assert answer.fault().codes == ("Sender", "InvalidArgVal")
        assert "Host" in answer.fault().reason
