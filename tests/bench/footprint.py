"""The command that prints what the device costs on a small camera: one processor, and little memory.

Times are those of QEMU's emulation, on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench import build
from tests.bench.guest import Guest
from tests.bench.image import Image
from tests.pki import Authority
from tests.support import wait_until
from tests.workflow import steps
from tests.workflow.clients import OnvifPython
from tests.workflow.tls import openssl_chain

START_TIMEOUT = 180.0
"""Seconds to the first answer. A device that takes longer has no use."""
KEYS = 5
MEGABYTE = 1_000_000
SMALL = MEGABYTE // 2
PROCESSES = (
    "for process in /proc/[0-9]*; do"
    " size=$(sed -n 's/^Pss: *\\([0-9]*\\) kB/\\1/p' $process/smaps_rollup 2>/dev/null);"
    ' [ -z "$size" ] || echo "$size $(tr "\\0" " " <$process/cmdline)";'
    " done"
)
"""Prints the proportional set size (KiB) and the command line of each process."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests/bench/footprint", description=__doc__)
    build.add_options(parser)
    parser.add_argument("--memory", type=int, nargs="+", default=[128, 96], metavar="MIB")
    options = parser.parse_args()
    made = build.build(parser, options)
    for line in sizes(made):
        print(line)
    for memory in options.memory:
        with tempfile.TemporaryDirectory(prefix="onvifd-footprint-") as directory:
            for line in measure(made, Path(directory), memory):
                print(line, flush=True)


def sizes(made: Image) -> Iterator[str]:
    """Installed bytes by package, the larger ones."""
    found = json.loads(made.sizes.read_text())
    yield f"installed size in MB ({made.architecture}, root file system)"
    for package, size in sorted(found.items(), key=lambda item: -item[1]):
        if size >= SMALL:
            yield f"{size / MEGABYTE:10.1f}  {package}"
    yield f"{sum(size for size in found.values() if size < SMALL) / MEGABYTE:10.1f}  smaller ones"
    yield f"{sum(found.values()) / MEGABYTE:10.1f}  in all"


def measure(made: Image, directory: Path, memory: int) -> Iterator[str]:
    """Boot a guest, do the main job, and tell what it took."""
    yield f"\n{memory} MB of memory, one processor"
    guest = Guest(made, directory, memory=memory)
    try:
        started = time.monotonic()
        guest.power_on()
        try:
            wait_until(guest.starts, START_TIMEOUT)
            service = time.monotonic()
            guest.wait_until_it_answers(START_TIMEOUT)
        except AssertionError:
            yield "            does not come up: its programs do not fit into the memory beside each other"
            return
        answered = time.monotonic()
        yield f"{answered - started:10.1f}  s from power-on to the first answer"
        yield f"{answered - service:10.1f}  s of it from the start of the service"
        yield from _memory(guest, "idle")
        client = OnvifPython(guest)
        yield f"{statistics.mean(_keys(client)):10.1f}  s for a 2048-bit key (mean of {KEYS})"
        _main_job(guest, client, directory)
        yield from _memory(guest, "after the main job")
        killed = guest.shell("dmesg | grep -ci 'out of memory' || true").strip()
        yield f"{killed:>10}  processes killed for want of memory"
    finally:
        guest.close()


def _memory(guest: Guest, when: str) -> Iterator[str]:
    found = [line.split(maxsplit=1) for line in guest.shell(PROCESSES).strip().splitlines()]
    named = [(int(size), command.strip()) for size, command in (each for each in found if len(each) == 2)]
    of_interest = [
        each for each in named if "onvifd" in each[1] or "nginx" in each[1] or "lighttpd" in each[1]
    ]
    yield f"proportional set size in MiB, {when}"
    for size, command in sorted(of_interest, reverse=True):
        yield f"{size / 1024:10.1f}  {command[:60]}"
    yield f"{sum(size for size, _ in of_interest) / 1024:10.1f}  in all"
    available = int(guest.shell("sed -n 's/^MemAvailable: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo"))
    yield f"{available / 1024:10.1f}  available to others"


def _keys(client: OnvifPython) -> Iterator[float]:
    for _ in range(KEYS):
        started = time.monotonic()
        key = steps.create_key(client)
        yield time.monotonic() - started
        client.call("keystore", "DeleteKey", KeyID=key)


def _main_job(guest: Guest, client: OnvifPython, directory: Path) -> None:
    """TLS Configuration Add-on 6.1.1 and 6.1.2."""
    root = Authority.root()
    intermediate = root.intermediate()
    trusted = directory / "root.pem"
    trusted.write_bytes(root.pem)
    path = steps.serve_https(client, guest.https_port, root, intermediate)
    assert openssl_chain(guest.https_port, trusted) == path.chain
    client = OnvifPython(guest, use_https=True, ca=trusted)
    new = steps.certified_path(client, root, intermediate, alias="update")
    steps.replace(client, path.id, new.id)
    assert openssl_chain(guest.https_port, trusted) == new.chain


if __name__ == "__main__":
    main()
