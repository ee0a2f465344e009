"""Security Configuration Device Test Specification, 5.7 Certificate-based Client Authentication."""

from __future__ import annotations

from tests.device_test.cases import case, step
from tests.device_test.client import Dut
from tests.device_test.prerequisites import SECURITY_SERVICE
from tests.device_test.security import credentials
from tests.device_test.security.helpers import (
    Policy,
    StoredCrl,
    all_crls,
    all_policies,
    ca_certificate,
    create_policy,
    create_policy_for,
    delete_crl,
    delete_policy,
    delete_prepared,
    prepare_certificate,
    upload_crl,
)
from tests.device_test.security.prerequisites import CRLS, VALIDATION_POLICIES

ALIAS = "ONVIF_CRL_Test"


def _assert_crl(stored: StoredCrl, crl_id: str, crl: bytes) -> None:
    with step("If crl.CRLID is not equal to crlID, FAIL the test"):
        assert stored.id == crl_id
    with step(f'If crl.Alias is not equal to "{ALIAS}", FAIL the test'):
        assert stored.alias == ALIAS
    with step("If crl.CRLContent is not equal to crl, FAIL the test"):
        assert stored.content == crl


@case("ADVANCED_SECURITY-8-1-1", "5.7.1", needs=(SECURITY_SERVICE, CRLS))
def test_upload_crl(dut: Dut) -> None:
    crl = credentials.crl(ca_certificate(dut))
    crl_id = upload_crl(dut, crl, ALIAS)
    crls = all_crls(dut)
    with step("If crlList does not contain crlID, FAIL the test"):
        assert crl_id in crls
    _assert_crl(crls[crl_id], crl_id, crl)
    delete_crl(dut, crl_id)


@case("ADVANCED_SECURITY-8-1-2", "5.7.2", needs=(SECURITY_SERVICE, CRLS))
def test_delete_crl(dut: Dut) -> None:
    crl_id = upload_crl(dut, credentials.crl(ca_certificate(dut)), ALIAS)
    delete_crl(dut, crl_id)
    crls = all_crls(dut)
    with step("If crlList contains crlID, FAIL the test"):
        assert crl_id not in crls


@case("ADVANCED_SECURITY-8-1-3", "5.7.3", needs=(SECURITY_SERVICE, CRLS))
def test_get_crl(dut: Dut) -> None:
    crl = credentials.crl(ca_certificate(dut))
    crl_id = upload_crl(dut, crl, ALIAS)
    with step("ONVIF Client invokes GetCRL with parameters CrlID =: crlID"):
        stored = StoredCrl.of(dut.call("tas:GetCRL", {"CrlID": crl_id}).find("tas:Crl"))
    _assert_crl(stored, crl_id, crl)
    delete_crl(dut, crl_id)


def _assert_policy(policy: Policy, policy_id: str, alias: str, certificate_id: str) -> None:
    with step("If CertPathValidationPolicyID is not equal to certPathValidationPolicyID, FAIL the test"):
        assert policy.id == policy_id
    with step(f'If Alias is not equal to "{alias}", FAIL the test'):
        assert policy.alias == alias
    with step("If Parameters.RequireTLSWWWClientAuthExtendedKeyUsage is equal to true, FAIL the test"):
        assert not policy.requires_extended_key_usage
    with step("If Parameters.UseDeltaCRLs is not equal to true, FAIL the test"):
        assert policy.uses_delta_crls
    with step(
        "If TrustAnchor does not contain one and only one element with CertificateID equal to certID, FAIL"
    ):
        assert policy.trust_anchors == (certificate_id,)


@case("ADVANCED_SECURITY-8-1-4", "5.7.4", needs=(SECURITY_SERVICE, VALIDATION_POLICIES))
def test_create_certification_path_validation_policy(dut: Dut) -> None:
    alias = "ONVIF_CertPathValidationPolicy_Test"
    prepared = prepare_certificate(dut)
    policy_id = create_policy_for(dut, prepared.certificate_id, alias)
    policies = all_policies(dut)
    with step("If certPathValidationPolicyList does not contain certPathValidationPolicyID, FAIL the test"):
        assert policy_id in policies
    _assert_policy(policies[policy_id], policy_id, alias, prepared.certificate_id)
    delete_policy(dut, policy_id)
    delete_prepared(dut, prepared)


@case("ADVANCED_SECURITY-8-1-5", "5.7.5", needs=(SECURITY_SERVICE, VALIDATION_POLICIES))
def test_get_certification_path_validation_policy(dut: Dut) -> None:
    alias = "Test CertPathValidationPolicy Alias"
    policy_id, prepared = create_policy(dut, alias)
    with step("ONVIF Client invokes GetCertPathValidationPolicy with certPathValidationPolicyID"):
        response = dut.call("tas:GetCertPathValidationPolicy", {"CertPathValidationPolicyID": policy_id})
        policy = Policy.of(response.find("tas:CertPathValidationPolicy"))
    _assert_policy(policy, policy_id, alias, prepared.certificate_id)
    delete_policy(dut, policy_id)
    delete_prepared(dut, prepared)


@case("ADVANCED_SECURITY-8-1-6", "5.7.6", needs=(SECURITY_SERVICE, VALIDATION_POLICIES))
def test_delete_certification_path_validation_policy(dut: Dut) -> None:
    policy_id, prepared = create_policy(dut, "Test CertPathValidationPolicy Alias")
    delete_policy(dut, policy_id)
    policies = all_policies(dut)
    with step("If certPathValidationPolicyList contains certPathValidationPolicyID, FAIL the test"):
        assert policy_id not in policies
    delete_prepared(dut, prepared)
