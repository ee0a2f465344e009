"""A device of the test's own, with two properties, one of them of a vendor's topic namespace, with a buffer of past
events, and with defects to order."""

from __future__ import annotations

import contextlib
import re
import threading
import time
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lxml import etree

from tests.device_test.client import NAMES

VENDOR = "urn:vendor:topics"
TOPICS = {"tns1:Monitoring/ProcessorUsage": "cpu", "v:Building/Door": "door-1"}
"""Their only Source item is a Token."""
BEGIN = "tns1:EventBuffer/Begin"
STORED = [
    (BEGIN, "2029-01-01T00:00:00Z"),
    *(("v:Building/Door", f"2029-01-0{day}T00:00:00Z") for day in range(2, 6)),
]
"""Topic and time of the events in its buffer."""
DEFECTS = (
    *("topics", "or", "subtree", "content", "synchronization", "operation", "source", "time"),
    *("begin", "order", "direction", "past", "seek filter"),
)
"""What it may get wrong: filters of each kind, what SetSynchronizationPoint repeats, how notifications look; Seek."""

_XMLNS = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in {**NAMES, "v": VENDOR}.items())
_DIALECTS = (
    "http://docs.oasis-open.org/wsn/t-1/TopicExpression/Concrete",
    "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet",
)
_ITEM_FILTER = "http://www.onvif.org/ver10/tev/messageContentFilter/ItemFilter"
_CAPABILITIES = '<tev:Capabilities PersistentNotificationStorage="true"/>'
_CLOCK = (
    "<tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType><tt:DaylightSavings>false</tt:DaylightSavings>"
    "<tt:UTCDateTime><tt:Time><tt:Hour>0</tt:Hour><tt:Minute>0</tt:Minute><tt:Second>0</tt:Second></tt:Time>"
    "<tt:Date><tt:Year>2030</tt:Year><tt:Month>1</tt:Month><tt:Day>1</tt:Day></tt:Date></tt:UTCDateTime>"
    "</tds:SystemDateAndTime>"
)
_SCHEMA = "http://www.onvif.org/onvif/ver10/schema/onvif.xsd"


class Feed:
    """A subscription: what it selects, what waits for a pull, where it is sent to."""

    def __init__(self, selects: Callable[[str, str], bool], consumer: str | None) -> None:
        self.selects = selects
        self.consumer = consumer
        self.queue: list[str] = []


