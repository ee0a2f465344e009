"""kill -9 at any moment of the work: nothing half-done, nothing lost that was answered."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

from tests.bench_device import BenchDevice
from tests.pki import Authority
from tests.support import free_port, wait_until
from tests.workflow.owner import TIMEOUT, Owner, answers, assert_sound, working
from tests.workflow.tls import assert_presented

KILLS = 12
MOMENTS = [(0, 1.0), *((changes, 0.006) for changes in range(1, 9))]
"""When to kill: so many requests that change something, then at most so many seconds. A round of the work has
eight such requests and takes about a second. It is mostly spent with generating the key and verifying the web
server: by chance alone a kill would hardly ever meet another request."""


def test_kills_at_random_moments(
    fresh_device: BenchDevice, root: Authority, intermediate: Authority, root_file: Path
) -> None:
    """The service, the worker alone, or all with nginx; then the next start on the same state."""
    seed = int(os.environ.get("KILL_SEED", random.SystemRandom().randrange(2**32)))
    print(f"KILL_SEED={seed}")
    chance = random.Random(seed)
    owner = Owner(fresh_device, (fresh_device.https_port, free_port()), root, intermediate)
    owner.prepare()
    owner.renew()
    for number in range(KILLS):
        choose = (BenchDevice.service_processes, BenchDevice.workers, BenchDevice.processes)[number % 3]
        victims = choose(fresh_device)
        changes, moment = chance.choice(MOMENTS)
        moment *= chance.random()
        print(f"{number}: {choose.__name__}, {moment:.4f} s after change {changes}")
        owner.count_down(changes)
        with working(owner) as unanswered:
            owner.counted_down.wait(TIMEOUT)
            time.sleep(moment)  # not to wait for something: the moment is what is random
            fresh_device.kill(victims)
        print(f"    unanswered: {unanswered}")
        assert_sound(fresh_device.state)
        if not fresh_device.running:
            fresh_device.start()
        wait_until(lambda: answers(owner), TIMEOUT)
        owner.assert_nothing_lost()
        for port in owner.https_ports:
            if port in owner.stored.https:
                assert_presented(port, root_file, owner.served())
            else:
                assert not fresh_device.listening_on(port)
        wait_until(owner.all_keys_are_ok, TIMEOUT)


def test_a_web_server_left_by_a_killed_service_is_replaced(
    fresh_device: BenchDevice, root: Authority, intermediate: Authority, root_file: Path
) -> None:
    owner = Owner(fresh_device, (fresh_device.https_port, free_port()), root, intermediate)
    owner.prepare()
    owner.renew()
    fresh_device.kill(fresh_device.service_processes())
    left = fresh_device.processes()
    assert left
    assert fresh_device.listening_on(fresh_device.https_port), "nginx goes on without its service"
    fresh_device.start()
    assert not left.keys() & fresh_device.processes().keys()
    owner.assert_nothing_lost()
    assert_presented(fresh_device.https_port, root_file, owner.served())


def test_a_killed_web_server_is_started_again(
    fresh_device: BenchDevice, root: Authority, intermediate: Authority, root_file: Path
) -> None:
    owner = Owner(fresh_device, (fresh_device.https_port, free_port()), root, intermediate)
    owner.prepare()
    owner.renew()
    fresh_device.kill(fresh_device.web_servers())
    wait_until(lambda: answers(owner), TIMEOUT)
    owner.assert_nothing_lost()
    assert_presented(fresh_device.https_port, root_file, owner.served())
