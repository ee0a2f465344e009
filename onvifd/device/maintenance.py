"""Starting over: factory default and reboot (Core 8.3.8 and 8.3.13)."""

from onvifd.call import Answer, Call


def set_system_factory_default(call: Call) -> Answer:
    """Core 8.3.8. Both kinds wipe keys, certificates, users, scopes, subscriptions and the discovery mode.

    A soft one keeps the protocols. HTTPS can't stay enabled without its certificate: if that would leave no
    enabled protocol, it brings back the factory's, so that the device stays reachable. The vendor's command
    resets what the image owns, when all else is done; if it fails nothing has changed here.
    """
    device = call.device
    kind = call.arguments["FactoryDefault"]
    with device.webserver.change(last=lambda: device.factory_default.run(kind)) as undo:
        before = device.protocols.get("RTSP")
        device.keystore.reset()
        device.users.reset()
        device.scopes.reset()
        device.discovery.reset()
        device.clock.reset()
        if kind == "Hard":
            device.protocols.reset()
        else:
            device.protocols.disable_https()
        device.protocol_hook.follow(before, device.protocols.get("RTSP"), undo)
    device.subscriptions.end_all("The device was reset to what the factory set")
    return {}


def system_reboot(call: Call) -> Answer:
    """Core 8.3.13. The answer is sent first."""
    call.device.reboot()
    return {"Message": "The device restarts in a moment"}
