"""Pull points: the three behaviours of a pull, lifetimes, bounds (Core 9.1)."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from onvifd.events.errors import (
    InvalidArgument,
    PullTimeoutTooLong,
    ResourceUnknown,
    SubscribeCreationFailed,
    UnableToGetMessages,
    UnacceptableInitialTerminationTime,
    UnacceptableTerminationTime,
)
from onvifd.events.filters import EVERYTHING, Filter
from onvifd.events.notifications import Notification, key_status_notification
from onvifd.events.pullpoints import MAXIMUM_TIMEOUT, Pulled, PullPoints
from onvifd.events.subscriptions import Limits, Subscriptions
from tests.support import wait_until

DEADLINE = 20.0
"""Seconds after which a test gives a thread up."""
LONG = timedelta(minutes=5)
"""A pull's timeout that no passing test sits out."""
NOTHING = Filter(frozenset())


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def event(number: int) -> Notification:
    return key_status_notification(f"key-{number}", "generating", "ok", datetime(2030, 1, 1, tzinfo=UTC))


class Clock:
    """A monotonic clock that stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pull_points(clock: Clock) -> Iterator[PullPoints]:
    points = PullPoints(Subscriptions(monotonic=clock))
    yield points
    points.subscriptions.close()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(64) as executor:
        yield executor


def start_pull(
    threads: ThreadPoolExecutor, points: PullPoints, point: str, timeout: timedelta = LONG
) -> Future[Pulled]:
    """A pull in another thread, once it really waits."""
    future = threads.submit(points.pull, point, timeout, 100)
    wait_until(lambda: points.subscriptions._subscriptions[point].held)
    return future


def test_waiting_messages_are_returned_at_once_in_order(pull_points: PullPoints) -> None:
    """Core 9.1.2, first behaviour: at once, up to MessageLimit; the others stay for the next pull."""
    point, _ = pull_points.create(EVERYTHING, None)
    for number in range(5):
        pull_points.subscriptions.publish(event(number))
    assert pull_points.pull(point, LONG, 2).notifications == (event(0), event(1))
    assert pull_points.pull(point, LONG, 2**31 - 1).notifications == (event(2), event(3), event(4))


def test_a_waiting_pull_is_woken_by_an_event(pull_points: PullPoints, threads: ThreadPoolExecutor) -> None:
    """Core 9.1.2, second behaviour: at once, without waiting for more."""
    point, _ = pull_points.create(EVERYTHING, None)
    pull = start_pull(threads, pull_points, point)
    pull_points.subscriptions.publish(event(1))
    assert pull.result(DEADLINE).notifications == (event(1),)


@pytest.mark.parametrize("timeout", [0.0, 0.05])
def test_a_timeout_returns_nothing(pull_points: PullPoints, timeout: float) -> None:
    """Core 9.1.2, third behaviour."""
    point, _ = pull_points.create(EVERYTHING, None)
    assert pull_points.pull(point, seconds(timeout), 1).notifications == ()


def test_events_that_the_filter_does_not_pass_wake_nobody(
    pull_points: PullPoints, threads: ThreadPoolExecutor
) -> None:
    """Core 9.1.1: the filter decides."""
    deaf, _ = pull_points.create(NOTHING, None)
    point, _ = pull_points.create(EVERYTHING, None)
    pull = start_pull(threads, pull_points, deaf)
    pull_points.subscriptions.publish(event(1))
    assert pull_points.pull(point, seconds(0), 1).notifications == (event(1),)
    assert not pull.done()
    pull_points.subscriptions.unsubscribe(deaf)
    assert isinstance(pull.exception(DEADLINE), ResourceUnknown)


def test_a_second_pull_at_the_same_time_is_refused(
    pull_points: PullPoints, threads: ThreadPoolExecutor
) -> None:
    """Core 9.1.2, UnableToGetMessagesFault; the first one goes on."""
    point, _ = pull_points.create(EVERYTHING, None)
    pull = start_pull(threads, pull_points, point)
    with pytest.raises(UnableToGetMessages):
        pull_points.pull(point, LONG, 1)
    pull_points.subscriptions.publish(event(1))
    assert pull.result(DEADLINE).notifications == (event(1),)
    pull_points.subscriptions.publish(event(2))
    assert pull_points.pull(point, LONG, 1).notifications == (event(2),)


def test_unsubscribe_during_a_pull(pull_points: PullPoints, threads: ThreadPoolExecutor) -> None:
    """Core 9.1.4: the pull point ends, and with it what waits there."""
    point, _ = pull_points.create(EVERYTHING, None)
    pull = start_pull(threads, pull_points, point)
    pull_points.subscriptions.unsubscribe(point)
    assert isinstance(pull.exception(DEADLINE), ResourceUnknown)


def test_close_ends_every_pull_and_refuses_new_pull_points(threads: ThreadPoolExecutor) -> None:
    """Shut-down does not wait for long polls; it may be asked for twice."""
    points = PullPoints(Subscriptions())
    pulls = [start_pull(threads, points, points.create(EVERYTHING, None)[0]) for _ in range(3)]
    points.subscriptions.close()
    points.subscriptions.close()
    assert [type(pull.exception(DEADLINE)) for pull in pulls] == 3 * [ResourceUnknown]
    with pytest.raises(SubscribeCreationFailed):
        points.create(EVERYTHING, None)


def test_a_pull_point_expires(pull_points: PullPoints, clock: Clock) -> None:
    """Core 9.1.6, EVENT-3-1-20: it exists until its termination time has elapsed."""
    point, lifetime = pull_points.create(EVERYTHING, seconds(20))
    assert lifetime == seconds(20)
    clock.now += 19.9
    pull_points.subscriptions.synchronize(point)
    clock.now += 0.1
    for operation in (
        lambda: pull_points.pull(point, seconds(0), 1),
        lambda: pull_points.subscriptions.renew(point, None),
        lambda: pull_points.subscriptions.synchronize(point),
        lambda: pull_points.subscriptions.unsubscribe(point),
    ):
        with pytest.raises(ResourceUnknown):
            operation()


def test_unsubscribed_and_unknown_pull_points(pull_points: PullPoints) -> None:
    """Core 9.1.4, EVENT-3-1-19: a second Unsubscribe is a fault."""
    point, _ = pull_points.create(EVERYTHING, None)
    pull_points.subscriptions.unsubscribe(point)
    for name in (point, "", "event_service"):
        with pytest.raises(ResourceUnknown):
            pull_points.subscriptions.unsubscribe(name)


def test_a_pull_keeps_its_pull_point_alive(pull_points: PullPoints, clock: Clock) -> None:
    """Core 9.1.1, EVENT-3-1-24: after the response it lives at least the Timeout of that pull longer."""
    point, _ = pull_points.create(EVERYTHING, None)
    pull_points.subscriptions.publish(event(1))
    clock.now += 1
    assert pull_points.pull(point, seconds(80), 1).remaining == seconds(80)
    clock.now += 79
    pull_points.subscriptions.synchronize(point)


def test_a_pull_never_shortens_a_lifetime(pull_points: PullPoints, clock: Clock) -> None:
    """Core 9.1.1: `at least`."""
    point, _ = pull_points.create(EVERYTHING, timedelta(minutes=10))
    clock.now += 60
    assert pull_points.pull(point, seconds(0), 1).remaining == timedelta(minutes=9)


def test_a_pull_point_does_not_expire_under_a_pull(
    pull_points: PullPoints, clock: Clock, threads: ThreadPoolExecutor
) -> None:
    """A pull that waits longer than the lifetime left still gets its message."""
    point, _ = pull_points.create(EVERYTHING, seconds(10))
    pull = start_pull(threads, pull_points, point)
    clock.now += 11
    pull_points.subscriptions.publish(event(1))
    pulled = pull.result(DEADLINE)
    assert pulled.notifications == (event(1),)
    assert pulled.remaining == LONG


def test_renew(pull_points: PullPoints, clock: Clock) -> None:
    """Core 9.1.3, EVENT-3-1-12: counted from the request, shorter or longer than before."""
    point, _ = pull_points.create(EVERYTHING, seconds(10))
    clock.now += 9
    assert pull_points.subscriptions.renew(point, seconds(60)) == seconds(60)
    clock.now += 59
    assert pull_points.subscriptions.renew(point, seconds(5)) == seconds(5)
    clock.now += 5
    with pytest.raises(ResourceUnknown):
        pull_points.subscriptions.renew(point, seconds(60))


def test_the_default_lifetime(clock: Clock) -> None:
    """Core 9.1.1: InitialTerminationTime is optional."""
    points = PullPoints(Subscriptions(Limits(default_lifetime=seconds(90)), clock))
    point, lifetime = points.create(EVERYTHING, None)
    assert lifetime == seconds(90)
    assert points.subscriptions.renew(point, None) == seconds(90)


@pytest.mark.parametrize(
    ("asked", "granted"),
    [(0.000001, 1), (1, 1), (59.2, 60), (60, 60), (3600, 3600)],
)
def test_lifetimes_are_whole_seconds(pull_points: PullPoints, asked: float, granted: int) -> None:
    """The time asked for or more (EVENT-3-1-9: TerminationTime >= CurrentTime + what was asked)."""
    assert pull_points.create(EVERYTHING, seconds(asked))[1] == seconds(granted)


@pytest.mark.parametrize(
    "lifetime", [timedelta(0), seconds(-1), timedelta.min, seconds(3600.1), timedelta.max]
)
def test_unacceptable_lifetimes(pull_points: PullPoints, lifetime: timedelta) -> None:
    """WS-BaseNotification 1.3: a time that is past or too far ahead is refused, and leaves all as it was."""
    point, _ = pull_points.create(EVERYTHING, None)
    with pytest.raises(UnacceptableInitialTerminationTime) as initial:
        pull_points.create(EVERYTHING, lifetime)
    assert initial.value.maximum == timedelta(hours=1)
    with pytest.raises(UnacceptableTerminationTime):
        pull_points.subscriptions.renew(point, lifetime)
    pull_points.subscriptions.synchronize(point)


def test_what_a_fault_offers_is_accepted(pull_points: PullPoints) -> None:
    """EVENT-3-1-9, note: the client tries again with the MinimumTime of the fault."""
    with pytest.raises(UnacceptableInitialTerminationTime) as error:
        pull_points.create(EVERYTHING, timedelta(0))
    for lifetime in (error.value.minimum, error.value.maximum):
        assert pull_points.create(EVERYTHING, lifetime)[1] == lifetime


def test_a_timeout_above_the_maximum(pull_points: PullPoints) -> None:
    """Core 9.1.2, PullMessagesFaultResponse; the maximum itself is fine."""
    point, _ = pull_points.create(EVERYTHING, None)
    pull_points.subscriptions.publish(event(1))
    limit = MAXIMUM_TIMEOUT
    with pytest.raises(PullTimeoutTooLong) as error:
        pull_points.pull(point, limit + timedelta(microseconds=1), 1)
    assert (error.value.maximum_timeout, error.value.maximum_limit) == (limit, 256)
    assert pull_points.pull(point, limit, 1).notifications == (event(1),)


def test_supported_timeouts_include_a_minute() -> None:
    """Core 9.1.2 and 9.1.3, EVENT-3-1-32."""
    assert timedelta(minutes=1) <= MAXIMUM_TIMEOUT
    assert Limits().maximum_lifetime >= timedelta(minutes=1)


@pytest.mark.parametrize(("timeout", "limit"), [(1, 0), (1, -1), (1, -(2**31)), (-1, 1)])
def test_pulls_that_make_no_sense(pull_points: PullPoints, timeout: int, limit: int) -> None:
    """A limit of no message, a time before now: Core 5.8.2.2, InvalidArgVal."""
    point, _ = pull_points.create(EVERYTHING, None)
    pull_points.subscriptions.publish(event(1))
    with pytest.raises(InvalidArgument):
        pull_points.pull(point, seconds(timeout), limit)
    assert pull_points.pull(point, seconds(0), 1).notifications == (event(1),)


def test_a_full_queue_drops_its_oldest(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """Bounded memory: the newest stay, the loss is counted, the log says so once."""
    points = PullPoints(Subscriptions(Limits(queue_length=4), clock))
    point, _ = points.create(EVERYTHING, None)
    other, _ = points.create(EVERYTHING, None)
    for number in range(3):
        points.subscriptions.publish(event(number))
    points.pull(other, seconds(0), 10)
    for number in range(3, 7):
        points.subscriptions.publish(event(number))
    assert points.subscriptions._subscriptions[point].dropped == 3
    assert points.subscriptions._subscriptions[other].dropped == 0
    assert points.pull(point, seconds(0), 10).notifications == tuple(map(event, range(3, 7)))
    assert points.pull(other, seconds(0), 10).notifications == tuple(map(event, range(3, 7)))
    assert len(caplog.records) == 1


def test_as_many_pull_points_as_announced(pull_points: PullPoints, clock: Clock) -> None:
    """Core 9.1.6, EVENT-3-1-37: each its own reference; one more is refused until one ends or expires."""
    points = [pull_points.create(EVERYTHING, seconds(60 + number))[0] for number in range(16)]
    assert len(set(points)) == 16
    with pytest.raises(SubscribeCreationFailed, match="16"):
        pull_points.create(EVERYTHING, None)
    pull_points.subscriptions.unsubscribe(points[5])
    pull_points.create(EVERYTHING, timedelta(minutes=10))
    with pytest.raises(SubscribeCreationFailed):
        pull_points.create(EVERYTHING, None)
    clock.now += 60
    pull_points.create(EVERYTHING, None)
    with pytest.raises(SubscribeCreationFailed):
        pull_points.create(EVERYTHING, None)


def test_ids_are_names_that_nobody_guesses(pull_points: PullPoints) -> None:
    """128 random bits, an NCName of at most 64 characters, fit for a URL's path."""
    point, _ = pull_points.create(EVERYTHING, None)
    prefix, _, token = point.partition("-")
    assert prefix == "pullpoint"
    assert len(bytes.fromhex(token)) == 16
    assert len(point) <= 64


def test_concurrent_publishers_lose_nothing_and_keep_order(threads: ThreadPoolExecutor) -> None:
    """16 pull points with a reader each and four publishers: everybody gets everything, in one order."""
    publishers, each = 4, 50
    points = PullPoints(Subscriptions())
    ids = [points.create(EVERYTHING, None)[0] for _ in range(16)]

    def read(point: str) -> list[Notification]:
        received: list[Notification] = []
        while len(received) < publishers * each:
            received += points.pull(point, LONG, 7).notifications
        return received

    together = threading.Barrier(publishers)

    def publish(publisher: int) -> None:
        together.wait(DEADLINE)
        for number in range(each):
            points.subscriptions.publish(event(publisher * each + number))

    readers = [threads.submit(read, point) for point in ids]
    for writer in [threads.submit(publish, publisher) for publisher in range(publishers)]:
        writer.result(DEADLINE)
    received = [reader.result(DEADLINE) for reader in readers]
    points.subscriptions.close()

    assert all(sequence == received[0] for sequence in received)
    for publisher in range(publishers):
        sent = [event(publisher * each + number) for number in range(each)]
        assert [notification for notification in received[0] if notification in sent] == sent
