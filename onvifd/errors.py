"""What each failure is on the wire: one table from our exceptions to SOAP faults.

The reason that the client reads is the exception's text. Sources: Core 5.8.2.2 for the generic faults, the
`faults` of each operation's section in Security 5 and Core 8 for the others.
"""

from datetime import UTC, datetime

from keystore import errors as keystore
from onvifd import clock, hooks, state
from onvifd.auth import errors as auth
from onvifd.device import discovery, services
from onvifd.events import errors as events
from onvifd.schema import InvalidArguments
from onvifd.soap.encode import element
from onvifd.soap.faults import Fault
from onvifd.webserver import errors as webserver


class NotPermitted(Exception):
    """The user's level does not allow the operation (Core 5.9.4.4)."""


class NotSupported(Exception):
    """An operation of a service of ours that is not served."""


class UnknownAction(Exception):
    """An element of a namespace that no service of ours has."""


class UnusableHost(Exception):
    """A request that does not say by which name or address it reached the device (RFC 9110, 7.2)."""


_INVALID_VALUE = "ter:InvalidArgVal"
_PROHIBITED = "ter:OperationProhibited"

_SENDER: dict[type[Exception], tuple[str, ...]] = {
    UnknownAction: ("ter:UnknownAction",),
    NotPermitted: ("ter:NotAuthorized",),
    auth.NotAuthorized: ("ter:NotAuthorized",),
    auth.DigestRequired: ("ter:NotAuthorized",),
    InvalidArguments: ("ter:InvalidArgs",),
    UnusableHost: (_INVALID_VALUE,),
    # Device service
    auth.UsernameClash: (_PROHIBITED, "ter:UsernameClash"),
    auth.UsernameTooLong: (_PROHIBITED, "ter:UsernameTooLong"),
    auth.UsernameTooShort: (_PROHIBITED, "ter:UsernameTooShort"),
    auth.InvalidUsername: (_INVALID_VALUE,),
    auth.PasswordTooLong: (_PROHIBITED, "ter:PasswordTooLong"),
    auth.WeakPassword: (_PROHIBITED, "ter:Password"),
    auth.PasswordTooWeak: (_PROHIBITED, "ter:PasswordTooWeak"),
    auth.InvalidPassword: (_INVALID_VALUE,),
    auth.AnonymousNotAllowed: (_PROHIBITED, "ter:AnonymousNotAllowed"),
    auth.UnsupportedUserLevel: (_INVALID_VALUE,),
    auth.UsernameMissing: (_INVALID_VALUE, "ter:UsernameMissing"),
    auth.FixedUser: (_INVALID_VALUE, "ter:FixedUser"),
    state.ProtocolNotSupported: (_INVALID_VALUE, "ter:ServiceNotSupported"),
    state.InvalidPort: (_INVALID_VALUE,),
    state.PortConflict: (_INVALID_VALUE, "ter:PortAlreadyInUse"),
    state.LockoutRefused: (_PROHIBITED,),
    clock.InvalidTimeZone: (_INVALID_VALUE, "ter:InvalidTimeZone"),
    clock.InvalidDateTime: (_INVALID_VALUE, "ter:InvalidDateTime"),
    clock.NtpServerUndefined: (_INVALID_VALUE, "ter:NtpServerUndefined"),
    state.FixedScope: (_PROHIBITED, "ter:FixedScope"),
    state.NoScope: (_INVALID_VALUE, "ter:NoScope"),
    webserver.PortInUse: (_INVALID_VALUE, "ter:PortAlreadyInUse"),
    # Event service
    events.InvalidArgument: (_INVALID_VALUE,),
    # Security Configuration Service
    keystore.KeyNotFound: (_INVALID_VALUE, "ter:KeyID"),
    keystore.CertificateNotFound: (_INVALID_VALUE, "ter:CertificateID"),
    keystore.CertificationPathNotFound: (_INVALID_VALUE, "ter:CertificationPathID"),
    keystore.AssignmentNotFound: (_INVALID_VALUE, "ter:OldCertificationPathID"),
    keystore.NewCertificationPathNotFound: (_INVALID_VALUE, "ter:NewCertificationPathID"),
    keystore.ReferenceExists: (_INVALID_VALUE, "ter:ReferenceExists"),
    keystore.UnsupportedKeyLength: (_INVALID_VALUE, "ter:KeyLength"),
    keystore.InvalidKeyStatus: (_INVALID_VALUE, "ter:InvalidKeyStatus"),
    keystore.UnsupportedSignatureAlgorithm: (_INVALID_VALUE, "ter:UnsupportedSignatureAlgorithm"),
    keystore.KeySignatureAlgorithmMismatch: (_INVALID_VALUE, "ter:KeySignatureAlgorithmMismatch"),
    keystore.InvalidSubject: (_INVALID_VALUE, "ter:InvalidSubject"),
    keystore.InvalidAttribute: (_INVALID_VALUE, "ter:InvalidAttribute"),
    keystore.InvalidDateTime: (_INVALID_VALUE, "ter:InvalidDateTime"),
    keystore.UnsupportedX509Version: (_INVALID_VALUE, "ter:UnsupportedX509Version"),
    keystore.X509VersionExtensionsMismatch: (_INVALID_VALUE, "ter:X509VersionExtensionsMismatch"),
    keystore.BadCertificate: (_INVALID_VALUE, "ter:BadCertificate"),
    keystore.UnsupportedPublicKeyAlgorithm: (_INVALID_VALUE, "ter:UnsupportedPublicKeyAlgorithm"),
    keystore.DuplicateCertificate: (_INVALID_VALUE, "ter:Duplicate"),
    keystore.InvalidCertificationPath: (_INVALID_VALUE, "ter:InvalidCertificationPath"),
    keystore.NoPrivateKey: (_INVALID_VALUE, "ter:NoPrivateKey"),
}

