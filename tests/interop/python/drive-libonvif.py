"""libonvif: its bootstrap of a camera, and its pull points."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from libonvif.datastructures.event import parse_pull_messages_response
from libonvif.devices import camera as libonvif
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
    """Two topics in one filter, one of which the device does not have; pulls of two seconds until a key is ready.

    It knows no security service: the key is asked for with what all its own operations are made of.
    """
    camera = connect(url, user, password)
    manager = SubscriptionManager("127.0.0.1")
    manager.subscribe_pull_events(camera, ["Advancedsecurity/Keystore/KeyStatus", "Device/Trigger"])
    (reference,) = camera.subscription_references
    empty = parse_pull_messages_response(libonvif.pull_messages(camera, reference.xaddr))
    body = f'<CreateRSAKeyPair xmlns="{SECURITY}"><KeyLength>2048</KeyLength></CreateRSAKeyPair>'
    onvif_post(url, body, user, password, camera.time_offset)
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


main(explore=explore, pull=pull)
