"""What the device is (Core 8.3): its clock, its make, its scopes and its identity."""

import time
from datetime import datetime
from typing import Any

from onvifd import __version__
from onvifd.call import Answer, Call


def get_system_date_and_time(call: Call) -> Answer:
    """Core 8.3.6. Clients set their UsernameTokens by it, so it needs no credentials."""
    now = call.device.now()
    local = now.astimezone()
    return {
        "SystemDateAndTime": {
            "tt:DateTimeType": "NTP" if call.device.config.device.ntp else "Manual",
            "tt:DaylightSavings": bool(time.localtime(now.timestamp()).tm_isdst),
            "tt:TimeZone": {"TZ": _posix_time_zone(local)},
            "tt:UTCDateTime": _date_and_time(now),
            "tt:LocalDateTime": _date_and_time(local),
        }
    }


def _date_and_time(moment: datetime) -> dict[str, Any]:
    return {
        "Time": {"Hour": moment.hour, "Minute": moment.minute, "Second": moment.second},
        "Date": {"Year": moment.year, "Month": moment.month, "Day": moment.day},
    }


def _posix_time_zone(local: datetime) -> str:
    """The present offset as POSIX 1003.1 8.3 writes it: hours WEST of Greenwich, so UTC+1 is `CET-1`."""
    offset = local.utcoffset()
    minutes = -int(offset.total_seconds() // 60) if offset else 0
    hours, rest = divmod(abs(minutes), 60)
    name = local.tzname() or "UTC"
    sign = "-" if minutes < 0 else ""
    return f"{name if name.isalpha() else f'<{name}>'}{sign}{hours}" + (f":{rest:02}" if rest else "")


def get_device_information(call: Call) -> Answer:
    """Core 8.3.1."""
    device = call.device.config.device
    return {
        "Manufacturer": device.manufacturer,
        "Model": device.model,
        "FirmwareVersion": device.firmware_version or __version__,
        "SerialNumber": device.serial_number,
        "HardwareId": device.hardware_id,
    }


def get_endpoint_reference(call: Call) -> Answer:
    """Core 8.4.9."""
    return {"GUID": call.device.endpoint_reference}
