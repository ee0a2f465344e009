"""The faults of every operation, transcribed from its section of the specifications.

`SPECIFIED` is what the section lists under "faults" (26.06). The Security specification misspells some codes:
`ter:Sender` and `ter:Receiver` are SOAP's own `env:Sender` and `env:Receiver`, and `CSRCreationFailed` lacks
its prefix. The faults of the event service are those that its sections and the WSDL declare; Core 9.9 makes
each of them a receiver fault.

A fault has a test that provokes it, or stands in `IMPOSSIBLE` with the reason why this device can't produce
it. `FURTHER` are faults that the device answers beyond the list, and why.
"""

from __future__ import annotations

from tests.operations.claims import Claim, Codes

_VALUE = ("env:Sender", "ter:InvalidArgVal")
_PROHIBITED = ("env:Sender", "ter:OperationProhibited")
_ACTION = ("env:Receiver", "ter:Action")
_NOT_SUPPORTED = ("env:Receiver", "ter:ActionNotSupported")


def _notification(*names: str) -> tuple[Codes, ...]:
    """Faults of WS-BaseNotification and WS-Resource as this device spells them (Core 9.9)."""
    return tuple(("env:Receiver", name) for name in names)


_SUBSCRIBE_FAULTS = _notification(
    "wsrf-r:ResourceUnknownFault",
    "wsnt:InvalidFilterFault",
    "wsnt:TopicExpressionDialectUnknownFault",
    "wsnt:InvalidTopicExpressionFault",
    "wsnt:TopicNotSupportedFault",
    "wsnt:InvalidProducerPropertiesExpressionFault",
    "wsnt:InvalidMessageContentExpressionFault",
    "wsnt:UnacceptableInitialTerminationTimeFault",
    "wsnt:UnrecognizedPolicyRequestFault",
    "wsnt:UnsupportedPolicyRequestFault",
    "wsnt:NotifyMessageNotSupportedFault",
    "wsnt:SubscribeCreationFailedFault",
)

