"""The security cases can pass and can fail: against a device in memory that has all features, and its mutants.

What test_suite_can_fail does with a real device is done here for what no device at hand has or does.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from tests.device_test.cases import Case
from tests.device_test.client import NAMES, Dut, envelope, tag
from tests.device_test.model import Model, Refused, State
from tests.device_test.options import Options
from tests.device_test.security import (
    test_capabilities,
    test_certificates,
    test_client_authentication,
    test_handshakes,
    test_keystore,
    test_off_device,
    test_referential_integrity,
    test_tls_server,
    test_tls_versions,
)
from tests.device_test.security.prerequisites import (
    CRLS,
    ENABLED_VERSIONS,
    PASSPHRASES,
    PKCS8,
    PKCS12,
    TLS_CLIENT_AUTHENTICATION,
    VALIDATION_POLICIES,
)
from tests.device_test.soap_server import Answer
from tests.support import free_port

Test = Callable[..., None]
Mutate = Callable[[str, int, bytes], Answer]

MODULES = (
    test_capabilities,
    test_certificates,
    test_client_authentication,
    test_handshakes,
    test_keystore,
    test_off_device,
    test_referential_integrity,
    test_tls_server,
    test_tls_versions,
)
OPTIONAL = {
    CRLS,
    ENABLED_VERSIONS,
    PASSPHRASES,
    PKCS8,
    PKCS12,
    TLS_CLIENT_AUTHENTICATION,
    VALIDATION_POLICIES,
}


def _cases() -> Iterator[tuple[Case, Test]]:
    for module in MODULES:
        for name, function in vars(module).items():
            if name.startswith("test_"):
                (mark,) = (mark for mark in function.pytestmark if mark.name == "device_test_case")
                yield mark.args[0], function


OPTIONAL_CASES = [
    pytest.param(test, id=case.id) for case, test in _cases() if not OPTIONAL.isdisjoint(case.needs)
]


def _run(model: Model, test: Test, directory: Path, operation_delay: float = 10.0) -> None:
    """A case, without pytest."""
    options = Options(
        operation_delay=operation_delay, poll_interval=0.02, https_port=free_port(), message_timeout=30.0
    )
    dut = Dut(model.url, "admin", "secret", options)
    arguments = {"tmp_path": directory} if "tmp_path" in inspect.signature(test).parameters else {}
    with dut.restore:
        test(dut, **arguments)


@pytest.mark.parametrize("test", OPTIONAL_CASES)
def test_a_case_of_an_optional_feature_passes_and_restores(test: Test, tmp_path: Path) -> None:
    with Model() as model:
        _run(model, test, tmp_path)
        model.state.https = State().https  # a port, unused since
        assert model.state == State()


# -- mutants


class Mutant(Model):
    """Answers what a function makes of the right answer."""

    def __init__(self, mutate: Mutate) -> None:
        self._mutate = mutate
        super().__init__()

    def answer(self, request: bytes) -> Answer:
        operation = etree.QName(etree.fromstring(request).find("env:Body/*", NAMES)).localname
        return self._mutate(operation, *super().answer(request))


def _on(operations: str, mutate: Mutate) -> Mutate:
    """The mutation of some operations' answers."""
    names = operations.split()
    return lambda operation, status, content: (
        mutate(operation, status, content) if operation in names else (status, content)
    )


def _status_swapped(operation: str, status: int, content: bytes) -> Answer:
    return {200: 200, 400: 500, 500: 400}[status], content


def _always_well(operation: str, status: int, content: bytes) -> Answer:
    return 200, content if status == 200 else envelope([etree.Element(tag(f"tas:{operation}Response"))])


def _bytes(change: Callable[[bytes], bytes]) -> Mutate:
    return lambda operation, status, content: (status, change(content))


def _element(path: str, change: Callable[[etree._Element], object]) -> Mutate:
    """Change each element at a path."""

    def mutate(operation: str, status: int, content: bytes) -> Answer:
        root = etree.fromstring(content)
        for element in root.findall(f".//{path}", NAMES):
            change(element)
        return status, etree.tostring(root)

    return mutate


def _drop(element: etree._Element) -> None:
    element.getparent().remove(element)


def _text(value: str) -> Callable[[etree._Element], object]:
    return lambda element: setattr(element, "text", value)


def _longer(element: etree._Element) -> None:
    element.text = (element.text or "").rstrip("=") + "AAAA"


