"""The topics of a device, and what makes it send events of them."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from tests.device_test.cases import step
from tests.device_test.client import NAMES, TOPIC_PREFIXES, Dut, Response, tag

CONCRETE = "http://docs.oasis-open.org/wsn/t-1/TopicExpression/Concrete"
CONCRETE_SET = "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"
ITEM_FILTER = "http://www.onvif.org/ver10/tev/messageContentFilter/ItemFilter"


@dataclass(frozen=True)
class Topic:
    """Topics are the same if their root's namespace and their steps are: a child's prefix says nothing more."""

    namespace: str
    """Of its root."""
    steps: tuple[str, ...]
    """The local names from the root."""

    @property
    def path(self) -> str:
        return "/".join(self.steps)

    @property
    def root(self) -> Topic:
        return Topic(self.namespace, self.steps[:1])


KEY_STATUS = Topic(NAMES["tns1"], ("Advancedsecurity", "Keystore", "KeyStatus"))


def described_topics(properties: Response) -> dict[Topic, bool]:
    """The topics of a GetEventPropertiesResponse, and whether they are properties."""
    found = {}
    for root in properties.find("wstop:TopicSet"):
        name = etree.QName(root)
        for steps, element in _described(root, (name.localname,)):
            description = element.find("tt:MessageDescription", NAMES)
            is_property = description is not None and description.get("IsProperty") in ("true", "1")
            found[Topic(name.namespace or "", steps)] = is_property
    return found


def _described(
    element: etree._Element, steps: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], etree._Element]]:
    if element.get(tag("wstop:topic")) in ("true", "1"):
        yield steps, element
    for child in element:
        if child.tag != tag("tt:MessageDescription"):
            yield from _described(child, (*steps, etree.QName(child).localname))


def chosen_topics(dut: Dut, properties: Response) -> list[Topic]:
    """ "The Event topics provided on Management Tab": as the options say; else properties come first, and what can
    be triggered."""
    described = described_topics(properties)
    with step("ONVIF Client sets topic := the Event topic provided on Management Tab"):
        assert described, "the TopicSet is empty"
        if not dut.options.topics:
            return sorted(described, key=lambda topic: (not described[topic], topic != KEY_STATUS))
        by_path = {topic.path: topic for topic in described}
        paths = ["/".join(_local(name) for name in path.split("/")) for path in dut.options.topics.split("|")]
        unknown = [path for path in paths if path not in by_path]
        assert not unknown, f"--topics: GetEventProperties has no {unknown}"
        return [by_path[path] for path in paths]


def topic_of(notification: etree._Element) -> Topic:
    """The topic of a NotificationMessage."""
    element = notification.find("wsnt:Topic", NAMES)
    assert element is not None, "a NotificationMessage has no Topic"
    prefix, _, _ = (element.text or "").strip().partition("/")[0].rpartition(":")
    assert not prefix or prefix in element.nsmap, f"the prefix {prefix} of {element.text} is not declared"
    namespace = element.nsmap.get(prefix, "") if prefix else ""
    return Topic(namespace, tuple(_local(name) for name in (element.text or "").strip().split("/")))


def topic_filter(*paths: tuple[Topic, str]) -> etree._Element:
    """A TopicExpression of the ConcreteSet dialect: each topic and what follows it, `//.` or nothing."""
    prefixes = {uri: f"{prefix}:" for prefix, uri in NAMES.items()} | {"": ""}
    declared = {}
    for (topic, _), prefix in zip(paths, TOPIC_PREFIXES, strict=False):
        if topic.namespace not in prefixes:
            prefixes[topic.namespace] = f"{prefix}:"
            declared[prefix] = topic.namespace
    element = etree.Element(tag("wsnt:TopicExpression"), {"Dialect": CONCRETE_SET}, nsmap=NAMES | declared)
    element.text = "|".join(prefixes[topic.namespace] + topic.path + suffix for topic, suffix in paths)
    return element


def trigger(dut: Dut, topic: Topic, described: dict[Topic, bool]) -> None:
    """ "If the DUT does not support property events, the test operator has to trigger an event manually." """
    if described[topic]:
        return  # the state of a property is sent to each new subscription
    with step(
        "If the DUT does not support property events, the test operator has to trigger an event manually"
    ):
        if topic == KEY_STATUS:
            lengths = dut.capabilities.words("tas:KeystoreCapabilities/@RSAKeyLengths")
            response = dut.call("tas:CreateRSAKeyPair", {"KeyLength": min(map(int, lengths))})
            dut.restore.callback(dut.call, "tas:DeleteKey", {"KeyID": response.text("tas:KeyID")})
        else:
            assert dut.options.trigger, f"no event of {topic.path} can be made: use --trigger, or --topics"
            subprocess.run([*shlex.split(dut.options.trigger), topic.path], check=True, timeout=60)


def _local(name: str) -> str:
    return name.strip().rpartition(":")[2]
