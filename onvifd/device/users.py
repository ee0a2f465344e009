"""Users and their levels (Core 8.4.3 to 8.4.6)."""

from onvifd.auth.users import UserEntry
from onvifd.call import Answer, Call


def get_users(call: Call) -> Answer:
    """Core 8.4.3: names and levels, never passwords."""
    return {
        "User": [{"tt:Username": user.name, "tt:UserLevel": user.level} for user in call.device.users.all()]
    }


def create_users(call: Call) -> Answer:
    """Core 8.4.4: all of them or none."""
    call.device.users.create(_users(call))
    return {}


def set_user(call: Call) -> Answer:
    """Core 8.4.6: all of them or none."""
    call.device.users.set(_users(call))
    return {}


def delete_users(call: Call) -> Answer:
    """Core 8.4.5: all of them or none."""
    call.device.users.delete(call.arguments["Username"])
    return {}


def _users(call: Call) -> list[UserEntry]:
    return [
        UserEntry(user["Username"], user["Password"], user["UserLevel"]) for user in call.arguments["User"]
    ]
