"""Every case leaves the device's keystore and TLS server as it met them: a fixture for the series that alter them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import pytest

from tests.device_test.cases import Prerequisite, step
from tests.device_test.client import Dut
from tests.device_test.plugin import FAILED
from tests.device_test.security import helpers, https
from tests.device_test.security.prerequisites import (
    CRLS,
    NETWORK_PROTOCOLS,
    PASSPHRASES,
    TLS_CLIENT_AUTHENTICATION,
    TLS_SERVER,
    VALIDATION_POLICIES,
)


class Kind(NamedTuple):
    """A kind of objects that a device keeps: how to list their IDs, how to remove one."""

    name: str
    needs: tuple[Prerequisite, ...]
    ids: Callable[[Dut], Iterable[str]]
    remove: Callable[[Dut, str], None]


KINDS = (
    Kind("server certificate assignments", (TLS_SERVER,), https.assigned_paths, https.remove_assignment),
    Kind(
        "certification path validation policy assignments",
        (TLS_CLIENT_AUTHENTICATION,),
        https.assigned_policies,
        https.remove_policy_assignment,
    ),
    Kind(
        "certification path validation policies",
        (VALIDATION_POLICIES,),
        helpers.all_policies,
        helpers.delete_policy,
    ),
    Kind("CRLs", (CRLS,), helpers.all_crls, helpers.delete_crl),
    Kind("certification paths", (TLS_SERVER,), helpers.all_certification_paths, helpers.delete_path),
    Kind("certificates", (), helpers.all_certificates, helpers.delete_certificate),
    Kind("keys", (), helpers.all_keys, helpers.delete_rsa_key_pair),
    Kind("passphrases", (PASSPHRASES,), helpers.all_passphrases, helpers.delete_passphrase),
)
"""In the order in which they can be removed: nothing may refer to them."""


@pytest.fixture(autouse=True)
def left_as_it_was(request: pytest.FixtureRequest) -> None:
    """Remove what a failed case leaves behind; one that passes has to leave nothing behind."""
    dut: Dut = request.getfixturevalue("dut")
    if "tas" in dut.capabilities:
        dut.restore.callback(_clean_up, request.node, dut, _https(dut), _state(dut))


def _clean_up(
    item: pytest.Item, dut: Dut, protocol: https.Protocol | None, before: dict[str, list[str]]
) -> None:
    changed = _https(dut) != protocol
    if changed and protocol is not None:
        https.set_network_protocols(dut, protocol)
    left = {}
    for kind in _kinds(dut):
        found = [each for each in kind.ids(dut) if each not in before[kind.name]]
        for each in found:
            kind.remove(dut, each)
        if found:
            left[kind.name] = found
    missing = set(before.get(KINDS[0].name, [])) - set(_state(dut).get(KINDS[0].name, []))
    for path_id in missing:
        https.add_assignment(dut, path_id)
    if not item.stash.get(FAILED, False):
        with step("The case restores the DUT configuration"):
            assert not changed, "it leaves HTTPS changed"
            assert not left, f"it leaves behind {left}"
            assert not missing, f"it leaves unassigned {missing}"


def _kinds(dut: Dut) -> list[Kind]:
    return [kind for kind in KINDS if all(need.met(dut.capabilities) for need in kind.needs)]


def _state(dut: Dut) -> dict[str, list[str]]:
    return {kind.name: list(kind.ids(dut)) for kind in _kinds(dut)}


def _https(dut: Dut) -> https.Protocol | None:
    if NETWORK_PROTOCOLS.met(dut.capabilities) and TLS_SERVER.met(dut.capabilities):
        return https.network_protocols(dut)["HTTPS"]
    return None
