"""The notifications of the device (Core 9.4)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from onvifd.events.topics import CONCRETE_SET, KEY_STATUS, Topic


@dataclass(frozen=True)
class Notification:
    """One event: when it happened, to what, and what (Core 9.4.1). No topic of this device is a property."""

    topic: Topic
    time: datetime
    """Aware."""
    source: tuple[tuple[str, str], ...]
    """Names and values of the simple items."""
    data: tuple[tuple[str, str], ...]

    def answer(self) -> dict[str, Any]:
        """The content of a wsnt:NotificationMessage."""
        return {
            "wsnt:Topic": {"@Dialect": CONCRETE_SET, "": self.topic.path},
            "wsnt:Message": {
                "tt:Message": {
                    "@UtcTime": self.time,
                    "Source": _simple_items(self.source),
                    "Data": _simple_items(self.data),
                }
            },
        }


def _simple_items(items: Iterable[tuple[str, str]]) -> dict[str, Any]:
    return {"SimpleItem": [{"@Name": name, "@Value": value} for name, value in items]}


def key_status_notification(key_id: str, old: str | None, new: str, time: datetime) -> Notification:
    """A key's status is `new` since `time`; `old` is None for a key that did not exist before.

    Security 5.5.8.1: OldStatus is there unless NewStatus is generating.
    """
    data = [] if old is None or new == "generating" else [("OldStatus", str(old))]
    return Notification(KEY_STATUS, time, (("KeyID", key_id),), (*data, ("NewStatus", str(new))))
