"""The whole device on each web server."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from keystore import AlgorithmIdentifier
from onvifd import assembly
from onvifd.config import WebServerConfig
from onvifd.state import Protocol
from tests import pki
from tests.application import assembled
from tests.bench_device import BenchDevice
from tests.keystore.stores import CAMERA, SHA256_ECDSA, SHA256_RSA, Store
from tests.soap_client import CONTENT_TYPE, Soap, envelope, security, xml
from tests.support import free_port
from tests.webserver.support import chain, post, refuses

HOST = "127.0.0.1"


@pytest.fixture
def running(tmp_path: Path, server: str) -> Iterator[assembly.Running]:
    chosen = WebServerConfig(server=server, listen=(HOST,))  # type: ignore[arg-type]
    with assembled(tmp_path / "device", webserver=chosen) as running:
        yield running


def path_of(running: assembly.Running, key: pki.PrivateKey, algorithm: AlgorithmIdentifier) -> str:
    """A certification path with a self-signed certificate of a key in the store."""
    keystore = running.device.keystore
    key_id = Store(keystore, running.store.database, running.store.sealer).put_key(key)
    certificate_id = keystore.create_self_signed_certificate(key_id, CAMERA, algorithm)
    return keystore.create_certification_path([certificate_id])


def served_certificate(running: assembly.Running, path_id: str) -> tuple[bytes, ...]:
    keystore = running.device.keystore
    ids = keystore.get_certification_path(path_id).certificate_ids
    return tuple(keystore.get_certificate(each).der for each in ids)


def enable_https(running: assembly.Running) -> int:
    port = free_port()
    with running.device.webserver.change():
        running.store.protocols.set([Protocol("HTTPS", True, (port,))], certificate_assigned=True)
    return port


def test_paths_of_rsa_and_ec_keys_in_the_store_are_both_served(running: assembly.Running) -> None:
    """By the client's algorithms, with TLS 1.2 and 1.3, in whichever order they are assigned."""
    rsa_path = path_of(running, pki.rsa_key(0), SHA256_RSA)
    ec_path = path_of(running, pki.ec_key(0), SHA256_ECDSA)
    for path_id in (ec_path, rsa_path):
        with running.device.webserver.change():
            running.device.keystore.assign_server_certificate(path_id)
    port = enable_https(running)
    for version in ("1_2", "1_3"):
        assert chain(HOST, port, "RSA", version) == served_certificate(running, rsa_path)
        assert chain(HOST, port, "EC", version) == served_certificate(running, ec_path)


@pytest.mark.parametrize("https", [True, False])
def test_a_damaged_key_does_not_keep_the_device_from_coming_up(
    running: assembly.Running, https: bool
) -> None:
    """It comes up over HTTP, where a client can replace the certificate."""
    device = running.device
    path_id = path_of(running, pki.rsa_key(0), SHA256_RSA)
    with device.webserver.change():
        device.keystore.assign_server_certificate(path_id)
    port = enable_https(running) if https else 0
    running.close()
    with assembly.open_store(device.config) as store, store.database.transaction() as connection:
        connection.execute("UPDATE key_pair SET private_key = x'00'")
    again = assembly.start(device.config)
    try:
        (http_port,) = device.config.protocols.http.ports
        assert post(HOST, http_port)["status"] == 503, "nobody is behind the web server here"
        assert not https or refuses(HOST, port)
        other = path_of(again, pki.rsa_key(1), SHA256_RSA)
        with again.device.webserver.change():
            again.device.keystore.replace_server_certificate(path_id, other)
        if https:
            assert chain(HOST, port) == served_certificate(again, other)
    finally:
        again.close()


def test_the_bench_runs_on_either_and_leaves_nothing_behind(server: str) -> None:
    with BenchDevice(options=(f"--server={server}",)) as bench:
        soap = Soap(bench)
        soap.call("tas:GetAllKeys").ok()
        assert any(server in command for command in bench.processes().values())
        moved = free_port()
        soap.call(
            "tds:SetNetworkProtocols",
            {"NetworkProtocols": {"tt:Name": "HTTP", "tt:Enabled": True, "tt:Port": moved}},
        ).ok()
        assert bench.listening_on(bench.http_port) == []
        assert len(bench.listening_on(moved)) == 2


def test_what_waits_when_it_stops_is_answered(server: str) -> None:
    """A PullMessages that has nothing to tell yet."""
    with BenchDevice(options=(f"--server={server}",)) as bench:
        soap = Soap(bench)
        subscription = soap.call("tev:CreatePullPointSubscription").text(
            "tev:SubscriptionReference/wsa:Address"
        )
        pull = xml({"Timeout": "PT50S", "MessageLimit": 1}, "tev")
        request = envelope(
            f"<tev:PullMessages>{pull}</tev:PullMessages>", security(bench.user, bench.password)
        )
        with contextlib.closing(http.client.HTTPConnection(HOST, bench.http_port)) as connection:
            connection.request("POST", urlsplit(subscription).path, request, {"Content-Type": CONTENT_TYPE})
            soap.call("tds:GetSystemDateAndTime").ok()  # the other one has reached the service by then
            bench.stop()
            answer = connection.getresponse()
            assert answer.status == 500
            assert b"The device is shutting down" in answer.read()
