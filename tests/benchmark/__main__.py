"""The command: measures everything and prints the table."""

import argparse
import signal
import sys
import time

from tests.benchmark.measure import FULL, QUICK, measure


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests/benchmark/run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a rough measurement in half a minute")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # what was started is ended on the way out
    started = time.monotonic()
    for line in measure(QUICK if options.quick else FULL):
        print(line, flush=True)
    print(f"measured in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
