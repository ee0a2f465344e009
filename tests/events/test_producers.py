"""Notification producers: what a consumer is sent, when, and for how long it is tried (Core 9.3)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from xml.etree.ElementTree import Element, fromstring

import pytest

from onvifd.consumers import Consumer, DeliveryFailed
from onvifd.events import notify
from onvifd.events.errors import ResourceUnknown, SubscribeCreationFailed
from onvifd.events.filters import EVERYTHING, Filter
from onvifd.events.notifications import Notification, key_status_notification
from onvifd.events.producers import BATCH, Delivery, Producer, Producers
from onvifd.events.pullpoints import PullPoints
from onvifd.events.subscriptions import Limits, Subscriptions
from onvifd.soap.names import NAMESPACES, qname
from tests.official import assert_valid_response
from tests.support import wait_until

MANAGER = "http://camera.test/onvif/subscription/"
MINUTE = timedelta(minutes=1)


def event(number: int) -> Notification:
    return key_status_notification(f"key-{number}", "generating", "ok", datetime(2030, 1, 1, tzinfo=UTC))


def consumer(name: str = "one") -> Consumer:
    return Consumer(f"http://192.0.2.1/{name}", "http", "192.0.2.1", 80, f"/{name}", ip_address("192.0.2.1"))


class Post:
    """Stands in for the network: keeps what is sent, and fails or blocks where it is told to."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, tuple[Notification, ...]]] = []
        self.attempts: list[str] = []
        self.fail: Callable[[str], bool] = lambda name: False
        self.blocked = ""
        self.go_on = threading.Event()

    def __call__(self, producer: Producer) -> None:
        name = producer.consumer.target[1:]
        self.attempts.append(name)
        if name == self.blocked:
            assert self.go_on.wait(20)
        if self.fail(name):
            raise DeliveryFailed("it answered with status 500")
        self.sent.append((name, producer.batch))

    def events_for(self, name: str) -> list[Notification]:
        return [each for to, batch in list(self.sent) if to == name for each in batch]


class Service:
    """The producers with what is around them."""

    def __init__(self, limits: Limits, delivery: Delivery) -> None:
        self.post = Post()
        self.subscriptions = Subscriptions(limits)
        self.producers = Producers(self.subscriptions, 8, self.post, delivery)

    def subscribe(
        self, name: str = "one", selection: Filter = EVERYTHING, lifetime: timedelta = MINUTE
    ) -> str:
        address, granted = self.producers.create(selection, lifetime, consumer(name), (), MANAGER)
        assert granted == lifetime
        assert address.startswith(MANAGER)
        return address.removeprefix(MANAGER)

    def lives(self, subscription_id: str) -> bool:
        try:
            self.subscriptions.synchronize(subscription_id)
        except ResourceUnknown:
            return False
        return True


@pytest.fixture
def start() -> Iterator[Callable[..., Service]]:
    made: list[Service] = []

    def make(queue_length: int = 256, threads: int = 2, attempts: int = 3, pause: float = 0.01) -> Service:
        made.append(Service(Limits(queue_length=queue_length), Delivery(threads, attempts, pause)))
        return made[-1]

    yield make
    for service in made:
        service.subscriptions.close()
        service.post.go_on.set()
        service.producers.close()


@pytest.fixture
def service(start: Callable[..., Service]) -> Service:
    return start()


def test_each_consumer_is_sent_what_it_wants_in_order(service: Service) -> None:
    service.subscribe("one")
    service.subscribe("deaf", Filter(frozenset()))
    service.subscribe("two")
    events = [event(number) for number in range(50)]
    for each in events:
        service.subscriptions.publish(each)
    wait_until(lambda: service.post.events_for("one") == events == service.post.events_for("two"))
    assert not service.post.events_for("deaf")
    assert max(len(batch) for _, batch in service.post.sent) <= BATCH


def test_a_consumer_that_fails_is_sent_the_same_again(service: Service) -> None:
    subscription = service.subscribe()
    outcomes = iter([True, True, False])
    service.post.fail = lambda _: next(outcomes, False)
    service.subscriptions.publish(event(1))
    service.subscriptions.publish(event(2))
    wait_until(lambda: service.post.events_for("one") == [event(1), event(2)])
    assert len(service.post.attempts) >= 3
    assert service.lives(subscription)


