"""The device's clock and time zone as clients set them (Core 8.3.6 and 8.3.7)."""

import io
import re
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from keystore import Database
from onvifd.hooks import Hook


class ClockError(Exception):
    """A setting that a client asked for can't be taken; nothing was changed."""


class InvalidTimeZone(ClockError):
    """Not a time zone as POSIX writes it (Core 8.3.7)."""


class InvalidDateTime(ClockError):
    """Not a date and time that a clock can show (Core 8.3.7)."""


class NtpServerUndefined(ClockError):
    """The image has no NTP server to go by (Core 8.3.7)."""


class ClockNotSettable(ClockError):
    """The image gives no command to set the clock with."""


MANUAL, NTP = "Manual", "NTP"
"""The values of tt:SetDateTimeType."""

_MAXIMUM_LENGTH = 128
_NAME = r"(?:[A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)"
_OFFSET = r"[+-]?(?:[01]?\d|2[0-2])(?::[0-5]\d){0,2}"
"""POSIX goes up to 24 hours, no place on earth beyond 14. With the hour of daylight saving time it has to be
less than a day."""
_TIME = r"[+-]?(?:[01]?\d|2[0-4])(?::[0-5]\d){0,2}"
_YEAR_DAY = r"0*(?:\d{1,2}|[12]\d\d|3[0-5]\d|36[0-5])"
_DAY_RULE = rf"(?:J(?!0+\b){_YEAR_DAY}|{_YEAR_DAY}|M(?:0?[1-9]|1[0-2])\.[1-5]\.[0-6])(?:/{_TIME})?"
_POSIX = re.compile(
    rf"(?P<standard>{_NAME}{_OFFSET})(?P<daylight>{_NAME}(?:{_OFFSET})?(?P<rules>,{_DAY_RULE},{_DAY_RULE})?)?",
    re.ASCII,
)
"""IEEE 1003.1 8.3: `std offset [dst [offset] [, start [/time], end [/time]]]`."""
_LEADING_ZEROS = re.compile(r"(?<=,)0+(?=\d)|(?<=,J)0+(?=\d)")
"""Of a day of the year: the C library takes them, zoneinfo does not."""
_USUAL_RULES = ",M3.2.0,M11.1.0"
"""Where a zone has daylight saving time and no rules for it: as the C library has it."""


@dataclass(frozen=True)
class ClockSettings:
    """What GetSystemDateAndTime says of the clock besides the time."""

    kind: str
    """MANUAL or NTP."""
    daylight_savings: bool
    """As the client set it; else whether daylight saving time is in force."""
    time_zone: str
    """As POSIX writes it."""
    zone: ZoneInfo | None = field(default=None, compare=False)
    """The local time; None is that of the image."""


