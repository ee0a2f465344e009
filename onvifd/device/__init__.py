"""The Device service (Core 8): what the device is, its network protocols and its users."""
