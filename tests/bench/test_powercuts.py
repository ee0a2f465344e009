"""Nothing is lost when the power is: the short version of tests/bench/powercuts."""

import os
import random
from pathlib import Path

import pytest

from tests.bench.image import DATA, Image
from tests.bench.powercuts import PowerCuts

pytestmark = pytest.mark.bench

CUTS = 10


@pytest.mark.parametrize("filesystem", DATA)
def test_power_cuts(filesystem: str, image: Image, tmp_path: Path) -> None:
    seed = int(os.environ.get("BENCH_SEED", random.SystemRandom().randrange(2**32)))
    print(f"BENCH_SEED={seed}")
    cuts = PowerCuts(image, filesystem, seed, tmp_path)
    try:
        cuts.prepare()
        for _ in range(CUTS):
            cuts.at_random()
    except AssertionError as error:
        raise AssertionError(
            f"BENCH_SEED={seed}, {cuts.guest.directory}\n{error}\n{cuts.guest.log()}"
        ) from error
    finally:
        cuts.guest.close()
