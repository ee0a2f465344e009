"""Power cuts: QEMU is killed at random moments, under a client that changes the device all the time.

The command `tests/bench/powercuts` cuts the power as often as wanted. Its seed makes the same cuts again: in the same
order, after as many changes and as much time, or in the same part of a start. How far the device has come by then is
the machine's affair. So a run that fails leaves the disk as the last cut left it (data-as-left.qcow2): as data.qcow2
in a directory of its own, beside the file password, `tests/bench/run --state` starts from it as often as wanted.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.bench import build, image
from tests.bench.guest import Guest
from tests.bench.image import Image
from tests.pki import Authority
from tests.support import wait_until
from tests.workflow.owner import Owner, answers, assert_sound, working
from tests.workflow.tls import openssl_chain

PATIENCE = 300.0
"""Seconds for a round of the work, on a busy machine."""
MOMENTS = [(0, 8.0), *((changes, 0.5) for changes in range(1, 9))]
"""When to cut: so many requests that change something, then at most so many seconds. A round of the work has eight
such requests, and most of its time goes into generating the key."""
STATE = "onvifd"
"""The state directory, in the data partition."""


class PowerCuts:
    """A device whose power is cut again and again. Every method raises AssertionError where something is lost."""

    def __init__(self, image: Image, filesystem: str, seed: int, directory: Path) -> None:
        self.guest = Guest(image, directory, filesystem=filesystem)
        self._image = image
        self._chance = random.Random(seed)
        root = Authority.root()
        self._root_file = directory / "root.pem"
        self._root_file.write_bytes(root.pem)
        first, second = self.guest.https_ports
        self._owner = Owner(self.guest, (first, second), root, root.intermediate())
        self._boot_time = 0.0
        self.met: Counter[str] = Counter()
        """How often which operation was cut short."""

    def prepare(self) -> None:
        """Cut the power once in the very first start, and set up HTTPS."""
        self._measure_boot()
        self.in_the_first_start()
        self._owner.prepare()
        self._owner.renew()

    def _measure_boot(self) -> None:
        started = time.monotonic()
        self.guest.boot()
        self._boot_time = time.monotonic() - started
        self.guest.cut_power()

    def in_the_first_start(self) -> None:
        """A new device, whose power is cut while it starts, starts. What it left may be no store yet."""
        self.guest.close()
        self.guest.erase()
        self._start_and_cut()
        self._boot()

    def in_a_start(self) -> None:
        """A device at work, whose power is cut while it starts, has all that it had."""
        self.guest.cut_power()
        self._start_and_cut()
        self._boot()
        self._assert_nothing_lost()

    def at_work(self) -> None:
        """A device, whose power is cut at work, has all that it had answered, and none of it by halves."""
        changes, longest = self._chance.choice(MOMENTS)
        moment = longest * self._chance.random()
        self._owner.count_down(changes)
        with working(self._owner, PATIENCE) as unanswered:
            assert self._owner.counted_down.wait(PATIENCE)
            time.sleep(moment)  # not to wait for something: the moment is what is random
            assert not unanswered, f"{unanswered[0]} was not answered, with the power on"
            self.guest.cut_power()
        print(f"{changes} changes and {moment:.3f} s: {unanswered[0]}", flush=True)
        self.met[unanswered[0]] += 1
        self._boot()
        self._assert_nothing_lost()

    def at_random(self) -> None:
        """One of the above."""
        chosen: Callable[[], None] = self._chance.choices((self.at_work, self.in_a_start), (4, 1))[0]
        chosen()

    def _start_and_cut(self) -> None:
        moment = self._boot_time * self._chance.random()
        self.guest.power_on()
        time.sleep(moment)
        self.guest.cut_power()
        print(f"{moment:.3f} s after power-on", flush=True)
        self.met["the start"] += 1

    def _boot(self) -> None:
        """The partition as the cut left it is kept beside, for whoever wants to see why a start failed."""
        shutil.copy(self.guest.data, self.guest.directory / "data-as-left.qcow2")
        self.guest.boot()
        wait_until(lambda: answers(self._owner), PATIENCE)

    def _assert_nothing_lost(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            self.guest.fetch_state_as_left(Path(directory))
            assert_sound(Path(directory) / STATE)
        owner = self._owner
        owner.assert_nothing_lost()
        for port in owner.https_ports:
            if port in owner.stored.https:
                # A web server that could not take it over in time on a busy machine gets it again after a while.
                wait_until(lambda: self.guest.serves(port), PATIENCE)  # noqa: B023
                assert openssl_chain(port, self._root_file) == owner.served()
            else:
                assert not self.guest.serves(port), f"{port} is served"
        wait_until(owner.all_keys_are_ok, PATIENCE)


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests/bench/powercuts", description=__doc__)
    build.add_options(parser)
    parser.add_argument("--filesystem", choices=image.DATA, default="ext4", help="of the data partition")
    parser.add_argument("--cuts", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    options = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="onvifd-powercuts-"))
    print(f"seed {options.seed}, {options.filesystem}, {directory}", flush=True)
    cuts = PowerCuts(build.build(parser, options), options.filesystem, options.seed, directory)
    started = time.monotonic()
    try:
        cuts.prepare()
        for number in range(1, options.cuts + 1):
            print(f"{number}: ", end="", flush=True)
            cuts.at_random()
    except AssertionError as error:
        sys.exit(
            f"{error}\nseed {options.seed}; what is left of the device is in {directory}\n{cuts.guest.log()}"
        )
    finally:
        cuts.guest.close()
    shutil.rmtree(directory)
    met = ", ".join(f"{name} {number}" for name, number in cuts.met.most_common())
    print(f"{options.cuts} power cuts, nothing lost, in {time.monotonic() - started:.0f} s; met: {met}")


if __name__ == "__main__":
    main()