class Clock:
    """The settings of the clock: the image's until a client says otherwise.

    The vendor's command carries a change out: `command... Manual|NTP TIME ZONE`. TIME is such as
    2026-01-31T12:00:00Z, or empty where the clock is not to be set, ZONE empty until a client has set one.
    """

    def __init__(self, database: Database, hook: Hook, *, ntp: bool) -> None:
        """`ntp`: the image has NTP servers and goes by them."""
        self._database = database
        self._hook = hook
        self._ntp = ntp
        database.migrate(
            "clock",
            [
                "CREATE TABLE clock"
                " (kind TEXT NOT NULL, daylight_savings INTEGER NOT NULL, time_zone TEXT) STRICT;"
            ],
        )

    def settings(self) -> ClockSettings:
        time.tzset()  # the image's zone may be another one by now: the C library does not look by itself
        stored = self._stored()
        if stored is None:
            return ClockSettings(NTP if self._ntp else MANUAL, bool(time.localtime().tm_isdst), _local_zone())
        kind, daylight_savings, time_zone = stored
        if time_zone is None:
            return ClockSettings(kind, daylight_savings, _local_zone())
        zone = _zone_info(_effective(time_zone, daylight_savings))
        return ClockSettings(kind, daylight_savings, time_zone, zone)

    def set(self, kind: str, daylight_savings: bool, time_zone: str | None, moment: datetime | None) -> None:
        """Set the clock; a time zone of None stays as it is, a moment of None sets no time.

        Raises ClockNotSettable, InvalidTimeZone, NtpServerUndefined and HookFailed.
        """
        if not self._hook:
            raise ClockNotSettable("The clock of this device is set by its image and can't be set from here")
        if time_zone is not None:
            _check(time_zone)
        if kind == NTP and not self._ntp:
            raise NtpServerUndefined("This device has no NTP server: set the time with DateTimeType Manual")
        with self._database.transaction() as connection:
            if time_zone is None:
                former = self._stored()
                time_zone = former[2] if former else None
            connection.execute("DELETE FROM clock")
            connection.execute("INSERT INTO clock VALUES (?, ?, ?)", (kind, daylight_savings, time_zone))
            at = f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment is not None and kind == MANUAL else ""
            self._hook.run(kind, at, _effective(time_zone, daylight_savings) if time_zone else "")

    def reset(self) -> None:
        """Bring back what the image has (Core 8.3.8). Its clock goes on."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM clock")

    def _stored(self) -> tuple[str, bool, str | None] | None:
        with self._database.read() as connection:
            row = connection.execute("SELECT kind, daylight_savings, time_zone FROM clock").fetchone()
        return (row[0], bool(row[1]), row[2]) if row else None


def utc_moment(date: Mapping[str, int], time_of_day: Mapping[str, int]) -> datetime:
    """The moment of a tt:Date and a tt:Time in UTC. Raises InvalidDateTime."""
    try:
        moment = datetime(
            date["Year"],
            date["Month"],
            date["Day"],
            time_of_day["Hour"],
            time_of_day["Minute"],
            time_of_day["Second"],
            tzinfo=UTC,
        )
    except (ValueError, OverflowError) as error:
        raise InvalidDateTime(f"UTCDateTime is no date and time: {error}") from None
    if moment.year < 1970:
        raise InvalidDateTime("UTCDateTime is before 1970, where the clock begins")
    return moment


def _check(time_zone: str) -> None:
    if len(time_zone) > _MAXIMUM_LENGTH or not _POSIX.fullmatch(time_zone):
        raise InvalidTimeZone(
            "TZ must be a time zone as POSIX 1003.1 8.3 writes it, such as CET-1CEST,M3.5.0,M10.5.0/3"
        )


def _effective(time_zone: str, daylight_savings: bool) -> str:
    """The time zone, without its daylight saving part if that is to be ignored (Core 8.3.7)."""
    match = _POSIX.fullmatch(time_zone)
    return match["standard"] if match and not daylight_savings else time_zone


def _zone_info(time_zone: str) -> ZoneInfo:
    """What a POSIX time zone stands for: the footer of a TZif file without transitions (RFC 8536 3)."""
    match = _POSIX.fullmatch(time_zone)
    if match and match["daylight"] and not match["rules"]:
        time_zone += _USUAL_RULES
    time_zone = _LEADING_ZEROS.sub("", time_zone)
    header = struct.pack(">4sc15x6L", b"TZif", b"2", 0, 0, 0, 0, 1, 4)
    block = header + struct.pack(">lbb4s", 0, 0, 0, b"UTC\0")
    return ZoneInfo.from_file(io.BytesIO(block + block + f"\n{time_zone}\n".encode()))


def _local_zone() -> str:
    """The present offset as POSIX writes it: hours WEST of Greenwich, so UTC+1 is `CET-1`."""
    local = datetime.now(UTC).astimezone()
    offset = local.utcoffset()
    minutes = -int(offset.total_seconds() // 60) if offset else 0
    hours, rest = divmod(abs(minutes), 60)
    name = local.tzname() or "UTC"
    sign = "-" if minutes < 0 else ""
    return f"{name if name.isalpha() else f'<{name}>'}{sign}{hours}" + (f":{rest:02}" if rest else "")
