"""Capability exchange (Core 8.1): which services there are, where, and what they can do."""

from typing import Any

from onvifd.call import Answer, Call, Device, Service

NAMESPACE = "http://www.onvif.org/ver10/device/wsdl"
EVENTS = "http://www.onvif.org/ver10/events/wsdl"
ADD_ON = "TLSServerConfiguration"
"""TLS Configuration Add-on 7.1.1."""


class UnknownCategory(Exception):
    """A category of GetCapabilities that the device has no service for (Core 8.1.2.4, NoSuchService)."""


def get_services(call: Call) -> Answer:
    """Core 8.1.2.2."""
    include = call.arguments["IncludeCapability"]
    return {"Service": [_service(call, service, include) for service in call.device.services]}


def _service(call: Call, service: Service, include: bool) -> Answer:
    return {
        "Namespace": service.namespace,
        "XAddr": call.base_url + service.path,
        "Capabilities": service.capabilities(call.device) if include else None,
        "Version": {"tt:Major": service.major, "tt:Minor": service.minor},
    }


def get_service_capabilities(call: Call) -> Answer:
    """Core 8.1.2.3."""
    return {"Capabilities": device_capabilities(call.device)}


def device_capabilities(device: Device) -> Answer:
    """tds:DeviceServiceCapabilities: Core 8.1.2.3 says what each one means."""
    served = device.served
    return {
        "Network": {
            "@IPFilter": "tds:SetIPAddressFilter" in served,
            "@ZeroConfiguration": "tds:SetZeroConfiguration" in served,
            "@IPVersion6": _ipv6(device),
            "@DynDNS": "tds:SetDynamicDNS" in served,
            "@Dot11Configuration": False,
            "@Dot1XConfigurations": 0,
            "@HostnameFromDHCP": device.config.device.hostname_from_dhcp,
            "@NTP": 0,
            "@DHCPv6": False,
        },
        "Security": {
            "@TLS1.0": False,
            "@TLS1.1": False,
            "@TLS1.2": True,
            "@OnboardKeyGeneration": "tas:CreateRSAKeyPair" in served,
            "@AccessPolicyConfig": "tds:SetAccessPolicy" in served,
            "@DefaultAccessPolicy": True,
            "@Dot1X": False,
            "@RemoteUserHandling": "tds:SetRemoteUser" in served,
            "@X.509Token": False,
            "@SAMLToken": False,
            "@KerberosToken": False,
            "@UsernameToken": True,
            "@HttpDigest": True,
            "@RELToken": False,
            "@MaxUsers": device.config.users.maximum_number,
            "@MaxUserNameLength": device.config.users.maximum_name_length,
            "@MaxPasswordLength": device.config.users.maximum_password_length,
            "@HashingAlgorithms": ["MD5", "SHA-256"],
        },
        "System": {
            "@DiscoveryResolve": device.config.discovery.enabled,
            "@DiscoveryBye": device.config.discovery.enabled,
            "@DiscoveryNotSupported": not device.config.discovery.enabled,
            "@RemoteDiscovery": False,
            "@SystemBackup": "tds:GetSystemBackup" in served,
            "@SystemLogging": "tds:GetSystemLog" in served,
            "@HttpFirmwareUpgrade": False,
            "@HttpSystemBackup": False,
            "@HttpSystemLogging": False,
            "@HttpSupportInformation": False,
            "@StorageConfiguration": "tds:SetStorageConfiguration" in served,
            "@NetworkConfigNotSupported": "tds:SetNetworkInterfaces" not in served,
            "@UserConfigNotSupported": "tds:CreateUsers" not in served,
            "@Addons": [ADD_ON],
        },
    }


def _ipv6(device: Device) -> bool:
    return any(":" in address for address in device.config.webserver.listen)


def get_capabilities(call: Call) -> Answer:
    """Core 8.1.2.4: the older way to find the services, which some clients know only."""
    categories = set(call.arguments["Category"]) or {"All"}
    offered = _capabilities(call)
    unknown = categories - offered.keys() - {"All"}
    if unknown:
        raise UnknownCategory(
            f"This device has no {min(unknown)} service; it has: {', '.join(sorted(offered))}"
        )
    wanted = (
        offered if "All" in categories else {name: offered[name] for name in offered if name in categories}
    )
    return {"Capabilities": {f"tt:{name}": content for name, content in wanted.items()}}


_VENDOR_CATEGORIES: dict[str, tuple[str, dict[str, Any]]] = {
    "http://www.onvif.org/ver20/analytics/wsdl": (
        "Analytics",
        {"RuleSupport": False, "AnalyticsModuleSupport": False},
    ),
    "http://www.onvif.org/ver20/imaging/wsdl": ("Imaging", {}),
    "http://www.onvif.org/ver10/media/wsdl": ("Media", {"StreamingCapabilities": {}}),
    "http://www.onvif.org/ver20/ptz/wsdl": ("PTZ", {}),
}
"""The categories of GetCapabilities for services of the image: what the schema requires beside the XAddr."""

_ORDER = ("Analytics", "Device", "Events", "Imaging", "Media", "PTZ")


def _capabilities(call: Call) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for service in call.device.services:
        xaddr = {"XAddr": call.base_url + service.path}
        if service.namespace == NAMESPACE:
            found["Device"] = xaddr | _legacy_device_capabilities(call.device, service)
        elif service.namespace == EVENTS:
            found["Events"] = xaddr | {
                "WSSubscriptionPolicySupport": False,
                "WSPullPointSupport": True,
                "WSPausableSubscriptionManagerInterfaceSupport": False,
            }
        elif service.namespace in _VENDOR_CATEGORIES:
            category, required = _VENDOR_CATEGORIES[service.namespace]
            found[category] = xaddr | required
    return {category: found[category] for category in _ORDER if category in found}


def _legacy_device_capabilities(device: Device, service: Service) -> dict[str, Any]:
    """tt:DeviceCapabilities: what GetServiceCapabilities says, as elements."""
    capabilities = device_capabilities(device)

    def elements(category: str, *names: str) -> dict[str, Any]:
        return {name: capabilities[category][f"@{name}"] for name in names}

    return {
        "Network": elements("Network", "IPFilter", "ZeroConfiguration", "IPVersion6", "DynDNS"),
        "System": elements(
            "System", "DiscoveryResolve", "DiscoveryBye", "RemoteDiscovery", "SystemBackup", "SystemLogging"
        )
        | {
            "FirmwareUpgrade": False,
            "SupportedVersions": {"Major": service.major, "Minor": service.minor},
        },
        "IO": {"InputConnectors": 0, "RelayOutputs": 0},
        "Security": elements(
            "Security",
            "TLS1.1",
            "TLS1.2",
            "OnboardKeyGeneration",
            "AccessPolicyConfig",
            "X.509Token",
            "SAMLToken",
            "KerberosToken",
            "RELToken",
        ),
    }


def get_wsdl_url(call: Call) -> Answer:
    """Core 8.1.1."""
    return {"WsdlUrl": call.device.config.device.wsdl_url}