def test_a_success_forgives_the_failures_before_it(service: Service) -> None:
    subscription = service.subscribe()
    outcomes = iter([True, True, False] * 3)
    service.post.fail = lambda _: next(outcomes, False)
    for number in range(3):
        service.subscriptions.publish(event(number))
        wait_until(lambda number=number: event(number) in service.post.events_for("one"))
    assert service.lives(subscription)


def test_a_consumer_that_fails_persistently_loses_its_subscription(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    failing, other = service.subscribe("one"), service.subscribe("two")
    service.post.fail = lambda name: name == "one"
    service.subscriptions.publish(event(1))
    wait_until(lambda: not service.lives(failing))
    assert service.post.attempts.count("one") == 3
    assert service.lives(other)
    assert [record.getMessage() for record in caplog.records] == [
        "the subscription of 192.0.2.1 port 80 ends, since it answered with status 500"
    ]


def test_the_pauses_double(start: Callable[..., Service]) -> None:
    service = start(attempts=5, pause=100.0)
    service.subscribe()
    service.post.fail = lambda _: True
    service.subscriptions.publish(event(1))
    wait_until(lambda: service.post.attempts)
    (producer,) = service.subscriptions._subscriptions.values()
    assert isinstance(producer, Producer)
    pauses = []
    for number in range(1, 4):
        wait_until(lambda number=number: producer.failures == number)
        with service.subscriptions.changed:
            pauses.append(round((producer.due - service.subscriptions.monotonic()) / 100))
            producer.due = 0.0
            service.subscriptions.changed.notify_all()
    assert pauses == [1, 2, 4]


def test_a_defect_of_ours_counts_as_a_failure(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """No thread dies of it."""
    failing = service.subscribe("one")

    def defect(name: str) -> bool:
        if name == "one":
            raise ZeroDivisionError
        return False

    service.post.fail = defect
    service.subscriptions.publish(event(1))
    wait_until(lambda: not service.lives(failing))
    service.subscribe("two")
    service.subscriptions.publish(event(2))
    wait_until(lambda: service.post.events_for("two") == [event(2)])
    assert "ZeroDivisionError" in caplog.text


def test_a_consumer_that_hangs_does_not_hold_the_others(service: Service) -> None:
    service.post.blocked = "slow"
    service.subscribe("slow")
    service.subscribe("fast")
    for number in range(20):
        service.subscriptions.publish(event(number))
    wait_until(lambda: len(service.post.events_for("fast")) == 20)
    assert not service.post.events_for("slow")
    service.post.go_on.set()
    wait_until(lambda: len(service.post.events_for("slow")) == 20)


def test_one_message_at_a_time_for_each_consumer(start: Callable[..., Service]) -> None:
    """They would overtake each other."""
    service = start(threads=4)
    service.post.blocked = "one"
    service.subscribe("one")
    service.subscriptions.publish(event(1))
    wait_until(lambda: service.post.attempts)
    service.subscriptions.publish(event(2))
    service.subscribe("two")
    service.subscriptions.publish(event(3))
    wait_until(lambda: service.post.events_for("two") == [event(3)])
    assert service.post.attempts == ["one", "two"]


def test_the_oldest_go_when_the_queue_is_full(start: Callable[..., Service]) -> None:
    """What is being sent is not in the queue any more."""
    service = start(queue_length=4)
    service.post.blocked = "one"
    service.subscribe("one")
    service.subscriptions.publish(event(0))
    wait_until(lambda: service.post.attempts)
    for number in range(1, 8):
        service.subscriptions.publish(event(number))
    service.post.go_on.set()
    wait_until(lambda: len(service.post.events_for("one")) == 5)
    assert service.post.events_for("one") == [event(number) for number in (0, 4, 5, 6, 7)]


def test_nothing_is_sent_after_unsubscribe(service: Service) -> None:
    """Core 9.3.1."""
    subscription, other = service.subscribe("one"), service.subscribe("two")
    service.subscriptions.unsubscribe(subscription)
    with pytest.raises(ResourceUnknown):
        service.subscriptions.unsubscribe(subscription)
    service.subscriptions.publish(event(1))
    wait_until(lambda: service.post.events_for("two") == [event(1)])
    assert not service.post.events_for("one")
    assert service.lives(other)


def test_unsubscribe_while_a_message_is_being_sent(service: Service) -> None:
    service.post.blocked = "one"
    service.post.fail = lambda _: True
    subscription = service.subscribe("one")
    service.subscriptions.publish(event(1))
    wait_until(lambda: service.post.attempts)
    service.subscriptions.unsubscribe(subscription)
    service.post.go_on.set()
    service.post.fail = lambda _: False
    service.subscribe("two")
    service.subscriptions.publish(event(2))
    wait_until(lambda: service.post.events_for("two") == [event(2)])
    assert service.post.attempts.count("one") == 1


def test_a_subscription_ends_with_its_time() -> None:
    """Core 9.3.1: also while its consumer fails; Renew moves the end."""
    clock = [1000.0]
    subscriptions = Subscriptions(monotonic=lambda: clock[0])
    post = Post()
    producers = Producers(subscriptions, 8, post, Delivery(1))
    ids = [
        producers.create(EVERYTHING, MINUTE, consumer(name), (), "")[0] for name in ("renewed", "forgotten")
    ]
    clock[0] += 50
    assert subscriptions.renew(ids[0], MINUTE) == MINUTE
    clock[0] += 20
    subscriptions.synchronize(ids[0])
    with pytest.raises(ResourceUnknown):
        subscriptions.synchronize(ids[1])
    subscriptions.publish(event(1))
    wait_until(lambda: post.events_for("renewed"))
    assert not post.events_for("forgotten")
    subscriptions.close()
    producers.close()


def test_as_many_producers_as_announced(service: Service) -> None:
    """MaxNotificationProducers; pull points count apart."""
    ids = [service.subscribe() for _ in range(8)]
    with pytest.raises(SubscribeCreationFailed, match="8 notification producers"):
        service.subscribe()
    PullPoints(service.subscriptions, 1).create(EVERYTHING, None)
    service.subscriptions.unsubscribe(ids[3])
    service.subscribe()


def test_nobody_pulls_from_a_producer(service: Service) -> None:
    """Its messages are the consumer's."""
    with pytest.raises(ResourceUnknown):
        PullPoints(service.subscriptions, 1).pull(service.subscribe(), timedelta(0), 1)


def test_no_thread_runs_where_nobody_subscribes(service: Service) -> None:
    assert not service.producers._threads
    service.subscribe()
    service.subscribe()
    assert len(service.producers._threads) == 2


def test_everything_ends_at_shut_down(service: Service) -> None:
    service.subscribe()
    service.subscriptions.close()
    service.producers.close()
    assert not any(thread.is_alive() for thread in service.producers._threads)
    with pytest.raises(SubscribeCreationFailed):
        service.subscribe()


def test_the_notify_message() -> None:
    """WS-BaseNotification 1.3, 3.2; WS-Addressing 1.0: what the consumer is to recognise it by is repeated."""
    parameter = Element("{urn:vms}Camera", {"{urn:vms}kind": "x"})
    parameter.text = "7"
    producer = Producer(EVERYTHING, 1, consumer(), notify.header_blocks([parameter]), MANAGER)
    producer.batch = (event(1), event(2))
    data = notify.message(producer)
    body = assert_valid_response(data)
    assert body.tag == qname("wsnt:Notify")
    addresses = [each.text for each in body.iter(qname("wsa:Address"))]
    assert addresses == [MANAGER + producer.id] * 2
    assert [each.text for each in body.iter(qname("wsnt:Topic"))] == [
        "tns1:Advancedsecurity/Keystore/KeyStatus"
    ] * 2
    values = [item.get("Value") for item in body.iter(qname("tt:SimpleItem"))]
    assert values == ["key-1", "generating", "ok", "key-2", "generating", "ok"]
    header = fromstring(data)[0]
    assert header.findtext("wsa:Action", None, dict(NAMESPACES)) == notify.ACTION
    assert header.findtext("wsa:To", None, dict(NAMESPACES)) == "http://192.0.2.1/one"
    assert (header.findtext("wsa:MessageID", None, dict(NAMESPACES)) or "").startswith("urn:uuid:")
    block = header.find("{urn:vms}Camera")
    assert block is not None and block.text == "7"
    assert block.get(qname("wsa:IsReferenceParameter")) == "true"
    assert not parameter.get(qname("wsa:IsReferenceParameter"))


def test_as_many_reference_parameters_as_memory_allows() -> None:
    parameter = Element("{urn:vms}Camera")
    parameter.text = "x" * 4000
    assert len(notify.header_blocks([parameter])) == 1
    for many in ([parameter] * 3, [Element("{urn:vms}Camera")] * 1000):
        with pytest.raises(SubscribeCreationFailed, match="ReferenceParameters"):
            notify.header_blocks(many)
