"""What the device is (Core 8.3): its clock, its make, its scopes and its identity."""

from datetime import datetime
from typing import Any

from onvifd import __version__
from onvifd.call import Answer, Call
from onvifd.clock import utc_moment


def get_system_date_and_time(call: Call) -> Answer:
    """Core 8.3.6. Clients set their UsernameTokens by it, so it needs no credentials."""
    now = call.device.now()
    settings = call.device.clock.settings()
    return {
        "SystemDateAndTime": {
            "tt:DateTimeType": settings.kind,
            "tt:DaylightSavings": settings.daylight_savings,
            "tt:TimeZone": {"TZ": settings.time_zone},
            "tt:UTCDateTime": _date_and_time(now),
            "tt:LocalDateTime": _date_and_time(now.astimezone(settings.zone)),
        }
    }


def _date_and_time(moment: datetime) -> dict[str, Any]:
    return {
        "Time": {"Hour": moment.hour, "Minute": moment.minute, "Second": moment.second},
        "Date": {"Year": moment.year, "Month": moment.month, "Day": moment.day},
    }


def set_system_date_and_time(call: Call) -> Answer:
    """Core 8.3.7. The vendor's command sets the clock."""
    zone, utc = call.arguments["TimeZone"], call.arguments["UTCDateTime"]
    call.device.clock.set(
        call.arguments["DateTimeType"],
        call.arguments["DaylightSavings"],
        zone["TZ"] if zone else None,
        utc_moment(utc["Date"], utc["Time"]) if utc else None,
    )
    return {}


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
