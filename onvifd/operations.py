"""What is served: every operation, who may call it, and what carries it out.

This table is the documentation. Capabilities are derived from it, requests are dispatched and authorised by
it, and the tests take from it what must be tested.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from onvifd.auth.policy import AccessClass
from onvifd.call import Answer, Call
from onvifd.device import discovery, maintenance, network, scopes, services, system, users
from onvifd.events import service as events
from onvifd.security import capabilities, certificates, keys, tlsserver
from onvifd.soap.names import qname

PRE_AUTH = AccessClass.PRE_AUTH
READ_SYSTEM = AccessClass.READ_SYSTEM
READ_SYSTEM_SECRET = AccessClass.READ_SYSTEM_SECRET
WRITE_SYSTEM = AccessClass.WRITE_SYSTEM
UNRECOVERABLE = AccessClass.UNRECOVERABLE
READ_MEDIA = AccessClass.READ_MEDIA

Handler = Callable[[Call], Answer]

DEVICE = "http://www.onvif.org/ver10/device/wsdl/Device"
SECURITY = "http://www.onvif.org/ver10/advancedsecurity/wsdl/AdvancedSecurityService"
KEYSTORE = "http://www.onvif.org/ver10/advancedsecurity/wsdl/Keystore"
TLS_SERVER = "http://www.onvif.org/ver10/advancedsecurity/wsdl/TLSServer"
EVENTS = "http://www.onvif.org/ver10/events/wsdl/EventPortType"
PULL_POINT = "http://www.onvif.org/ver10/events/wsdl/PullPointSubscription"
PRODUCER = "http://docs.oasis-open.org/wsn/bw-2/NotificationProducer"
SUBSCRIPTION = "http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager"


@dataclass(frozen=True)
class Operation:
    """One row: the request element, its WSDL port type, its access class (Core 5.9.4.3) and its handler."""

    name: str
    port_type: str
    access_class: AccessClass
    handler: Handler

    @property
    def response(self) -> str:
        """The response element, which WSDL's wrapped style names after the request."""
        return f"{self.name}Response"

    @property
    def response_action(self) -> str:
        """The WS-Addressing action of the response (WS-Addressing 1.0 Metadata 4.4.4)."""
        return f"{self.port_type}/{self.response.partition(':')[2]}"


