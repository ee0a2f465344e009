"""The command that builds the image, and prints the directory that it is in."""

import argparse
import sys

from tests.bench import image
from tests.bench.debian import ARCHITECTURES, BuildError


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests/bench/build", description=__doc__)
    add_options(parser)
    options = parser.parse_args()
    try:
        print(image.build(options.arch, options.server).directory)
    except BuildError as error:
        sys.exit(f"tests/bench/build: {error}")


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the image is built for."""
    parser.add_argument("--arch", choices=ARCHITECTURES, default="x86_64")
    parser.add_argument("--server", choices=image.SERVERS, default="nginx")


if __name__ == "__main__":
    main()
