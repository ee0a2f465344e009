"""What the EVENT cases have in common: subscriptions of both kinds, and checks of what they are sent."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from lxml import etree

from tests.device_test.cases import step
from tests.device_test.client import NAMES, Arguments, Dut, Endpoint, Exchange, Response, action, tag
from tests.device_test.event.consumer import NotificationConsumer, Posted
from tests.device_test.event.topics import Topic, topic_of

NOTIFY = "http://docs.oasis-open.org/wsn/bw-2/NotificationConsumer/Notify"
FAULT = "http://www.w3.org/2005/08/addressing/soap/fault"
_DATE_TIME_IN_UTC = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z")


def ask(dut: Dut, operation: str, arguments: Arguments | None = None, **where: Endpoint) -> Response:
    """An operation of the event service, and the Action of its response."""
    with step(f"ONVIF Client invokes {operation.partition(':')[2]}"):
        return answered(dut, dut.send(operation, arguments, **where), operation)


def answered(dut: Dut, exchange: Exchange, operation: str) -> Response:
    name = f"{operation.partition(':')[2]}Response"
    with step(f"The DUT responds with {name} message"):
        response = dut.assert_response(exchange, operation)
    with step(f"The DUT sends a valid WS-Addressing Action URI in SOAP Header for {name} message"):
        actions = {action(f"{operation}Response")}
        if operation == "tev:GetServiceCapabilities":
            # The table of 6.3 lacks the end of it; the WSDL has it.
            actions.add(action(operation))
        found = (response.header("wsa:Action") or "").strip()
        assert found in actions, f"the Action is {found!r}"
    return response


def refused(dut: Dut, exchange: Exchange, *names: str) -> None:
    """A SOAP 1.2 fault: one of these, or any; as its subcode or as its detail."""
    with step(f"Verify that the DUT sends a SOAP 1.2 Fault {' or '.join(names)}"):
        fault = dut.assert_fault(exchange)
        root = exchange.envelope()
        detail = root.find("env:Body/env:Fault/env:Detail", NAMES)
        content = [] if detail is None else list(detail)
        told = {code.partition(":")[2] for code in fault.codes}
        told |= {etree.QName(each).localname for each in content}
        assert not names or told & set(names), f"the fault is {'/'.join(fault.codes)}"
    if names:
        with step("Validate the fault message (valid UTC time, valid description)"):
            times = [each.text for each in root.iter(tag("wsrf-bf:Timestamp"))]
            assert len(times) == 1, "the fault has no Timestamp"
            assert_utc(times[0])
            descriptions = [each.text for each in root.iter(tag("wsrf-bf:Description"))]
            assert descriptions and all((text or "").strip() for text in descriptions), "no Description"
    with step("The DUT sends a valid WS-Addressing Action URI in SOAP Header for Fault message"):
        found = root.findtext("env:Header/wsa:Action", "", NAMES).strip()
        assert found == FAULT, f"the Action is {found!r}"


def assert_utc(text: str | None) -> datetime:
    """Core 9.3.2: all times in UTC, with Z."""
    assert _DATE_TIME_IN_UTC.fullmatch((text or "").strip()), f"{text!r} is no date and time in UTC"
    return datetime.fromisoformat((text or "").strip())


def assert_notification(notification: etree._Element) -> None:
    """Correct values for UtcTime, Topic and Message."""
    with step("Verify received NotificationMessage (UTC time, TopicExpression and wsnt:Message)"):
        topic_of(notification)
        messages = notification.findall("wsnt:Message/tt:Message", NAMES)
        assert len(messages) == 1, "wsnt:Message does not hold one tt:Message"
        assert_utc(messages[0].get("UtcTime"))


def property_operation(notification: etree._Element) -> str | None:
    return notification.find("wsnt:Message/tt:Message", NAMES).get("PropertyOperation")


def items(notification: etree._Element, *parts: str) -> list[tuple[str, str]]:
    """Names and values of the simple items of Source, Key or Data."""
    message = notification.find("wsnt:Message/tt:Message", NAMES)
    return [
        (item.get("Name"), item.get("Value"))
        for part in parts
        for item in message.iterfind(f"tt:{part}/tt:SimpleItem", NAMES)
    ]


class Subscription:
    """What a device has answered to Subscribe or CreatePullPointSubscription.

    It ends with the case, if it still is there.
    """

    def __init__(self, dut: Dut, operation: str, arguments: Arguments, lifetime: int | None) -> None:
        """`lifetime` is the InitialTerminationTime in seconds."""
        self.dut = dut
        name = operation.partition(":")[2]
        with step(f"ONVIF Client invokes {name} request"):
            exchange, end = self._asked(operation, arguments, "InitialTerminationTime", lifetime)
        response = answered(dut, exchange, operation)
        prefix = operation.partition(":")[0]
        with step("Verify that a valid SubscriptionReference is returned"):
            self.endpoint = Endpoint.of(response.find(f"{prefix}:SubscriptionReference"))
            target = urlsplit(self.endpoint.address)
            assert target.scheme in ("http", "https") and target.hostname, self.endpoint.address
        self._over = False
        dut.restore.callback(self._end)
        self._check_times(response, end, "wsnt")

    def renew(self, seconds: int, moment: datetime | None = None) -> None:
        """Renew with a duration, or with a point in time."""
        with step("ONVIF Client will invoke Renew request"):
            if moment is None:
                exchange, end = self._asked("wsnt:Renew", {}, "TerminationTime", seconds, at=self.endpoint)
            else:
                exchange = self.dut.send("wsnt:Renew", {"TerminationTime": moment}, at=self.endpoint)
                end = moment.replace(microsecond=0)
        self._check_times(answered(self.dut, exchange, "wsnt:Renew"), end, "wsnt")

    def synchronize(self) -> None:
        ask(self.dut, "tev:SetSynchronizationPoint", at=self.endpoint)

    def unsubscribe(self) -> None:
        ask(self.dut, "wsnt:Unsubscribe", at=self.endpoint)
        self._over = True

    def receive(self, deadline: float) -> list[etree._Element]:
        """The next NotificationMessages; none when the deadline on the monotonic clock passes."""
        raise NotImplementedError

    def until(
        self,
        wanted: Callable[[etree._Element], bool],
        check: Callable[[etree._Element], None] = lambda notification: None,
    ) -> etree._Element:
        """The first notification that is wanted, within operationDelay. All that come are checked."""
        deadline = time.monotonic() + self.dut.options.operation_delay
        while True:
            messages = self.receive(deadline)
            for message in messages:
                assert_notification(message)
                check(message)
            for message in messages:
                if wanted(message):
                    return message
            with step("If timeout1 expires without the expected NotificationMessage, FAIL the test"):
                assert time.monotonic() < deadline, "it has not come"

    def _asked(
        self, operation: str, arguments: Arguments, name: str, seconds: int | None, **where: Endpoint
    ) -> tuple[Exchange, datetime | timedelta | None]:
        """Ask for a lifetime, or for the least that the device then offers."""
        if seconds is None:
            return self.dut.send(operation, arguments, **where), None
        exchange = self.dut.send(operation, _timed(arguments, name, f"PT{seconds}S"), **where)
        minimum = exchange.envelope().findtext(".//wsnt:MinimumTime", None, NAMES)
        if minimum is None:
            return exchange, timedelta(seconds=seconds)
        again = self.dut.send(operation, _timed(arguments, name, minimum.strip()), **where)
        return again, assert_utc(minimum)

    def _check_times(self, response: Response, end: datetime | timedelta | None, prefix: str) -> None:
        with step(
            "Validate CurrentTime and TerminationTime (TerminationTime >= CurrentTime + what was asked)"
        ):
            self.current = assert_utc(response.text(f"{prefix}:CurrentTime"))
            self.termination = assert_utc(response.text(f"{prefix}:TerminationTime"))
            least = self.current + end if isinstance(end, timedelta) else end
            assert self.termination > self.current
            assert least is None or self.termination >= least, f"it ends at {self.termination}"

    def _end(self) -> None:
        if not self._over:
            self.dut.send("wsnt:Unsubscribe", at=self.endpoint)


def _timed(arguments: Arguments, name: str, value: str) -> Arguments:
    """The arguments with a time in its place: after the consumer and the filter, before a policy."""
    before = {key: value for key, value in arguments.items() if key in ("ConsumerReference", "Filter")}
    return {**before, name: value, **arguments}


class PullPoint(Subscription):
    """One that is pulled from."""

    def __init__(self, dut: Dut, chosen: etree._Element | None = None, lifetime: int | None = None) -> None:
        super().__init__(dut, "tev:CreatePullPointSubscription", {"Filter": chosen}, lifetime)

    def pull(self, seconds: int, limit: int) -> list[etree._Element]:
        """PullMessages; also where the device allows less of it."""
        arguments = {"Timeout": f"PT{seconds}S", "MessageLimit": limit}
        with step(f"ONVIF Client invokes PullMessages with Timeout := PT{seconds}S MessageLimit := {limit}"):
            exchange = self.dut.send("tev:PullMessages", arguments, at=self.endpoint, wait=seconds)
            root = exchange.envelope()
            longest = root.findtext(".//tev:PullMessagesFaultResponse/tev:MaxTimeout", None, NAMES)
            if longest is not None:
                most = root.findtext(".//tev:PullMessagesFaultResponse/tev:MaxMessageLimit", "1", NAMES)
                arguments = {"Timeout": longest.strip(), "MessageLimit": min(limit, int(most))}
                exchange = self.dut.send("tev:PullMessages", arguments, at=self.endpoint, wait=seconds)
        response = answered(self.dut, exchange, "tev:PullMessages")
        self._check_times(response, None, "tev")
        with step(f"Verify that a maximum number of {limit} Notification Messages is included"):
            messages = response.all("wsnt:NotificationMessage")
            assert len(messages) <= limit, f"{len(messages)} messages"
        return messages

    def receive(self, deadline: float) -> list[etree._Element]:
        # The cases wait for min{(tt-ct)/2, 1 second} before each PullMessages, which waits by itself.
        return self.pull(60, 1)


class BasicNotification(Subscription):
    """One whose notifications the device sends."""

    def __init__(self, dut: Dut, chosen: etree._Element | None = None, lifetime: int | None = 60) -> None:
        self.consumer = dut.restore.enter_context(NotificationConsumer(own_address(dut)))
        self._seen = 0
        arguments = {"ConsumerReference": {"wsa:Address": self.consumer.url}, "Filter": chosen}
        super().__init__(dut, "wsnt:Subscribe", arguments, lifetime)

    def receive(self, deadline: float) -> list[etree._Element]:
        with step("Verify that DUT sends Notify message(s)"):
            posted = self.consumer.wait(self._seen + 1, deadline - time.monotonic())[self._seen :]
            self._seen += len(posted)
            return [message for each in posted for message in self._messages(each)]

    def _messages(self, posted: Posted) -> list[etree._Element]:
        head = [
            f"POST {posted.target} HTTP/1.1",
            *(f"{name}: {value}" for name, value in posted.headers.items()),
        ]
        sent = "\r\n".join([*head, "", ""]).encode() + posted.body
        content_type = (("Content-Type", posted.headers.get("content-type", "")),)
        exchange = Exchange(sent, b"", 202, content_type, posted.body)
        self.dut.exchanges.append(exchange)
        with step("The DUT uses the HTTP address of the consumer for Notify message"):
            address = urlsplit(self.consumer.url)
            assert posted.target == f"{address.path}?{address.query}", posted.target
        with step("The DUT sends a valid Notify message"):
            root = exchange.envelope()
            notify = root.find("env:Body/wsnt:Notify", NAMES)
            assert notify is not None, "it is no Notify"
        with step("The DUT sends valid WS-Addressing Action URI in SOAP Header for Notify message"):
            assert root.findtext("env:Header/wsa:Action", "", NAMES).strip() == NOTIFY
        with step("The DUT sends a valid MessageID if ReplyTo is included in Notify message"):
            message_id = root.findtext("env:Header/wsa:MessageID", None, NAMES)
            assert message_id is not None or root.find("env:Header/wsa:ReplyTo", NAMES) is None
            assert message_id is None or urlsplit(message_id.strip()).scheme, f"{message_id!r} is no URI"
        return notify.findall("wsnt:NotificationMessage", NAMES)


def own_address(dut: Dut) -> str:
    """The address of this host that the device can answer to."""
    target = urlsplit(dut.url)
    family, _, _, _, place = socket.getaddrinfo(target.hostname, target.port or 80, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect(place)
        return str(probe.getsockname()[0])


def is_initialized(topic: Topic) -> Callable[[etree._Element], bool]:
    return lambda message: topic_of(message) == topic and property_operation(message) == "Initialized"
