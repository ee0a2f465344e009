"""The Test Case IDs that must exist, by series."""


def _ids(prefix: str, *numbers: int | range) -> tuple[str, ...]:
    each = (number if isinstance(number, range) else (number,) for number in numbers)
    return tuple(f"{prefix}-{number}" for numbers in each for number in numbers)


SERIES: dict[str, tuple[str, ...]] = {
    "ADVANCED_SECURITY": (
        *_ids("ADVANCED_SECURITY-1-1", range(1, 6)),
        *_ids("ADVANCED_SECURITY-2-1", range(1, 25), 27, 28),
        *_ids("ADVANCED_SECURITY-3-1", range(1, 9)),
        *_ids("ADVANCED_SECURITY-3-2", range(3, 6)),
        *_ids("ADVANCED_SECURITY-3-3", range(1, 4)),
        *_ids("ADVANCED_SECURITY-4-1", 1, 2),
        *_ids("ADVANCED_SECURITY-5-1", 1, 2),
        *_ids("ADVANCED_SECURITY-6-1", 1, 2),
        *_ids("ADVANCED_SECURITY-6-2", 1, 2),
        *_ids("ADVANCED_SECURITY-6-3", 1, 2, 4),
        *_ids("ADVANCED_SECURITY-8-1", range(1, 7)),
        *_ids("ADVANCED_SECURITY-9-1", 1, 2),
    ),
    "DEVICE": (
        *_ids("DEVICE-1-1", range(2, 7), range(9, 12), range(13, 32)),
        *_ids("DEVICE-2-1", 1, range(3, 8), range(9, 14), range(15, 18), 25, 28, 29, range(32, 36)),
        *_ids("DEVICE-3-1", 1, range(4, 12)),
        *_ids("DEVICE-4-1", 1, range(3, 12)),
        *_ids("DEVICE-6-1", range(1, 6)),
    ),
    "DISCOVERY": (
        *_ids("DISCOVERY-1-1", range(2, 7), range(8, 12)),
        *_ids("DISCOVERY-2-1", range(1, 6)),
    ),
    "TLSADDON": tuple(f"TLSADDON-{section}" for section in ("6-1-1", "6-1-2", "7-1-1", "7-2-1", "7-2-3")),
    "TLSCONFIGURATION": _ids("TLSCONFIGURATION", range(1, 15)),
    "EVENT": (
        "EVENT-1-1-2",
        *_ids("EVENT-2-1", 9, 12, range(17, 20), range(21, 30)),
        *_ids("EVENT-3-1", 9, 12, range(15, 18), 19, 20, 22, 24, 25, range(32, 39)),
        *_ids("EVENT-4-1", range(6, 11)),
        *_ids("EVENT-5-1", 1, 2),
        *_ids("EVENT-6-1", 3, 4, 5),
    ),
    "SECURITY": _ids("SECURITY-1-1", 1, 2),
}
"""TLSADDON: of our own, by the sections of the TLS Configuration Add-on. TLSCONFIGURATION: Other Features Client Test
Specification. The others: the Device Test Specifications 22.12 of Security Configuration, Base and Event."""

LEFT_OUT: dict[str, tuple[str, ...]] = {
    "changes addresses, gateways or DNS, which may cut the device off; mostly needs DHCP": (
        *_ids("DEVICE-2-1", 8, range(18, 22), 30, 31),
        *_ids("IPCONFIG-1-1", 3, 5),
        *_ids("IPCONFIG-2-1", range(2, 5)),
    ),
    "needs an NTP server": ("DEVICE-2-1-14", "DEVICE-3-1-12"),
    "dynamic DNS": _ids("DEVICE-2-1", 36, 37),
    "backups and firmware, which may leave another device": _ids("DEVICE-3-1", range(13, 18)),
    "inputs and outputs": _ids("DEVICE-5-1", 1, 2, 3, range(5, 10), 11, 12),
    "IP address filters, which may cut the client off": _ids("DEVICE-7-1", range(1, 5)),
    "auxiliary commands": ("DEVICE-8-1-1",),
    "monitoring of the hardware": _ids("DEVICE-9-1", range(1, 13)),
    "needs an MQTT broker": (*_ids("EVENT-7-1", range(1, 5)), *_ids("EVENT-7-2", range(1, 8))),
}
"""The other cases of these specifications: why they are not here."""

IN_ALL = {
    ("ADVANCED_SECURITY",): 64,
    ("EVENT",): 53,
    ("DEVICE", "DISCOVERY", "IPCONFIG", "SECURITY"): 136,
    ("TLSCONFIGURATION",): 14,
}
"""How many cases each specification has."""
