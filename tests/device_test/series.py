"""The Test Case IDs that must exist, by series."""

SERIES: dict[str, tuple[str, ...]] = {
    "ADVANCED_SECURITY": tuple(f"ADVANCED_SECURITY-1-1-{number}" for number in range(1, 6)),
}
"""ADVANCED_SECURITY: Security Configuration Device Test Specification 22.12."""
