"""onvif-zeep-async: as Home Assistant uses it, and the security service by the WSDL of version 1.0.2 that it brings."""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from onvif import ONVIFCamera
from onvif.client import ONVIFService
from program import SECURITY, SHA256_WITH_RSA, deadline, main
from zeep.exceptions import Fault


async def connect(url: str, user: str, password: str) -> ONVIFCamera:
    where = urlsplit(url)
    camera = ONVIFCamera(
        f"{where.scheme}://{where.hostname}", where.port, user, password, no_cache=True, adjust_time=True
    )
    await camera.update_xaddrs()
    return camera


async def security(camera: ONVIFCamera, binding: str) -> ONVIFService:
    service = ONVIFService(
        camera.xaddrs[SECURITY],
        camera.user,
        camera.passwd,
        str(Path(camera.wsdl_dir) / "advancedsecurity.wsdl"),
        no_cache=True,
        dt_diff=camera.dt_diff,
        binding_name=f"{{{SECURITY}}}{binding}",
    )
    await service.setup()
    camera.services[binding, None] = service  # closed with the camera
    return service


async def request(url: str, user: str, password: str) -> dict[str, Any]:
    camera = await connect(url, user, password)
    keystore = await security(camera, "KeystoreBinding")
    key = (await keystore.CreateRSAKeyPair({"KeyLength": 2048, "Alias": "onvif-zeep-async"})).KeyID
    pause = deadline()
    while await keystore.GetKeyStatus({"KeyID": key}) != "ok":
        pause()
    subject = {"CommonName": ["camera.test"], "Organization": ["Müller & Söhne"]}
    csr = await keystore.CreatePKCS10CSR(
        {"Subject": subject, "KeyID": key, "SignatureAlgorithm": SHA256_WITH_RSA}
    )
    await camera.close()
    return {"key": key, "csr": csr}


async def install(url: str, user: str, password: str, port: str, *files: str) -> dict[str, Any]:
    camera = await connect(url, user, password)
    keystore = await security(camera, "KeystoreBinding")
    server = await security(camera, "TLSServerBinding")
    device = await camera.create_devicemgmt_service()
    uploaded = [
        await keystore.UploadCertificate(
            {"Certificate": Path(file).read_bytes(), "Alias": file, "PrivateKeyRequired": file == files[0]}
        )
        for file in files
    ]
    ids = {"CertificateID": [each.CertificateID for each in uploaded]}
    path = await keystore.CreateCertificationPath({"CertificateIDs": ids, "Alias": "onvif-zeep-async"})
    await server.AddServerCertificateAssignment({"CertificationPathID": path})
    protocol = {"Name": "HTTPS", "Enabled": True, "Port": [int(port)]}
    await device.SetNetworkProtocols({"NetworkProtocols": [protocol]})
    assigned = await server.GetAssignedServerCertificates()
    await camera.close()
    return {"key": uploaded[0].KeyID, "path": path, "assigned": assigned}


async def status(url: str, user: str, password: str) -> dict[str, Any]:
    """It verifies no server."""
    camera = await connect(url, user, password)
    device = await camera.create_devicemgmt_service()
    protocols = await device.GetNetworkProtocols()
    keys = await (await security(camera, "KeystoreBinding")).GetAllKeys()
    capabilities = await camera.get_capabilities()
    await camera.close()
    return {
        "addresses": list(camera.xaddrs.values()),
        "protocols": {each.Name: [each.Enabled, each.Port] for each in protocols},
        "keys": [key.KeyID for key in keys],
        "capabilities": [name for name, value in capabilities.items() if value],
    }


async def fault(url: str, user: str, password: str) -> dict[str, Any]:
    camera = await connect(url, user, password)
    keystore = await security(camera, "KeystoreBinding")
    try:
        await keystore.GetKeyStatus({"KeyID": "none"})
    except Fault as error:
        return {"codes": [error.code, *map(str, error.subcodes)], "reason": error.message}
    finally:
        await camera.close()
    raise AssertionError("no fault")


async def listen(url: str, user: str, password: str, seconds: str) -> dict[str, Any]:
    """Its event manager with a subscription of so many seconds: what it hears of a key, and one renewal."""
    camera = await connect(url, user, password)
    keystore = await security(camera, "KeystoreBinding")
    lost: list[None] = []
    manager = await camera.create_pullpoint_manager(
        dt.timedelta(seconds=int(seconds)), lambda: lost.append(None)
    )
    await manager.set_synchronization_point()
    key = (await keystore.CreateRSAKeyPair({"KeyLength": 2048})).KeyID
    heard: list[list[str]] = []
    async with asyncio.timeout(60):
        while not heard or heard[-1] != [key, "ok"]:
            pulled = await manager.get_service().PullMessages(
                {"MessageLimit": 100, "Timeout": dt.timedelta(seconds=60)}
            )
            for message in pulled.NotificationMessage:
                topic = message.Topic._value_1
                heard.append(described(message))
    await manager._call_subscription_renew()
    absolute = camera._has_broken_relative_timestamps
    address = manager.get_service().xaddr
    await manager.shutdown()
    await camera.close()
    return {
        "key": key,
        "heard": heard,
        "topic": topic,
        "lost": len(lost),
        "absolute times": absolute,
        "address": address,
    }


async def receive(url: str, user: str, password: str) -> dict[str, Any]:
    """Its notification manager, with a web server of this host as the consumer, until a key is ready."""
    camera = await connect(url, user, password)
    keystore = await security(camera, "KeystoreBinding")
    received: asyncio.Queue[bytes] = asyncio.Queue()

    async def consume(request: web.Request) -> web.Response:
        await received.put(await request.read())
        return web.Response()

    application = web.Application()
    application.router.add_post("/notify", consume)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    manager = await camera.create_notification_manager(
        f"http://127.0.0.1:{port}/notify", dt.timedelta(minutes=10), lambda: None
    )
    await manager.set_synchronization_point()
    key = (await keystore.CreateRSAKeyPair({"KeyLength": 2048})).KeyID
    heard: list[list[str]] = []
    async with asyncio.timeout(60):
        while not heard or heard[-1] != [key, "ok"]:
            for message in manager.process(await received.get()).NotificationMessage:
                heard.append(described(message))
    address = camera.xaddrs["http://www.onvif.org/ver10/events/wsdl/NotificationConsumer"]
    await manager._call_subscription_renew()
    await manager.shutdown()
    await camera.close()
    await runner.cleanup()
    return {"key": key, "heard": heard, "address": address}


def described(message: Any) -> list[str]:
    """The key and the status that an event is about."""
    content = message.Message._value_1
    source = {item.Name: item.Value for item in content.Source.SimpleItem}
    data = {item.Name: item.Value for item in content.Data.SimpleItem}
    return [source["KeyID"], data["NewStatus"]]


main(request=request, install=install, status=status, fault=fault, listen=listen, receive=receive)
