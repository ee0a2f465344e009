"""The command that boots the image: a device at 127.0.0.1 for anyone who develops a client. Ctrl-C ends it."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import tempfile
from pathlib import Path

from tests.bench import build, image
from tests.bench.guest import HOST, Guest


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests/bench/run", description=__doc__)
    build.add_options(parser)
    parser.add_argument("--filesystem", choices=image.DATA, default="ext4", help="of the data partition")
    parser.add_argument("--memory", type=int, default=256, help="in MiB (default: %(default)s)")
    parser.add_argument(
        "--http", type=int, default=8080, help="where the device's port 80 is (default: %(default)s)"
    )
    parser.add_argument(
        "--https",
        type=int,
        nargs="+",
        default=[8443, 8444],
        metavar="PORT",
        help="the device's ports of these numbers are here (default: 8443 8444)",
    )
    parser.add_argument(
        "--state",
        type=Path,
        help="the directory of its data partition, to be kept (default: a temporary one)",
    )
    parser.add_argument(
        "--admin-password", help="of a device that leaves the factory (default: a random one)"
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with contextlib.ExitStack() as stack:
        directory = options.state or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="onvifd-bench-"))
        )
        made = build.build(parser, options)
        try:
            guest = Guest(
                made,
                directory,
                password=options.admin_password,
                filesystem=options.filesystem,
                memory=options.memory,
                http_port=options.http,
                https_ports=options.https,
            )
            stack.enter_context(contextlib.suppress(KeyboardInterrupt))
            stack.enter_context(contextlib.closing(guest))
            guest.power_on()
            print(f"url       {guest.url}")
            print(f"https     its ports {', '.join(map(str, options.https))} are those of {HOST}")
            print(f"user      {guest.user}")
            print(f"password  {guest.password}")
            print(f"console   {directory / 'console'}", flush=True)
            guest.wait_until_it_answers()
            print("ready", flush=True)
            assert guest.process.wait() == 0, f"QEMU ended\n{guest.log()}"
        except AssertionError as error:
            sys.exit(f"tests/bench/run: {error}")


if __name__ == "__main__":
    main()