ANSWERS: list[tuple[str, Mutate, Test]] = [
    ("400 and 500 swapped", _status_swapped, test_certificates.test_upload_certificate_malformed_negative),
    ("errors as successes", _always_well, test_referential_integrity.test_tls_server_certificate_self_signed),
    ("cut off", _on("GetAllKeys", _bytes(lambda content: content[:-9])), test_keystore.test_get_all_keys),
    (
        "SOAP 1.1",
        _on("GetAllKeys", _bytes(lambda content: content.replace(b"2003/05/soap-envelope", b"2001/06/soap"))),
        test_keystore.test_get_all_keys,
    ),
    (
        "another namespace",
        _on(
            "GetAllKeys", _bytes(lambda content: content.replace(b"advancedsecurity/wsdl", b"security/wsdl"))
        ),
        test_keystore.test_get_all_keys,
    ),
    (
        "an optional element dropped",
        _element("tas:hasPrivateKey", _drop),
        test_keystore.test_check_private_key_status,
    ),
    (
        "a corrupt key",
        _element("tas:KeyStatus", _text("corrupt")),
        test_keystore.test_create_rsa_key_pair_status_through_polling,
    ),
    (
        "octets after the certificate",
        _on("GetCertificate", _element("tas:CertificateContent", _longer)),
        test_certificates.test_get_certificate_self_signed,
    ),
    (
        "a certification path in reverse",
        _on("GetCertificationPath", _element("tas:CertificationPath", lambda path: path.insert(0, path[1]))),
        test_certificates.test_get_certification_path_ca,
    ),
    (
        "other capabilities in GetServices",
        _on("GetServices", _bytes(lambda content: content.replace(b'Keys="16"', b'Keys="15"'))),
        test_capabilities.test_get_services_and_get_service_capabilities_consistency,
    ),
    (
        "capabilities without what others imply",
        _bytes(lambda content: content.replace(b'MaximumNumberOfKeys="16"', b"")),
        test_capabilities.test_security_configuration_service_capabilities,
    ),
    (
        "another key for the same public key",
        _on("UploadCertificate", _element("tas:KeyID", _text("key-0"))),
        test_certificates.test_upload_certificate_keystore_contains_private_key,
    ),
    (
        "no alias",
        _on("GetAllPassphrases", _element("tas:Alias", _drop)),
        test_off_device.test_upload_passphrase,
    ),
]


@pytest.mark.parametrize(("mutate", "test"), [pytest.param(*rest, id=name) for name, *rest in ANSWERS])
def test_a_mutated_answer_is_caught(mutate: Mutate, test: Test, tmp_path: Path) -> None:
    with Mutant(mutate) as model, pytest.raises(Exception) as caught:
        _run(model, test, tmp_path, operation_delay=0.5)
    assert hasattr(caught.value, "step"), "it fails outside of the steps"


def _nothing(*_: object) -> None:
    pass


def _serves_once(model: Model) -> None:
    serve = model._serve

    def once() -> None:
        if model._https is None:
            serve()

    model._serve = once  # type: ignore[method-assign]


def _refuses_expired(model: Model) -> None:
    upload = model.tas_UploadCertificate

    def refuse(request: Any) -> Any:
        answer = upload(request)
        if model.state.certificates[answer["CertificateID"]].parsed.not_valid_after_utc.year < 9999:
            raise Refused("env:Sender", "ter:InvalidArgVal", "ter:BadCertificate")
        return answer

    model.tas_UploadCertificate = refuse  # type: ignore[method-assign]


def _without(name: str) -> Callable[[Model], None]:
    """An operation or a part that does nothing."""
    return lambda model: setattr(model, name, _nothing)


def _lists_nothing(name: str) -> Callable[[Model], None]:
    return lambda model: setattr(model, name, lambda request: {})


DEEDS: list[tuple[str, Callable[[Model], None], Test]] = [
    ("a key is not deleted", _without("tas_DeleteKey"), test_keystore.test_delete_key),
    (
        "a certificate is not deleted",
        _without("tas_DeleteCertificate"),
        test_certificates.test_delete_certificate_ca,
    ),
    ("a CRL is not deleted", _without("tas_DeleteCRL"), test_client_authentication.test_delete_crl),
    (
        "an assignment is not made",
        _without("tas_AddServerCertificateAssignment"),
        test_tls_server.test_get_assigned_server_certificates_self_signed,
    ),
    ("HTTPS stays off", _without("_serve"), test_handshakes.test_basic_tls_handshake),
    (
        "the replaced certificate is still presented",
        _serves_once,
        test_handshakes.test_basic_tls_handshake_after_replace_server_certificate_assignment,
    ),
    (
        "client certificates are not asked for",
        _without("tas_SetClientAuthenticationRequired"),
        test_handshakes.test_tls_client_authentication,
    ),
    (
        "a revoked client is served",
        lambda model: setattr(model.state, "crls", _Forgetful()),
        test_handshakes.test_crl_processing,
    ),
    (
        "a disabled TLS version is served",
        _without("tas_SetEnabledTLSVersions"),
        test_tls_versions.test_disable_tls_version,
    ),
    (
        "an expired certificate is refused",
        _refuses_expired,
        test_certificates.test_upload_certificate_expired,
    ),
    (
        "policies are not listed",
        _lists_nothing("tas_GetAllCertPathValidationPolicies"),
        test_client_authentication.test_create_certification_path_validation_policy,
    ),
]


class _Forgetful(dict[str, Any]):
    """CRLs that nobody looks at."""

    def values(self) -> Any:
        return ()


@pytest.mark.parametrize(("sabotage", "test"), [pytest.param(*rest, id=name) for name, *rest in DEEDS])
def test_a_device_that_does_not_do_what_it_answers_is_caught(
    sabotage: Callable[[Model], None], test: Test, tmp_path: Path
) -> None:
    with Model() as model:
        sabotage(model)
        with pytest.raises(Exception) as caught:
            _run(model, test, tmp_path, operation_delay=0.5)
    assert hasattr(caught.value, "step"), "it fails outside of the steps"