SPECIFIED: dict[str, tuple[Codes, ...]] = {
    # Core 8.1: capabilities
    "tds:GetServices": (),
    "tds:GetServiceCapabilities": (),
    "tds:GetCapabilities": ((*_NOT_SUPPORTED, "ter:NoSuchService"),),
    "tds:GetWsdlUrl": (),
    # Core 8.2: network
    "tds:GetHostname": (),
    "tds:GetDNS": (),
    "tds:GetNetworkDefaultGateway": (),
    "tds:GetNetworkInterfaces": (),
    "tds:GetNetworkProtocols": (),
    "tds:SetNetworkProtocols": (
        (*_VALUE, "ter:ServiceNotSupported"),
        (*_VALUE, "ter:PortAlreadyInUse"),
        (*_NOT_SUPPORTED, "ter:EnablingTlsFailed"),
    ),
    # Core 8.3: system
    "tds:GetSystemDateAndTime": (),
    "tds:SetSystemDateAndTime": (
        (*_VALUE, "ter:InvalidTimeZone"),
        (*_VALUE, "ter:InvalidDateTime"),
        (*_VALUE, "ter:NtpServerUndefined"),
    ),
    "tds:GetDeviceInformation": (),
    "tds:GetScopes": ((*_ACTION, "ter:EmptyScope"),),
    "tds:SetScopes": ((*_ACTION, "ter:TooManyScopes"),),
    "tds:AddScopes": ((*_ACTION, "ter:TooManyScopes"),),
    "tds:RemoveScopes": (
        (*_PROHIBITED, "ter:FixedScope"),
        (*_VALUE, "ter:NoScope"),
    ),
    "tds:GetDiscoveryMode": (),
    "tds:SetDiscoveryMode": (),
    "tds:SetSystemFactoryDefault": (),
    "tds:SystemReboot": (),
    # Core 8.4: security
    "tds:GetUsers": (),
    "tds:CreateUsers": (
        (*_PROHIBITED, "ter:UsernameClash"),
        (*_PROHIBITED, "ter:PasswordTooLong"),
        (*_PROHIBITED, "ter:UsernameTooLong"),
        (*_PROHIBITED, "ter:Password"),
        (*_ACTION, "ter:TooManyUsers"),
        (*_PROHIBITED, "ter:AnonymousNotAllowed"),
        (*_PROHIBITED, "ter:UsernameTooShort"),
    ),
    "tds:DeleteUsers": (
        (*_VALUE, "ter:UsernameMissing"),
        (*_VALUE, "ter:FixedUser"),
    ),
    "tds:SetUser": (
        (*_VALUE, "ter:UsernameMissing"),
        (*_PROHIBITED, "ter:PasswordTooLong"),
        (*_PROHIBITED, "ter:PasswordTooWeak"),
        (*_PROHIBITED, "ter:AnonymousNotAllowed"),
        (*_VALUE, "ter:FixedUser"),
    ),
    "tds:GetEndpointReference": (),
    # Security 5.5.7.1
    "tas:GetServiceCapabilities": (),
    # Security 5.2.6.2: keys
    "tas:CreateRSAKeyPair": (
        (*_ACTION, "ter:MaximumNumberOfKeysReached"),
        (*_VALUE, "ter:KeyLength"),
    ),
    "tas:GetKeyStatus": ((*_VALUE, "ter:KeyID"),),
    "tas:GetPrivateKeyStatus": (
        (*_VALUE, "ter:KeyID"),
        (*_VALUE, "ter:InvalidKeyType"),
    ),
    "tas:GetAllKeys": (),
    "tas:DeleteKey": (
        (*_ACTION, "ter:KeyDeletionFailed"),
        (*_VALUE, "ter:KeyID"),
        (*_VALUE, "ter:ReferenceExists"),
    ),
    # Security 5.2.6.3: certificates
    "tas:CreatePKCS10CSR": (
        (*_ACTION, "ter:CSRCreationFailed"),
        (*_VALUE, "ter:KeyID"),
        (*_VALUE, "ter:UnsupportedSignatureAlgorithm"),
        (*_VALUE, "ter:KeySignatureAlgorithmMismatch"),
        (*_VALUE, "ter:InvalidKeyStatus"),
        (*_VALUE, "ter:InvalidSubject"),
        (*_VALUE, "ter:InvalidAttribute"),
    ),
    "tas:CreateSelfSignedCertificate": (
        (*_ACTION, "ter:CertificateCreationFailed"),
        (*_ACTION, "ter:MaximumNumberOfCertificatesReached"),
        (*_VALUE, "ter:UnsupportedX509Version"),
        (*_VALUE, "ter:KeyID"),
        (*_VALUE, "ter:UnsupportedSignatureAlgorithm"),
        (*_VALUE, "ter:KeySignatureAlgorithmMismatch"),
        (*_VALUE, "ter:X509VersionExtensionsMismatch"),
        (*_VALUE, "ter:InvalidKeyStatus"),
        (*_VALUE, "ter:InvalidSubject"),
        (*_VALUE, "ter:InvalidDateTime"),
    ),
    "tas:UploadCertificate": (
        (*_ACTION, "ter:MaximumNumberOfCertificatesReached"),
        (*_ACTION, "ter:NoMatchingPrivateKey"),
        (*_VALUE, "ter:BadCertificate"),
        (*_VALUE, "ter:UnsupportedPublicKeyAlgorithm"),
        (*_VALUE, "ter:UnsupportedSignatureAlgorithm"),
        (*_VALUE, "ter:InvalidKeyStatus"),
        (*_VALUE, "ter:Duplicate"),
    ),
    "tas:GetCertificate": ((*_VALUE, "ter:CertificateID"),),
    "tas:GetAllCertificates": (),
    "tas:DeleteCertificate": (
        (*_ACTION, "ter:CertificateDeletionFailed"),
        (*_VALUE, "ter:CertificateID"),
        (*_VALUE, "ter:ReferenceExists"),
    ),
    "tas:CreateCertificationPath": (
        (*_ACTION, "ter:MaximumNumberOfCertificationPathsReached"),
        (*_VALUE, "ter:CertificateID"),
        (*_VALUE, "ter:InvalidCertificationPath"),
        (*_ACTION, "ter:CertificationPathCreationFailed"),
    ),
    "tas:GetCertificationPath": ((*_VALUE, "ter:CertificationPathID"),),
    "tas:GetAllCertificationPaths": (),
    "tas:DeleteCertificationPath": (
        (*_ACTION, "ter:CertificationPathDeletionFailed"),
        (*_VALUE, "ter:CertificationPathID"),
        (*_VALUE, "ter:ReferenceExists"),
    ),
    # Security 5.3.3: the TLS server
    "tas:AddServerCertificateAssignment": (
        (*_VALUE, "ter:CertificationPathID"),
        (*_VALUE, "ter:NoPrivateKey"),
        (*_ACTION, "ter:MaximumNumberOfTLSCertificationPathsReached"),
    ),
    "tas:RemoveServerCertificateAssignment": (
        (*_VALUE, "ter:OldCertificationPathID"),
        (*_VALUE, "ter:ReferenceExists"),
    ),
    "tas:ReplaceServerCertificateAssignment": (
        (*_VALUE, "ter:OldCertificationPathID"),
        (*_VALUE, "ter:NewCertificationPathID"),
        (*_VALUE, "ter:NoPrivateKey"),
    ),
    "tas:GetAssignedServerCertificates": (),
    # Core 9: events
    "tev:GetServiceCapabilities": (),
    "tev:GetEventProperties": (),
    # 9.1.1: "the same faults as for Subscription Request of WS-BaseNotification"; event.wsdl lists them.
    "tev:CreatePullPointSubscription": _SUBSCRIBE_FAULTS,
    "wsnt:Subscribe": _SUBSCRIBE_FAULTS,
    "tev:PullMessages": _notification("tev:PullMessagesFaultResponse", "wsnt:UnableToGetMessagesFault"),
    "tev:SetSynchronizationPoint": (),
    "wsnt:Renew": _notification("wsrf-r:ResourceUnknownFault", "wsnt:UnacceptableTerminationTimeFault"),
    "wsnt:Unsubscribe": _notification("wsrf-r:ResourceUnknownFault", "wsnt:UnableToDestroySubscriptionFault"),
}