class ScriptedDevice:
    """Speaks just what the procedures of two properties need."""

    def __init__(self, defect: str = "") -> None:
        assert defect in ("", *DEFECTS)
        device = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = etree.fromstring(self.rfile.read(int(self.headers["Content-Length"])))
                content = device.answer(body.find("env:Body/*", NAMES), self.path)
                self.send_response(200)
                self.send_header("Content-Type", "application/soap+xml")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self.defect = defect
        self._feeds: list[Feed] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> ScriptedDevice:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, request: etree._Element, path: str) -> bytes:
        operation = etree.QName(request).localname
        feed = self._feeds[int(path[1:])] if path[1:].isdigit() else None
        answers: dict[str, Callable[[], tuple[str, str, str]]] = {
            "GetServices": lambda: ("tds", "", self._services()),
            "GetServiceCapabilities": lambda: ("tev", "EventPortType", _CAPABILITIES),
            "GetEventProperties": lambda: ("tev", "EventPortType", self._properties()),
            "CreatePullPointSubscription": lambda: ("tev", "EventPortType", self._subscribe(request, "tev")),
            "Subscribe": lambda: ("wsnt", "NotificationProducer", self._subscribe(request, "wsnt")),
            "PullMessages": lambda: ("tev", "PullPointSubscription", self._pull(feed)),
            "SetSynchronizationPoint": lambda: ("tev", "PullPointSubscription", self._synchronize(feed)),
            "Seek": lambda: ("tev", "PullPointSubscription", self._seek(feed, request)),
            "GetSystemDateAndTime": lambda: ("tds", "", _CLOCK),
            "Unsubscribe": lambda: ("wsnt", "SubscriptionManager", ""),
        }
        prefix, port_type, content = answers[operation]()
        base = "http://docs.oasis-open.org/wsn/bw-2" if prefix == "wsnt" else NAMES["tev"]
        action = f"{base}/{port_type}/{operation}Response"
        return _envelope(action, f"<{prefix}:{operation}Response>{content}</{prefix}:{operation}Response>")

    def _services(self) -> str:
        version = "<tds:Version><tt:Major>22</tt:Major><tt:Minor>12</tt:Minor></tds:Version>"
        return (
            f"<tds:Service><tds:Namespace>{NAMES['tev']}</tds:Namespace><tds:XAddr>{self.url}/events</tds:XAddr>"
            f"{version}</tds:Service>"
        )

    def _properties(self) -> str:
        return (
            f"<tev:TopicNamespaceLocation>{VENDOR}</tev:TopicNamespaceLocation>"
            "<wsnt:FixedTopicSet>true</wsnt:FixedTopicSet><wstop:TopicSet>"
            + "".join(_described(each, is_property=True) for each in TOPICS)
            + _described(BEGIN, is_property=False)
            + "</wstop:TopicSet>"
            + "".join(
                f"<wsnt:TopicExpressionDialect>{each}</wsnt:TopicExpressionDialect>" for each in _DIALECTS
            )
            + f"<tev:MessageContentFilterDialect>{_ITEM_FILTER}</tev:MessageContentFilterDialect>"
            f"<tev:MessageContentSchemaLocation>{_SCHEMA}</tev:MessageContentSchemaLocation>"
        )

    def _subscribe(self, request: etree._Element, prefix: str) -> str:
        feed = Feed(self._selection(request), request.findtext(".//wsa:Address", None, NAMES))
        self._feeds.append(feed)
        self._initialize(feed)
        return (
            f"<{prefix}:SubscriptionReference><wsa:Address>{self.url}/{len(self._feeds) - 1}</wsa:Address>"
            f"</{prefix}:SubscriptionReference>{_times('wsnt')}"
        )

    def _selection(self, request: etree._Element) -> Callable[[str, str], bool]:
        topic = request.find(".//wsnt:TopicExpression", NAMES)
        content = request.findtext(".//wsnt:MessageContent", "", NAMES)
        paths = [] if topic is None else [_resolved(each, topic) for each in topic.text.split("|")]
        if self.defect == "or":
            paths = paths[:1]
        if self.defect == "subtree":
            paths = [each for each in paths if not each.endswith("//.")]
        token = re.search('@Value="([^"]*)"', content)

        def selects(path: str, source: str) -> bool:
            if token and self.defect != "content":
                return token[1] == source
            if not paths or self.defect == "topics":
                return topic is None or self.defect == "topics"
            return any(path == each or path.startswith(f"{each.removesuffix('//.')}/") for each in paths)

        return selects

    def _initialize(self, feed: Feed) -> None:
        for path in reversed(TOPICS):  # what a case has not asked for comes first
            if feed.selects(path, TOPICS[path]):
                feed.queue.append(self._message(path))
        if feed.consumer is not None and feed.queue:
            threading.Thread(target=_notify, args=(feed.consumer, feed.queue[:]), daemon=True).start()
            feed.queue.clear()

    def _seek(self, feed: Feed | None, request: etree._Element) -> str:
        assert feed is not None
        time = request.findtext("tev:UtcTime", "", NAMES)[:19]
        reverse = request.findtext("tev:Reverse", "false", NAMES) == "true" and self.defect != "direction"
        found = [
            (path, moment)
            for path, moment in (reversed(STORED) if reverse else STORED)
            if (moment[:19] <= time if reverse else moment[:19] >= time)
            and (self.defect == "seek filter" or feed.selects(path, ""))
        ]
        if self.defect == "begin":
            found = [each for each in found if each[0] != BEGIN]
        if self.defect == "order":
            found = [*found[1:2], *found[:1], *found[2:]]
        if self.defect == "past":
            found.insert(1, ("v:Building/Door", "2028-01-01T00:00:00Z"))
        feed.queue = [self._message(path, moment) for path, moment in found]
        return ""

    def _message(self, path: str, moment: str = "2030-01-01T00:00:00Z") -> str:
        moment = moment.replace("Z", "+00:00") if self.defect == "time" else moment
        operation = "Changed" if self.defect == "operation" else "Initialized"
        source = f'<tt:SimpleItem Name="Token" Value="{TOPICS.get(path, "")}"/>'
        return (
            f'<wsnt:NotificationMessage><wsnt:Topic Dialect="{_DIALECTS[1]}">{path}</wsnt:Topic><wsnt:Message>'
            f'<tt:Message UtcTime="{moment}" PropertyOperation="{operation}">'
            f"<tt:Source>{'' if self.defect == 'source' else source}</tt:Source>"
            '<tt:Data><tt:SimpleItem Name="Value" Value="1"/></tt:Data></tt:Message></wsnt:Message>'
            "</wsnt:NotificationMessage>"
        )

    def _pull(self, feed: Feed | None) -> str:
        assert feed is not None
        if not feed.queue:
            time.sleep(0.05)
        return _times("tev") + (feed.queue.pop(0) if feed.queue else "")

    def _synchronize(self, feed: Feed | None) -> str:
        assert feed is not None
        if self.defect != "synchronization":
            self._initialize(feed)
        return ""


def _described(path: str, *, is_property: bool) -> str:
    root, child = path.split("/")
    return (
        f'<{root}><{child} wstop:topic="true"><tt:MessageDescription IsProperty="{str(is_property).lower()}"><tt:Source>'
        '<tt:SimpleItemDescription Name="Token" Type="tt:ReferenceToken"/></tt:Source><tt:Data>'
        '<tt:SimpleItemDescription Name="Value" Type="xs:float"/></tt:Data></tt:MessageDescription>'
        f"</{child}></{root}>"
    )


def _times(prefix: str) -> str:
    return (
        f"<{prefix}:CurrentTime>2030-01-01T00:00:00Z</{prefix}:CurrentTime>"
        f"<{prefix}:TerminationTime>2030-01-01T00:01:00Z</{prefix}:TerminationTime>"
    )


def _resolved(path: str, element: etree._Element) -> str:
    """A topic path with the prefixes of TOPICS."""
    prefix, _, rest = path.strip().partition(":")
    return f"{'v' if element.nsmap[prefix] == VENDOR else 'tns1'}:{rest}"


def _notify(consumer: str, messages: list[str]) -> None:
    action = "http://docs.oasis-open.org/wsn/bw-2/NotificationConsumer/Notify"
    data = _envelope(action, f"<wsnt:Notify>{''.join(messages)}</wsnt:Notify>")
    request = urllib.request.Request(consumer, data, {"Content-Type": "application/soap+xml"})
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with contextlib.suppress(OSError), direct.open(request, timeout=5):
        pass


def _envelope(action: str, body: str) -> bytes:
    header = f"<env:Header><wsa:Action>{action}</wsa:Action></env:Header>"
    return f"<env:Envelope {_XMLNS}>{header}<env:Body>{body}</env:Body></env:Envelope>".encode()
