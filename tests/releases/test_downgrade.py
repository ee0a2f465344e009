"""A device falls back to this version from a newer one, whose store this one does not understand."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.bench_device import REPOSITORY, BenchDevice
from tests.releases.contents import RELEASES, dump, restore
from tests.support import free_port


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory that this version has brought up to date."""
    device = BenchDevice(state=tmp_path_factory.mktemp("used") / "state")
    restore(RELEASES[-1], device.state, device.http_port, device.https_port)
    with device:
        pass
    for path in (device.state, *device.state.iterdir()):
        os.chown(path, os.getuid(), os.getgid())
    return device.state


@pytest.fixture
def state(used: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(used, tmp_path / "state")


def write_by_a_newer_version(state: Path, component: str) -> list[str]:
    """What is in the database then."""
    with closing(sqlite3.connect(state / "onvifd.db")) as database:
        database.execute("INSERT OR REPLACE INTO migration VALUES (?, 1000)", (component,))
        database.commit()
    return dump(state)


def run(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def config(state: Path, tmp_path: Path) -> Iterator[str]:
    path = tmp_path / "onvifd.toml"
    with tempfile.TemporaryDirectory(dir="/dev/shm") as run_dir:
        path.write_text(
            f"""
        state_dir = "{state}"
        run_dir = "{run_dir}"
        [protocols.http]
        enabled = true
        ports = [{free_port()}]
        [webserver]
        listen = ["127.0.0.1"]
        [discovery]
        enabled = false
        """
        )
        yield str(path)


@pytest.mark.parametrize("component", ["users", "keystore", "a component that only the newer one has"])
def test_it_does_not_start_and_says_why(config: str, state: Path, component: str) -> None:
    before = write_by_a_newer_version(state, component)
    served = run("onvifd", "serve", "--config", config)
    assert served.returncode != 0
    assert served.stderr.count("\n") == 1, served.stderr
    assert served.stderr.startswith(
        f"onvifd: The database {state}/onvifd.db holds version 1000 of {component}"
    )
    assert "install the newer program again" in served.stderr
    checked = run("onvifd", "check", "--config", config)
    assert (checked.returncode, f"onvifd: {checked.stdout}") == (1, served.stderr)
    assert dump(state) == before


def test_the_keystore_of_a_newer_version_is_not_judged(state: Path) -> None:
    before = write_by_a_newer_version(state, "keystore")
    verified = run("keystore", str(state))
    assert verified.returncode == 2
    assert verified.stderr.count("\n") == 1
    assert "holds version 1000 of keystore" in verified.stderr
    assert dump(state) == before
