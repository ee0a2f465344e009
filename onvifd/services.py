"""The services of the device, as GetServices lists them: ours, and those that the image has besides."""

from onvifd.call import Answer, Service
from onvifd.config import ConfigError, VendorService
from onvifd.device.services import device_capabilities
from onvifd.events.service import service_capabilities as event_capabilities
from onvifd.security.capabilities import security_capabilities
from onvifd.soap.faults import Fault
from onvifd.soap.names import NAMESPACES
from onvifd.soap.xmlreader import Limits, read

VERSION = (26, 6)
"""The release of the ONVIF specifications that the services follow."""


def services(vendor: tuple[VendorService, ...]) -> list[Service]:
    """Our services and the vendor's. Raises ConfigError for capabilities that are not XML."""
    return [
        Service(
            NAMESPACES["tds"],
            "/onvif/device_service",
            *VERSION,
            lambda device: {"tds:Capabilities": device_capabilities(device)},
        ),
        Service(
            NAMESPACES["tas"],
            "/onvif/security_service",
            *VERSION,
            lambda device: {"tas:Capabilities": security_capabilities(device)},
        ),
        Service(
            NAMESPACES["tev"],
            "/onvif/event_service",
            *VERSION,
            lambda device: {"tev:Capabilities": event_capabilities(device)},
        ),
        *map(_vendor_service, vendor),
    ]


def _vendor_service(service: VendorService) -> Service:
    if not service.path.startswith("/"):
        raise ConfigError(f"services: the path of {service.namespace} must begin with /")
    capabilities = _capabilities(service)
    return Service(service.namespace, service.path, service.major, service.minor, lambda _: capabilities)


def _capabilities(service: VendorService) -> Answer | None:
    if not service.capabilities:
        return None
    try:
        return {"Capabilities": read(service.capabilities.encode(), Limits()).root}
    except Fault as error:
        raise ConfigError(f"services: the capabilities of {service.namespace}: {error}") from error
