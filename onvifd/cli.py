"""The command line: `onvifd serve`, `onvifd demo` and `onvifd check`.

A command imports what it needs, and no more: `serve` becomes the process that stays beside the device.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from onvifd import __version__
from onvifd.config import load

CONFIG = Path("/etc/onvifd/onvifd.toml")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0, or 1 after one line on what is wrong."""
    parser = argparse.ArgumentParser(prog="onvifd", description="The ONVIF TLS Configuration Add-on.")
    parser.add_argument("--version", action="version", version=f"onvifd {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="run the device in the foreground, as init does")
    serve.add_argument("--config", type=Path, default=CONFIG, help="default: %(default)s")
    serve.set_defaults(run=_serve)

    checking = commands.add_parser("check", help="check configuration, store and web server")
    checking.add_argument("--config", type=Path, default=CONFIG, help="default: %(default)s")
    checking.set_defaults(run=_check)

    bench = commands.add_parser("demo", help="a complete device on this machine, to try a client against")
    bench.add_argument(
        "--server", choices=("nginx", "lighttpd"), default="nginx", help="default: %(default)s"
    )
    bench.add_argument("--http", type=int, default=8080, metavar="PORT", help="default: %(default)s")
    bench.add_argument(
        "--https",
        type=int,
        default=8443,
        metavar="PORT",
        help="what GetNetworkProtocols shows while HTTPS is off; default: %(default)s",
    )
    bench.add_argument("--state", type=Path, metavar="DIR", help="keep the device's state here")
    bench.add_argument(
        "--discovery",
        action="store_true",
        help="let clients on this machine find the device with WS-Discovery, on the loopback interface only",
    )
    bench.add_argument(
        "--admin-password",
        metavar="PASSWORD",
        help="of the user admin on a new device; default: a random one. Others on this machine can read a"
        " command line: for more than a bench use the environment variable ONVIFD_ADMIN_PASSWORD",
    )
    bench.set_defaults(run=_demo)

    options = parser.parse_args(arguments)
    try:
        return int(options.run(options) or 0)
    except Exception as error:
        from onvifd.assembly import OPERATOR_ERRORS
        from onvifd.server import StateInUse

        if not isinstance(error, (*OPERATOR_ERRORS, StateInUse)):
            raise
        print(f"onvifd: {error}", file=sys.stderr)
        return 1


def _serve(options: argparse.Namespace) -> None:
    from onvifd import server

    server.serve(load(options.config))


def _check(options: argparse.Namespace) -> int:
    from onvifd import check

    return check.report(load(options.config))


def _demo(options: argparse.Namespace) -> None:
    from onvifd import demo

    demo.run(options)
