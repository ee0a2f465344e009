"""XML Schema's dates and durations: XML Schema 1.1 part 2, 3.3.6 and 3.3.7."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onvifd.soap.datatypes import (
    Duration,
    format_date_time,
    format_duration,
    parse_date_time,
    parse_duration,
)

START = datetime(2024, 1, 31, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "months", "seconds"),
    [
        ("PT60S", 0, "60"),
        ("PT1M", 0, "60"),
        ("PT2M", 0, "120"),
        ("PT10M", 0, "600"),
        ("P1D", 0, "86400"),
        ("P1Y", 12, "0"),
        ("P1M", 1, "0"),
        ("P1Y2M3DT4H5M6.75S", 14, "273906.75"),
        ("-P1Y2M", -14, "0"),
        ("-PT0.5S", 0, "-0.5"),
        ("P0D", 0, "0"),
        ("PT0000000060S", 0, "60"),
        ("PT36H", 0, "129600"),
        ("P9999Y", 9999 * 12, "0"),
    ],
)
def test_durations(text: str, months: int, seconds: str) -> None:
    assert parse_duration(text) == Duration(months, Decimal(seconds))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "P",
        "PT",
        "P1DT",
        "1S",
        "PT1",
        "P1S",
        "PT1D",
        "P-1D",
        "--P1D",
        "+P1D",
        "PT1.S",
        "PT.5S",
        "P1.5D",
        "PT1S ",
        "pt1s",
        "P1M1Y",
        "PT1S1M",
        "P1W",
        "P\u0661D",
        "PT1,5S",
    ],
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    "text", ["P10000Y", "P99999999999999Y", f"P{'9' * 5000}D", f"PT{'9' * 5000}S", f"PT0.{'1' * 99}S"]
)
def test_durations_beyond_all_dates(text: str) -> None:
    with pytest.raises(ValueError, match="9999 years"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("duration", "moment"),
    [
        (Duration(0, Decimal("90.5")), datetime(2024, 1, 31, 12, 1, 30, 500000, UTC)),
        (Duration(1, Decimal(0)), datetime(2024, 2, 29, 12, 0, tzinfo=UTC)),
        (Duration(13, Decimal(0)), datetime(2025, 2, 28, 12, 0, tzinfo=UTC)),
        (Duration(12, Decimal(86400)), datetime(2025, 2, 1, 12, 0, tzinfo=UTC)),
        (Duration(-1, Decimal(0)), datetime(2023, 12, 31, 12, 0, tzinfo=UTC)),
        (Duration(0, Decimal(-1)), datetime(2024, 1, 31, 11, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_duration_after_a_moment(duration: Duration, moment: datetime) -> None:
    """XML Schema 1.1 part 2, E.3.3: months first, the day cut to the month's last."""
    assert duration.after(START) == moment


@pytest.mark.parametrize("text", ["P9999Y", "-P9999Y", "P3650000D", "-P3650000D"])
def test_a_moment_outside_of_the_calendar(text: str) -> None:
    with pytest.raises(OverflowError):
        parse_duration(text).after(START)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2030-01-31T12:00:00Z", datetime(2030, 1, 31, 12, 0, tzinfo=UTC)),
        ("2030-01-31T12:00:00", datetime(2030, 1, 31, 12, 0, tzinfo=UTC)),
        ("2030-01-31T12:00:00.25Z", datetime(2030, 1, 31, 12, 0, 0, 250000, UTC)),
        ("2030-01-31T12:00:00.123456789Z", datetime(2030, 1, 31, 12, 0, 0, 123456, UTC)),
        ("2030-01-31T12:00:00+02:00", datetime(2030, 1, 31, 10, 0, tzinfo=UTC)),
        ("2030-01-31T12:00:00-14:00", datetime(2030, 2, 1, 2, 0, tzinfo=UTC)),
        ("2030-12-31T24:00:00Z", datetime(2031, 1, 1, tzinfo=UTC)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_dates(text: str, moment: datetime) -> None:
    assert parse_date_time(text) == moment
    assert parse_date_time(text).tzinfo is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2030",
        "2030-01-31",
        "2030-01-31 12:00:00Z",
        "2030-01-31T12:00Z",
        "2030-1-31T12:00:00Z",
        "20300131T120000Z",
        "2023-02-29T00:00:00Z",
        "2030-13-01T00:00:00Z",
        "2030-01-31T24:00:01Z",
        "2030-01-31T25:00:00Z",
        "2030-01-31T12:60:00Z",
        "2030-01-31T12:00:60Z",
        "2030-01-31T12:00:00+14:01",
        "2030-01-31T12:00:00+01:60",
        "2030-01-31T12:00:00z",
        "2030-01-31T12:00:00 Z",
        "2030-01-31T12:00:00.Z",
        "0000-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "-2030-01-31T12:00:00Z",
        "9999-12-31T24:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "\u0662030-01-31T12:00:00Z",
    ],
)
def test_what_is_no_date(text: str) -> None:
    with pytest.raises(ValueError, match="not a date"):
        parse_date_time(text)


@given(st.datetimes(timezones=st.just(UTC)))
def test_dates_come_back_to_the_second(moment: datetime) -> None:
    assert parse_date_time(format_date_time(moment)) == moment.replace(microsecond=0)


@given(st.timedeltas())
def test_durations_come_back(length: timedelta) -> None:
    text = format_duration(length)
    if abs(length) < timedelta(days=9999 * 365):
        assert parse_duration(text) == Duration(0, Decimal(length // timedelta(microseconds=1)) / 1_000_000)


def test_the_longest_timedelta_has_a_form() -> None:
    assert format_duration(timedelta.max) == "PT86399999999999.999999S"


@given(st.text(alphabet="-+PYMDTHS0123456789.:Z", max_size=30))
def test_any_text_is_a_value_or_a_value_error(text: str) -> None:
    for parse in (parse_duration, parse_date_time):
        try:
            value = parse(text)
        except ValueError as error:
            assert str(error).startswith("is ")
        else:
            assert isinstance(value, Duration | datetime)


def test_a_zone_is_needed() -> None:
    with pytest.raises(ValueError, match="zone"):
        format_date_time(datetime(2030, 1, 1))


def test_another_zone_is_converted() -> None:
    zone = timezone(timedelta(hours=-5))
    assert format_date_time(datetime(2030, 1, 1, tzinfo=zone)) == "2030-01-01T05:00:00Z"
