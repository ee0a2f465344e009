"""Real ONVIF clients that this project did not write, behind one way to call an operation.

    client.call("keystore", "CreateRSAKeyPair", KeyLength=2048)

goes to onvif-python's `client.keystore().CreateRSAKeyPair(...)`, or to zeep with the official WSDL. Both
return zeep's objects, a response with a single element unwrapped. Every response is validated against the
official schemas; `client.received` keeps the last one as it came, because the clients lose parts of it: what
an event is about (zeep, onvif-python), or which key was generated elsewhere (zeep takes it for xs:any).
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import requests
import zeep
from lxml import etree
from onvif import CacheMode, ONVIFClient, ZeepPatcher
from requests.auth import HTTPDigestAuth
from zeep.transports import Transport
from zeep.wsse.username import UsernameToken

from tests.official import assert_valid_response, directory

TIMEOUT = 120
"""Seconds for an answer, also of an emulated device on a busy machine."""
WSDL = {
    "tds": "ver10/device/wsdl/devicemgmt.wsdl",
    "tas": "ver10/advancedsecurity/wsdl/advancedsecurity.wsdl",
    "tev": "ver10/events/wsdl/event.wsdl",
}
NAMESPACES = {
    "tds": "http://www.onvif.org/ver10/device/wsdl",
    "tas": "http://www.onvif.org/ver10/advancedsecurity/wsdl",
    "tev": "http://www.onvif.org/ver10/events/wsdl",
}
BINDINGS = {
    "devicemgmt": ("tds", "DeviceBinding"),
    "security": ("tas", "AdvancedSecurityServiceBinding"),
    "keystore": ("tas", "KeystoreBinding"),
    "tlsserver": ("tas", "TLSServerBinding"),
    "events": ("tev", "EventBinding"),
    "pullpoint": ("tev", "PullPointSubscriptionBinding"),
    "subscription": ("tev", "SubscriptionManagerBinding"),
}
"""The services by the names that onvif-python gives them."""


class Device(Protocol):
    """What they need of a device, at 127.0.0.1."""

    @property
    def url(self) -> str: ...
    @property
    def https_url(self) -> str: ...
    @property
    def http_port(self) -> int: ...
    @property
    def https_port(self) -> int: ...
    @property
    def user(self) -> str: ...
    @property
    def password(self) -> str: ...


class Recorder(zeep.Plugin):
    """Sees each response before the client reads it."""

    def __init__(self) -> None:
        self.last = b""

    def ingress(self, envelope: Any, http_headers: Any, operation: Any) -> tuple[Any, Any]:
        self.last = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
        assert_valid_response(self.last)
        return envelope, http_headers


class OnvifPython:
    """onvif-python, with UsernameToken (its default) or HTTP Digest."""

    def __init__(
        self,
        device: Device,
        *,
        http_digest: bool = False,
        use_https: bool = False,
        ca: Path | None = None,
    ) -> None:
        """`ca`: a PEM file with the authorities to verify an HTTPS server by; without it any is accepted."""
        self._ca = ca
        self._recorder = Recorder()
        with self._environment():
            self._client = ONVIFClient(
                "127.0.0.1",
                device.https_port if use_https else device.http_port,
                device.user,
                device.password,
                http_digest=http_digest,
                use_https=use_https,
                verify_ssl=ca is not None,
                cache=CacheMode.NONE,
                timeout=TIMEOUT,
                plugins=[self._recorder],
            )

    @property
    def received(self) -> bytes:
        return self._recorder.last

    def call(self, service: str, operation: str, **arguments: Any) -> Any:
        with self._environment():
            return getattr(getattr(self._client, service)(), operation)(**arguments)

    def at(self, subscription: Any, service: str, operation: str, **arguments: Any) -> Any:
        """Call an operation of a service at the address that CreatePullPointSubscription gave."""
        with self._environment():
            return getattr(getattr(self._client, service)(subscription), operation)(**arguments)

    @contextlib.contextmanager
    def _environment(self) -> Iterator[None]:
        """It takes the authorities to trust from the environment, and from nowhere else."""
        if self._ca is None:
            yield
            return
        os.environ["REQUESTS_CA_BUNDLE"] = str(self._ca)
        try:
            yield
        finally:
            del os.environ["REQUESTS_CA_BUNDLE"]


class Offline(Transport):
    """No document comes from the network: the official WSDL names its imports by relative paths."""

    def _load_remote_data(self, url: str) -> bytes:
        raise AssertionError(f"{url} is not part of the package")


class Zeep:
    """zeep as it is, strict, on the official WSDL."""

    def __init__(
        self,
        device: Device,
        *,
        http_digest: bool = False,
        use_https: bool = False,
        ca: Path | None = None,
    ) -> None:
        """`ca`: a PEM file with the authorities to verify an HTTPS server by; without it any is accepted."""
        # onvif-python patches zeep for the whole process.
        ZeepPatcher.remove_patch()
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = str(ca) if ca else False
        if http_digest:
            self._session.auth = HTTPDigestAuth(device.user, device.password)
        self._token = None if http_digest else UsernameToken(device.user, device.password, use_digest=True)
        self._recorder = Recorder()
        self._loaded: dict[str, zeep.Client] = {}
        self._addresses = {NAMESPACES["tds"]: device.https_url if use_https else device.url}
        for service in self.call("devicemgmt", "GetServices", IncludeCapability=False):
            self._addresses[service.Namespace] = service.XAddr

    @property
    def received(self) -> bytes:
        return self._recorder.last

    def call(self, service: str, operation: str, **arguments: Any) -> Any:
        address = self._addresses[NAMESPACES[BINDINGS[service][0]]]
        return self._proxy(service, address)[operation](**arguments)

    def at(self, subscription: Any, service: str, operation: str, **arguments: Any) -> Any:
        address = subscription.SubscriptionReference.Address._value_1
        return self._proxy(service, address)[operation](**arguments)

    def _proxy(self, service: str, address: str) -> Any:
        prefix, binding = BINDINGS[service]
        if prefix not in self._loaded:
            self._loaded[prefix] = zeep.Client(
                str(directory() / WSDL[prefix]),
                wsse=self._token,
                transport=Offline(session=self._session, operation_timeout=TIMEOUT),
                settings=zeep.Settings(strict=True, xml_huge_tree=True),
                plugins=[self._recorder],
            )
        return self._loaded[prefix].create_service(f"{{{NAMESPACES[prefix]}}}{binding}", address)


Client = OnvifPython | Zeep

CLIENTS: dict[str, Callable[..., Client]] = {
    "onvif-python with UsernameToken": OnvifPython,
    "onvif-python with HTTP Digest": functools.partial(OnvifPython, http_digest=True),
    "zeep, strict": Zeep,
}
"""The clients that the main job is proven with: each makes one of a device (and use_https, ca)."""
