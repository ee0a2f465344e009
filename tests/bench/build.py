"""The command that builds the image, and prints the directory that it is in."""

import argparse
import sys

from tests.bench import image
from tests.bench.debian import ARCHITECTURES, BuildError
from tests.bench.image import Image


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests/bench/build", description=__doc__)
    add_options(parser)
    options = parser.parse_args()
    print(build(parser, options).directory)


def add_options(parser: argparse.ArgumentParser) -> None:
    """What the image is built for."""
    parser.add_argument("--arch", choices=ARCHITECTURES, default="x86_64")
    parser.add_argument("--server", choices=image.SERVERS, default="nginx")


def build(parser: argparse.ArgumentParser, options: argparse.Namespace) -> Image:
    """The image that the options name; ends the command with one line where it can't be built."""
    try:
        return image.build(options.arch, options.server)
    except BuildError as error:
        sys.exit(f"{parser.prog}: {error}")


if __name__ == "__main__":
    main()
