"""XML Schema's dates, times and durations as Python values, both ways (XML Schema 1.1 part 2, 3.3)."""

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

_DURATION = re.compile(
    r"(?P<sign>-?)P(?=[0-9T])(?:(?P<years>[0-9]+)Y)?(?:(?P<months>[0-9]+)M)?(?:(?P<days>[0-9]+)D)?"
    r"(?:T(?=[0-9])(?:(?P<hours>[0-9]+)H)?(?:(?P<minutes>[0-9]+)M)?(?:(?P<seconds>[0-9]+(?:\.[0-9]+)?)S)?)?",
    re.ASCII,
)
_DATE_TIME = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})T(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
    r"(?:\.(?P<fraction>[0-9]+))?(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?",
    re.ASCII,
)
_LONGEST_TEXT = 64
_LONGEST_MONTHS = 9999 * 12
_LONGEST_SECONDS = 9999 * 366 * 86400


@dataclass(frozen=True)
class Duration:
    """An xs:duration. Both parts have the same sign; how long a month is depends on the day it starts."""

    months: int
    seconds: Decimal

    def after(self, start: datetime) -> datetime:
        """The moment this long after `start` (XML Schema part 2, E.3.3).

        Raises OverflowError outside of the years 1 to 9999.
        """
        return _add_months(start, self.months) + timedelta(microseconds=int(self.seconds * 1_000_000))


def _add_months(start: datetime, months: int) -> datetime:
    years, month = divmod(start.month - 1 + months, 12)
    year, month = start.year + years, month + 1
    if not 1 <= year <= 9999:
        raise OverflowError(f"the year would be {year}")
    day = min(start.day, calendar.monthrange(year, month)[1])
    return start.replace(year=year, month=month, day=day)


def parse_duration(text: str) -> Duration:
    """An xs:duration such as PT60S, P1DT2H or -P1Y.

    Raises ValueError with the reason, also for more than the 9999 years that a date can name.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("is not a duration such as PT60S or P1DT12H")
    if len(text) <= _LONGEST_TEXT:
        years, months, days, hours, minutes = (
            int(match[name] or 0) for name in ("years", "months", "days", "hours", "minutes")
        )
        months += 12 * years
        seconds = Decimal(match["seconds"] or 0) + 60 * (minutes + 60 * (hours + 24 * days))
        if months <= _LONGEST_MONTHS and seconds <= _LONGEST_SECONDS:
            return Duration(-months, -seconds) if match["sign"] else Duration(months, seconds)
    raise ValueError("is a duration of more than 9999 years")


def parse_date_time(text: str) -> datetime:
    """An xs:dateTime; in UTC if it names no zone, cut to microseconds.

    Raises ValueError with the reason, also outside of the years 1 to 9999.
    """
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        raise ValueError(
            "is not a date and time such as 2030-01-31T12:00:00Z between the years 0001 and 9999"
        )
    try:
        moment = datetime.fromisoformat(match["date"]).replace(
            minute=int(match["minute"]),
            second=int(match["second"]),
            microsecond=int((match["fraction"] or "0")[:6].ljust(6, "0")),
            tzinfo=_zone(match["zone"]),
        )
        hour = int(match["hour"])
        if hour > 24 or (hour == 24 and (moment.minute, moment.second, moment.microsecond) != (0, 0, 0)):
            raise ValueError("hour must be in 0..23")  # noqa: TRY301 - reported like the other fields
        moment += timedelta(hours=hour)  # 24:00:00 is the next day's first moment
        moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"is not a date and time: {error}") from None
    return moment


def _zone(text: str | None) -> timezone:
    if text is None or text == "Z":
        return UTC
    sign = -1 if text[0] == "-" else 1
    hours, minutes = int(text[1:3]), int(text[4:6])
    if minutes > 59 or (hours, minutes) > (14, 0):
        raise ValueError("time zone must be within 14:00 of UTC")
    return timezone(sign * timedelta(hours=hours, minutes=minutes))


def format_date_time(moment: datetime) -> str:
    """`YYYY-MM-DDThh:mm:ssZ`, the one form that every client reads.

    Raises ValueError for a time without a zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a time on the wire needs a zone")
    return f"{moment.astimezone(UTC).replace(tzinfo=None, microsecond=0).isoformat()}Z"


def format_duration(length: timedelta) -> str:
    """An xs:duration in seconds, `PT1S`: clients differ in how much of the longer forms they read."""
    microseconds = length // timedelta(microseconds=1)
    whole, fraction = divmod(abs(microseconds), 1_000_000)
    decimals = f".{fraction:06}".rstrip("0") if fraction else ""
    return f"{'-' if microseconds < 0 else ''}PT{whole}{decimals}S"
