"""The scopes by which clients find the device (Core 8.3.14 to 8.3.17)."""

from onvifd.call import Answer, Call


def get_scopes(call: Call) -> Answer:
    """Core 8.3.14."""
    return {
        "Scopes": [{"tt:ScopeDef": kind, "tt:ScopeItem": item} for kind, item in call.device.scopes.all()]
    }


def set_scopes(call: Call) -> Answer:
    """Core 8.3.15."""
    call.device.scopes.set(call.arguments["Scopes"])
    return {}


def add_scopes(call: Call) -> Answer:
    """Core 8.3.16."""
    call.device.scopes.add(call.arguments["ScopeItem"])
    return {}


def remove_scopes(call: Call) -> Answer:
    """Core 8.3.17."""
    call.device.scopes.remove(call.arguments["ScopeItem"])
    return {"ScopeItem": call.arguments["ScopeItem"]}