_ACTION = "ter:Action"
_NOT_SUPPORTED = "ter:ActionNotSupported"

_RECEIVER: dict[type[Exception], tuple[str, ...]] = {
    NotSupported: (_NOT_SUPPORTED,),
    auth.TooManyUsers: (_ACTION, "ter:TooManyUsers"),
    events.NoNotificationProducer: (_NOT_SUPPORTED,),
    discovery.DiscoveryNotSupported: (_NOT_SUPPORTED,),
    services.UnknownCategory: (_NOT_SUPPORTED, "ter:NoSuchService"),
    state.EmptyScope: (_ACTION, "ter:EmptyScope"),
    state.TooManyScopes: (_ACTION, "ter:TooManyScopes"),
    state.TLSNotConfigured: (_NOT_SUPPORTED, "ter:EnablingTlsFailed"),
    clock.ClockNotSettable: (_NOT_SUPPORTED,),
    hooks.HookFailed: (_ACTION,),
    webserver.EnablingTlsFailed: (_NOT_SUPPORTED, "ter:EnablingTlsFailed"),
    webserver.WebServerError: (_ACTION,),
    keystore.MaximumNumberOfKeysReached: (_ACTION, "ter:MaximumNumberOfKeysReached"),
    keystore.MaximumNumberOfCertificatesReached: (_ACTION, "ter:MaximumNumberOfCertificatesReached"),
    keystore.MaximumNumberOfCertificationPathsReached: (
        _ACTION,
        "ter:MaximumNumberOfCertificationPathsReached",
    ),
    keystore.MaximumNumberOfTLSCertificationPathsReached: (
        _ACTION,
        "ter:MaximumNumberOfTLSCertificationPathsReached",
    ),
    keystore.KeyDeletionFailed: (_ACTION, "ter:KeyDeletionFailed"),
    keystore.CertificateDeletionFailed: (_ACTION, "ter:CertificateDeletionFailed"),
    keystore.CertificationPathCreationFailed: (_ACTION, "ter:CertificationPathCreationFailed"),
    keystore.CertificationPathDeletionFailed: (_ACTION, "ter:CertificationPathDeletionFailed"),
    keystore.NoMatchingPrivateKey: (_ACTION, "ter:NoMatchingPrivateKey"),
    keystore.CSRCreationFailed: (_ACTION, "ter:CSRCreationFailed"),
    keystore.CertificateCreationFailed: (_ACTION, "ter:CertificateCreationFailed"),
}


_NOT_STORED = "The device could not store the change; nothing has changed. Try again"


def fault(error: Exception) -> Fault | None:
    """The fault for a failure; None for a defect that nobody foresaw, whose text no client must see."""
    if isinstance(error, Fault):
        return error
    if isinstance(error, events.NotificationFault):
        detail = element(error.element, error.detail(datetime.now(UTC)))
        return Fault("Receiver", (error.element,), str(error), detail)
    if isinstance(error, keystore.DatabaseError):  # its text is for the operator
        return Fault("Receiver", (_ACTION,), _NOT_STORED)
    for kind in type(error).__mro__:
        if kind in _SENDER:
            return Fault("Sender", _SENDER[kind], str(error))
        if kind in _RECEIVER:
            return Fault("Receiver", _RECEIVER[kind], str(error))
    return None
