"""The clock as clients set it (Core 8.3.7)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keystore.database import Database
from onvifd.clock import (
    _POSIX,
    Clock,
    ClockNotSettable,
    InvalidDateTime,
    InvalidTimeZone,
    _check,
    _effective,
    _zone_info,
    utc_moment,
)
from onvifd.hooks import Hook, HookFailed

PARIS = "CET-1CEST,M3.5.0,M10.5.0/3"
JANUARY, JULY = (datetime(2026, month, 1, 12, tzinfo=UTC) for month in (1, 7))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "onvifd.db")
    yield database
    database.close()


def a_clock(database: Database, *command: str, ntp: bool = False) -> Clock:
    return Clock(database, Hook(command or ("true",), "set its clock"), ntp=ntp)


def offset(clock: Clock, moment: datetime) -> float:
    """Hours EAST of Greenwich at a moment."""
    found = moment.astimezone(clock.settings().zone).utcoffset()
    assert found is not None
    return found / timedelta(hours=1)


@pytest.mark.parametrize(
    ("zone", "january", "july"),
    [
        ("UTC0", 0, 0),
        (PARIS, 1, 2),
        ("PST8PDT,M3.2.0,M11.1.0", -8, -7),
        ("PST8PDT", -8, -7),
        ("<+0330>-3:30", 3.5, 3.5),
        ("NZST-12NZDT,M9.5.0,M4.1.0/3", 13, 12),
        ("AAA-1BBB-3,J60/0,J300/0", 1, 3),
        ("AAA-1BBB-3,J0060/0,0299/0", 1, 3),
    ],
)
def test_time_zones_of_posix(database: Database, zone: str, january: float, july: float) -> None:
    clock = a_clock(database)
    clock.set("Manual", True, zone, None)
    assert clock.settings().time_zone == zone
    assert (offset(clock, JANUARY), offset(clock, JULY)) == (january, july)


@given(zone=st.from_regex(_POSIX, fullmatch=True).filter(lambda zone: len(zone) <= 128))
def test_each_time_zone_that_is_accepted_has_a_local_time(zone: str) -> None:
    """Else GetSystemDateAndTime, which every client asks first, would be lost with it."""
    _check(zone)
    for daylight_savings in (True, False):
        found = _zone_info(_effective(zone, daylight_savings))
        for moment in (JANUARY, JULY):
            assert abs(moment.astimezone(found).utcoffset() or timedelta()) < timedelta(days=1)


def test_the_zone_of_the_image_is_looked_at_each_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A factory default, or a user at the device's own menu, may have changed it."""
    clock = a_clock(database)
    with monkeypatch.context() as patch:
        for zone in ("JST-9", "EST5"):
            patch.setenv("TZ", zone)
            assert clock.settings().time_zone == zone
            assert datetime(2026, 1, 1, tzinfo=UTC).astimezone().tzname() == zone[:3]
    time.tzset()


def test_the_daylight_saving_part_can_be_ignored(database: Database, tmp_path: Path) -> None:
    """Core 8.3.7: the client reads what it wrote, and the image gets what is in force."""
    clock = a_clock(database, "sh", "-c", f'echo "$3" >{tmp_path}/zone', "set")
    clock.set("Manual", False, PARIS, None)
    assert (clock.settings().time_zone, clock.settings().daylight_savings) == (PARIS, False)
    assert (offset(clock, JANUARY), offset(clock, JULY)) == (1, 1)
    assert (tmp_path / "zone").read_text() == "CET-1\n"


def test_a_time_zone_stays_until_another_one_is_set(database: Database) -> None:
    clock = a_clock(database)
    clock.set("Manual", True, PARIS, None)
    clock.set("Manual", True, None, JULY)
    assert a_clock(database).settings().time_zone == PARIS
    clock.reset()
    assert clock.settings().zone is None


def test_ntp_sets_no_time(database: Database, tmp_path: Path) -> None:
    clock = a_clock(database, "sh", "-c", f'printf "%s|" "$@" >{tmp_path}/seen', "set", ntp=True)
    assert clock.settings().kind == "NTP"
    clock.set("NTP", False, None, JULY)
    assert (tmp_path / "seen").read_text() == "NTP|||"
    clock.set("Manual", False, None, JULY)
    assert (tmp_path / "seen").read_text() == "Manual|2026-07-01T12:00:00Z||"
    assert clock.settings().kind == "Manual"


@pytest.mark.parametrize(
    "zone",
    [
        *(
            "",
            "UTC",
            "INVALIDTIMEZONE",
            "Europe/Paris",
            ":CET",
            "AB1",
            "CET-25",
            "CET-23CEST",
            "CET-1:60",
            "CET-1CEST,M3.5.0",
        ),
        *(
            "CET-1CEST,M0.5.0,M10.5.0",
            "CET-1CEST,M3.6.0,M10.5.0",
            "CET-1CEST,M3.5.7,M10.5.0",
            "CET-1CEST,J0,J9",
        ),
        *("CET-1CEST,J366,J9", "CET-1CEST,366,9", f"A{'A' * 200}0", "CET-1\nX", "ÄÖÜ-1"),
    ],
)
def test_what_is_no_time_zone_changes_nothing(database: Database, zone: str) -> None:
    clock = a_clock(database)
    clock.set("Manual", True, PARIS, None)
    before = clock.settings()
    with pytest.raises(InvalidTimeZone):
        clock.set("Manual", True, zone, None)
    assert clock.settings() == before


@pytest.mark.parametrize(
    "changes", [{"Day": 31}, {"Month": 0}, {"Year": 1969}, {"Year": 10000}, {"Year": -1}]
)
def test_what_is_no_date(changes: dict[str, int]) -> None:
    with pytest.raises(InvalidDateTime):
        utc_moment({"Year": 2026, "Month": 11, "Day": 1, **changes}, {"Hour": 0, "Minute": 0, "Second": 0})


@pytest.mark.parametrize("changes", [{"Hour": 24}, {"Minute": 60}, {"Second": 60}, {"Second": -1}])
def test_what_is_no_time(changes: dict[str, int]) -> None:
    with pytest.raises(InvalidDateTime):
        utc_moment({"Year": 2026, "Month": 11, "Day": 1}, {"Hour": 0, "Minute": 0, "Second": 0, **changes})


def test_a_refused_change_is_none(database: Database) -> None:
    with pytest.raises(HookFailed, match="could not set its clock"):
        a_clock(database, "false").set("Manual", True, PARIS, None)
    assert a_clock(database).settings().zone is None


def test_without_a_command_it_can_not_be_set(database: Database) -> None:
    with pytest.raises(ClockNotSettable):
        Clock(database, Hook((), ""), ntp=False).set("Manual", True, PARIS, None)