IMPOSSIBLE: dict[Claim, str] = {
    ("tas:GetPrivateKeyStatus", (*_VALUE, "ter:InvalidKeyType")): (
        "Every key that this keystore can hold is a key pair."
    ),
    **{
        (operation, ("env:Receiver", fault)): reason
        for operation in ("tev:CreatePullPointSubscription", "wsnt:Subscribe")
        for fault, reason in (
            (
                "wsrf-r:ResourceUnknownFault",
                "The operation is the event service's own: whatever URL it is sent to, no resource is looked up.",
            ),
            (
                "wsnt:InvalidProducerPropertiesExpressionFault",
                "This kind of filter is refused as InvalidFilterFault before anybody looks at its expression.",
            ),
            (
                "wsnt:UnsupportedPolicyRequestFault",
                "It is for a policy that is recognised and not supported; the one that is recognised is supported.",
            ),
            (
                "wsnt:NotifyMessageNotSupportedFault",
                "It is for a producer that sends raw messages only; all that this device sends is in a Notify.",
            ),
        )
    },
    ("wsnt:Unsubscribe", ("env:Receiver", "wsnt:UnableToDestroySubscriptionFault")): (
        "A subscription is an entry of a table in memory, and removing an entry can't fail."
    ),
}

FURTHER: dict[Claim, str] = {
    ("tds:SetNetworkProtocols", _VALUE): "A port that is none, or too many of them (Core 5.8.2.2).",
    ("tds:SetNetworkProtocols", _PROHIBITED): (
        "The change would leave no protocol to reach the device by (Core 5.8.2.2)."
    ),
    ("tds:SetNetworkProtocols", _ACTION): (
        "The vendor's hook or the web server does not carry the change out (Core 5.8.2.2)."
    ),
    ("tds:SetDiscoveryMode", _NOT_SUPPORTED): (
        "The configuration switches discovery off, as the capabilities signal (Core 5.8.2.2, 8.3.19)."
    ),
    ("tds:SetSystemDateAndTime", _NOT_SUPPORTED): (
        "The image has no command to set the clock with (Core 5.8.2.2)."
    ),
    ("tds:SetSystemDateAndTime", _ACTION): "The vendor's hook does not carry the change out (Core 5.8.2.2).",
    ("tds:SetSystemFactoryDefault", _ACTION): (
        "The vendor's hook or the web server does not carry the change out (Core 5.8.2.2)."
    ),
    ("tds:CreateUsers", _VALUE): (
        "A level that this device has not, or a name that HTTP Digest can't carry (Core 5.8.2.2)."
    ),
    ("tds:SetUser", _VALUE): "A level that this device has not (Core 5.8.2.2).",
    ("tas:UploadCertificate", (*_ACTION, "ter:MaximumNumberOfKeysReached")): (
        "Security 5.2.6.3.3 demands it in its text: no room for the key pair that the upload would create."
    ),
    ("tas:AddServerCertificateAssignment", (*_VALUE, "ter:InvalidKeyStatus")): (
        "Its first use shows that the private key is damaged (Security 5.2.5)."
    ),
    ("tas:ReplaceServerCertificateAssignment", (*_VALUE, "ter:InvalidKeyStatus")): (
        "Its first use shows that the private key is damaged (Security 5.2.5)."
    ),
    **{
        (f"tas:{change}ServerCertificateAssignment", _ACTION): (
            "The web server does not serve the change, or the store can't be written (Core 5.8.2.2)."
        )
        for change in ("Add", "Remove", "Replace")
    },
    ("wsnt:Subscribe", _NOT_SUPPORTED): (
        "Its interface is switched off, as MaxNotificationProducers tells (Core 9.3.2)."
    ),
    ("tev:PullMessages", ("env:Receiver", "wsrf-r:ResourceUnknownFault")): (
        "WS-BaseNotification 1.3, 5.2.1 demands it for a pull point that does not exist."
    ),
    ("tev:PullMessages", _VALUE): ("A Timeout or MessageLimit below what they can mean (Core 5.8.2.2)."),
    ("tev:SetSynchronizationPoint", ("env:Receiver", "wsrf-r:ResourceUnknownFault")): (
        "It is sent to a subscription manager, which may have ended (WS-Resource 1.2, 3)."
    ),
}
