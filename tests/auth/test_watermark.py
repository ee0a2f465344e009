"""A UsernameToken that was used is refused after a restart, and nobody is locked out by that."""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from onvifd.auth import watermark
from onvifd.auth.authenticator import Authenticator
from onvifd.auth.errors import NotAuthorized
from onvifd.auth.users import User
from onvifd.auth.watermark import RESERVE, Watermark
from tests.auth import wire
from tests.auth.conftest import PASSWORD, Clock

START = 60
"""Seconds that a machine needs to start."""


class Machine:
    """A device that loses its power or its service, and the clients that log in to it."""

    def __init__(
        self, make: Callable[..., Authenticator], clock: Clock, files: Path, patch: pytest.MonkeyPatch
    ) -> None:
        self._make = make
        self._clock = clock
        self._files = files
        self._patch = patch
        self._service = make()

    def stop(self) -> None:
        """What init does."""
        self._service.close()
        self.crash()

    def crash(self) -> None:
        """kill -9, and the arbiter starts a new one."""
        self._clock.advance(2)
        self._service = self._make()

    def power_cut(self, *, seconds: float = START) -> None:
        """What is in memory is lost, and the machine has a new boot ID."""
        (self._files / "exact").unlink()
        boot_id = self._files / "boot_id"
        boot_id.write_text(f"{random.randbytes(16).hex()}\n")
        self._patch.setattr(watermark, "_BOOT_ID", boot_id)
        self._clock.advance(seconds)
        self._service = self._make()

    def token(self, *, ahead: float = 0) -> str:
        """What a client sends whose clock is ahead of the device's by some seconds."""
        return wire.token("admin", PASSWORD, wire.zulu(self._clock.now + timedelta(seconds=ahead)))

    def log_in(self, token: str) -> User | None:
        return self._service.authenticate(
            header=wire.security(token), authorization=None, method="POST", uri="/", source="192.0.2.1"
        )

    def refusal(self, token: str) -> str:
        with pytest.raises(NotAuthorized) as caught:
            self.log_in(token)
        return str(caught.value)


@pytest.fixture
def machine(
    make_authenticator: Callable[..., Authenticator],
    clock: Clock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Machine:
    return Machine(make_authenticator, clock, tmp_path, monkeypatch)


@pytest.mark.parametrize("how", [Machine.stop, Machine.crash, Machine.power_cut])
@pytest.mark.parametrize("ahead", [-200, 0, 200])
def test_no_replay_after_a_restart_and_no_waiting(
    machine: Machine, how: Callable[[Machine], None], ahead: float
) -> None:
    """Whatever the client's clock shows: it is compared with itself."""
    used = machine.token(ahead=ahead)
    assert machine.log_in(used)
    how(machine)
    assert "the device has restarted" in machine.refusal(used).lower()
    assert machine.log_in(machine.token(ahead=ahead))
    how(machine)
    machine.refusal(used)


def test_what_was_recorded_and_never_arrived_is_refused_too(machine: Machine) -> None:
    """It can't be told from one that was used, and its sender has the answer of a device that is gone."""
    recorded = machine.token()
    assert machine.log_in(machine.token())
    machine.stop()
    machine.refusal(recorded)


def test_the_same_second_counts_as_used(machine: Machine, clock: Clock) -> None:
    created = clock.now.isoformat().replace("+00:00", ".900Z")
    used = wire.token("admin", PASSWORD, created)
    assert machine.log_in(used)
    machine.stop()
    machine.refusal(used)


def test_after_a_quick_power_cut_clients_wait_for_the_rest_of_the_reserve(
    machine: Machine, clock: Clock
) -> None:
    used = machine.token()
    assert machine.log_in(used)
    machine.power_cut(seconds=5)
    reason = machine.refusal(machine.token())
    after = clock.now + timedelta(seconds=RESERVE - 5)
    assert f"a Created after {wire.zulu(after)}, or use HTTP Digest" in reason
    clock.advance(RESERVE - 5)
    machine.refusal(used)
    machine.refusal(machine.token())
    clock.advance(1)
    assert machine.log_in(machine.token())


def test_the_one_behind_waits_for_the_one_ahead(machine: Machine, clock: Clock) -> None:
    assert machine.log_in(machine.token(ahead=100))
    machine.stop()
    machine.refusal(machine.token())
    clock.advance(100)
    assert machine.log_in(machine.token())


def test_a_clock_that_is_set_back_locks_nobody_out(machine: Machine, clock: Clock) -> None:
    """A mark in the future counts for nothing, and does not stand in the way of the next one."""
    clock.advance(86400 * 365)
    assert machine.log_in(machine.token())
    clock.advance(-86400 * 365)
    machine.crash()
    used = machine.token()
    assert machine.log_in(used)
    for how in (machine.crash, machine.stop, machine.power_cut):
        how()
        machine.refusal(used)


def test_a_clock_that_is_wrong_until_it_is_set_forgets_nothing(machine: Machine, clock: Clock) -> None:
    """A device without a battery starts in 1970; a client that goes by the device's clock logs in meanwhile."""
    used = machine.token()
    assert machine.log_in(used)
    at = clock.now
    clock.now = clock.now.replace(year=1970)
    machine.power_cut()
    assert machine.log_in(machine.token())
    clock.now = at + timedelta(seconds=START)
    machine.refusal(used)
    assert machine.log_in(machine.token())


def test_it_is_stored_just_twice_a_minute(
    machine: Machine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flash wears out."""
    stored: list[int] = []
    monkeypatch.setattr(os, "fdatasync", stored.append)
    for _ in range(600):
        assert machine.log_in(machine.token())
        clock.advance(0.5)
    assert len(stored) == 300 // (RESERVE + 1) + 1


def test_it_is_stored_before_the_token_is_accepted(tmp_path: Path) -> None:
    mark = Watermark(tmp_path / "durable", tmp_path / "exact")
    for second in (1000, 1001, 1030, 1031, 1500):
        mark.advance(second, second + 300)
        (tmp_path / "copy").write_bytes((tmp_path / "durable").read_bytes())  # the power is cut here
        after = Watermark(tmp_path / "copy", tmp_path / f"none-{second}")
        assert second <= after.before <= second + RESERVE
        after.close()
    mark.close()


def test_a_full_disk_locks_nobody_out(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with caplog.at_level(logging.WARNING):
        assert machine.log_in(machine.token())
    assert "No space left on device" in caplog.text


@pytest.mark.parametrize("content", [b"", b"short", bytes(100)])
def test_a_damaged_file_keeps_nothing_from_starting(tmp_path: Path, content: bytes) -> None:
    for name in ("durable", "exact"):
        (tmp_path / name).write_bytes(content)
    mark = Watermark(tmp_path / "durable", tmp_path / "exact")
    assert not mark.covers(1_800_000_000, 1_800_000_300)
    mark.close()
    mark.close()
