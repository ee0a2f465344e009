"""libonvif: its bootstrap of a camera, and its pull points."""

from __future__ import annotations

import queue
from dataclasses import asdict
from typing import Any

from libonvif.datastructures.event import parse_pull_messages_response
from libonvif.devices import camera as libonvif
from libonvif.utils.server import EventServer
from libonvif.utils.soap import onvif_post
from libonvif.utils.subscriber import SubscriptionManager
from program import SECURITY, deadline, main


def connect(url: str, user: str, password: str) -> libonvif.Camera:
    def give_credentials(camera: libonvif.Camera) -> None:
        camera.username, camera.password = user, password

    return libonvif.get_camera(url, "camera", give_credentials, on_error=lambda *_: None)


def explore(url: str, user: str, password: str) -> dict[str, Any]:
    camera = connect(url, user, password)
    return {
        "errors": camera.errors,
        "information": asdict(camera.device_information),
        "hostname": camera.hostname.name,
        "interfaces": len(camera.network_interfaces),
        "topics": camera.event_properties.topic_set,
        "time offset": camera.time_offset,
        "events": camera.capabilities.events.xaddr,
    }


def pull(url: str, user: str, password: str) -> dict[str, Any]:
    """Two topics in one filter, one of which the device does not have; pulls of two seconds until a key is ready."""
    camera = connect(url, user, password)
    manager = SubscriptionManager("127.0.0.1")
    manager.subscribe_pull_events(camera, ["Advancedsecurity/Keystore/KeyStatus", "Device/Trigger"])
    (reference,) = camera.subscription_references
    empty = parse_pull_messages_response(libonvif.pull_messages(camera, reference.xaddr))
    create_key(url, user, password, camera)
    heard: list[dict[str, Any]] = []
    pause = deadline()
    while len(heard) < 2:
        pause()
        pulled = parse_pull_messages_response(libonvif.pull_messages(camera, reference.xaddr))
        heard += [asdict(each) for each in pulled.notifications]
    manager.unsubscribe_events(camera)
    return {
        "address": reference.xaddr,
        "empty": asdict(empty),
        "heard": heard,
        "left": len(camera.subscription_references),
    }


def receive(url: str, user: str, password: str, port: str) -> dict[str, Any]:
    """Its server of notifications on a port of this host, for the same two topics, until a key is ready."""
    camera = connect(url, user, password)
    heard: queue.Queue[dict[str, Any]] = queue.Queue()
    server = EventServer("127.0.0.1", int(port), lambda alarms: [heard.put(alarm) for alarm in alarms])
    server.start()
    manager = SubscriptionManager("127.0.0.1")
    topics = ["Advancedsecurity/Keystore/KeyStatus", "Device/Trigger"]
    manager.subscribe_push_events(camera, "127.0.0.1", int(port), topics)
    (reference,) = camera.subscription_references
    create_key(url, user, password, camera)
    alarms = [heard.get(timeout=60), heard.get(timeout=60)]
    manager.unsubscribe_events(camera)
    server.stop()
    return {"address": reference.xaddr, "heard": alarms, "left": len(camera.subscription_references)}


def create_key(url: str, user: str, password: str, camera: libonvif.Camera) -> None:
    """It knows no security service: this is made of what all its own operations are made of."""
    body = f'<CreateRSAKeyPair xmlns="{SECURITY}"><KeyLength>2048</KeyLength></CreateRSAKeyPair>'
    onvif_post(url, body, user, password, camera.time_offset)


main(explore=explore, pull=pull, receive=receive)