_TABLE = (
    Operation("tds:GetServices", DEVICE, PRE_AUTH, services.get_services),
    Operation("tds:GetServiceCapabilities", DEVICE, PRE_AUTH, services.get_service_capabilities),
    Operation("tds:GetCapabilities", DEVICE, PRE_AUTH, services.get_capabilities),
    Operation("tds:GetWsdlUrl", DEVICE, PRE_AUTH, services.get_wsdl_url),
    Operation("tds:GetSystemDateAndTime", DEVICE, PRE_AUTH, system.get_system_date_and_time),
    Operation("tds:SetSystemDateAndTime", DEVICE, WRITE_SYSTEM, system.set_system_date_and_time),
    Operation("tds:GetEndpointReference", DEVICE, PRE_AUTH, system.get_endpoint_reference),
    Operation("tds:GetHostname", DEVICE, PRE_AUTH, network.get_hostname),
    Operation("tds:GetDeviceInformation", DEVICE, READ_SYSTEM, system.get_device_information),
    Operation("tds:GetScopes", DEVICE, READ_SYSTEM, scopes.get_scopes),
    Operation("tds:SetScopes", DEVICE, WRITE_SYSTEM, scopes.set_scopes),
    Operation("tds:AddScopes", DEVICE, WRITE_SYSTEM, scopes.add_scopes),
    Operation("tds:RemoveScopes", DEVICE, WRITE_SYSTEM, scopes.remove_scopes),
    Operation("tds:GetDiscoveryMode", DEVICE, READ_SYSTEM, discovery.get_discovery_mode),
    Operation("tds:SetDiscoveryMode", DEVICE, WRITE_SYSTEM, discovery.set_discovery_mode),
    Operation("tds:SetSystemFactoryDefault", DEVICE, UNRECOVERABLE, maintenance.set_system_factory_default),
    Operation("tds:SystemReboot", DEVICE, UNRECOVERABLE, maintenance.system_reboot),
    Operation("tds:GetDNS", DEVICE, READ_SYSTEM, network.get_dns),
    Operation("tds:GetNetworkDefaultGateway", DEVICE, READ_SYSTEM, network.get_network_default_gateway),
    Operation("tds:GetNetworkInterfaces", DEVICE, READ_SYSTEM, network.get_network_interfaces),
    Operation("tds:GetNetworkProtocols", DEVICE, READ_SYSTEM, network.get_network_protocols),
    Operation("tds:SetNetworkProtocols", DEVICE, WRITE_SYSTEM, network.set_network_protocols),
    Operation("tds:GetUsers", DEVICE, READ_SYSTEM_SECRET, users.get_users),
    Operation("tds:CreateUsers", DEVICE, WRITE_SYSTEM, users.create_users),
    Operation("tds:SetUser", DEVICE, WRITE_SYSTEM, users.set_user),
    Operation("tds:DeleteUsers", DEVICE, WRITE_SYSTEM, users.delete_users),
    Operation("tas:GetServiceCapabilities", SECURITY, PRE_AUTH, capabilities.get_service_capabilities),
    Operation("tas:CreateRSAKeyPair", KEYSTORE, WRITE_SYSTEM, keys.create_rsa_key_pair),
    Operation("tas:GetKeyStatus", KEYSTORE, READ_SYSTEM_SECRET, keys.get_key_status),
    Operation("tas:GetPrivateKeyStatus", KEYSTORE, READ_SYSTEM_SECRET, keys.get_private_key_status),
    Operation("tas:GetAllKeys", KEYSTORE, READ_SYSTEM_SECRET, keys.get_all_keys),
    Operation("tas:DeleteKey", KEYSTORE, UNRECOVERABLE, keys.delete_key),
    Operation("tas:CreatePKCS10CSR", KEYSTORE, READ_SYSTEM, certificates.create_pkcs10_csr),
    Operation(
        "tas:CreateSelfSignedCertificate", KEYSTORE, WRITE_SYSTEM, certificates.create_self_signed_certificate
    ),
    Operation("tas:UploadCertificate", KEYSTORE, WRITE_SYSTEM, certificates.upload_certificate),
    Operation("tas:GetCertificate", KEYSTORE, READ_SYSTEM_SECRET, certificates.get_certificate),
    Operation("tas:GetAllCertificates", KEYSTORE, READ_SYSTEM_SECRET, certificates.get_all_certificates),
    Operation("tas:DeleteCertificate", KEYSTORE, UNRECOVERABLE, certificates.delete_certificate),
    Operation("tas:CreateCertificationPath", KEYSTORE, WRITE_SYSTEM, certificates.create_certification_path),
    Operation("tas:GetCertificationPath", KEYSTORE, READ_SYSTEM_SECRET, certificates.get_certification_path),
    Operation(
        "tas:GetAllCertificationPaths", KEYSTORE, READ_SYSTEM_SECRET, certificates.get_all_certification_paths
    ),
    Operation("tas:DeleteCertificationPath", KEYSTORE, UNRECOVERABLE, certificates.delete_certification_path),
    Operation(
        "tas:AddServerCertificateAssignment",
        TLS_SERVER,
        WRITE_SYSTEM,
        tlsserver.add_server_certificate_assignment,
    ),
    Operation(
        "tas:RemoveServerCertificateAssignment",
        TLS_SERVER,
        WRITE_SYSTEM,
        tlsserver.remove_server_certificate_assignment,
    ),
    Operation(
        "tas:ReplaceServerCertificateAssignment",
        TLS_SERVER,
        WRITE_SYSTEM,
        tlsserver.replace_server_certificate_assignment,
    ),
    Operation(
        "tas:GetAssignedServerCertificates",
        TLS_SERVER,
        READ_SYSTEM_SECRET,
        tlsserver.get_assigned_server_certificates,
    ),
    Operation("tev:GetServiceCapabilities", EVENTS, PRE_AUTH, events.get_service_capabilities),
    Operation("tev:GetEventProperties", EVENTS, READ_MEDIA, events.get_event_properties),
    Operation("tev:CreatePullPointSubscription", EVENTS, READ_MEDIA, events.create_pull_point_subscription),
    Operation("tev:PullMessages", PULL_POINT, READ_MEDIA, events.pull_messages),
    Operation("tev:SetSynchronizationPoint", PULL_POINT, READ_MEDIA, events.set_synchronization_point),
    Operation("wsnt:Subscribe", PRODUCER, READ_MEDIA, events.subscribe),
    Operation("wsnt:Renew", SUBSCRIPTION, READ_MEDIA, events.renew),
    Operation("wsnt:Unsubscribe", SUBSCRIPTION, READ_MEDIA, events.unsubscribe),
)

OPERATIONS: Mapping[str, Operation] = {qname(operation.name): operation for operation in _TABLE}
"""The operations by the qualified name of their request element, `{namespace}local`."""

SERVED: frozenset[str] = frozenset(operation.name for operation in _TABLE)
"""The request elements by their usual prefix, as `tas:CreateRSAKeyPair`."""

NAMESPACES: frozenset[str] = frozenset(name[1:].partition("}")[0] for name in OPERATIONS)
"""The namespaces of the services: an operation of these that is not served is ActionNotSupported."""
