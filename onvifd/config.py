"""Every setting of the device: its type, its default and its meaning. The file is etc/onvifd.toml."""

import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

T = TypeVar("T")


class ConfigError(Exception):
    """The configuration can't be used; the text names the file, the setting and what was expected."""


@dataclass(frozen=True)
class DeviceConfig:
    """What GetDeviceInformation, GetScopes, GetHostname and GetWsdlUrl say of the device."""

    manufacturer: str = "onvifd"
    model: str = "TLS reference device"
    firmware_version: str = ""
    """Empty: the version of this package."""
    serial_number: str = "0"
    hardware_id: str = "generic"
    scopes: tuple[str, ...] = (
        "onvif://www.onvif.org/Profile/TLSConfiguration",
        "onvif://www.onvif.org/hardware/generic",
        "onvif://www.onvif.org/name/onvifd",
    )
    """The fixed scopes (Core 7.3.2.2): at least one each of Profile, hardware and name."""
    wsdl_url: str = "http://www.onvif.org/onvif/ver10/device/wsdl/devicemgmt.wsdl"
    hostname_from_dhcp: bool = False
    """Whether the host name came from DHCP, as GetHostname reports it."""
    reboot: tuple[str, ...] = ()
    """The command that SystemReboot runs. Without one this service alone is started again."""
    factory_default: tuple[str, ...] = ()
    """The command that brings back what the image owns at SetSystemFactoryDefault. `Hard` or `Soft` is
    appended; a soft one keeps the network. A non-zero exit refuses it."""
    set_clock: tuple[str, ...] = ()
    """The command that carries SetSystemDateAndTime out; without one the clock can't be set. Appended are
    `Manual` or `NTP`, the time in UTC as 2026-01-31T12:00:00Z (empty: do not set it) and the time zone as
    POSIX writes it (empty: none was set). A non-zero exit refuses it."""
    ntp: bool = False
    """Whether the image has NTP servers and sets the clock by them, until a client says otherwise."""


@dataclass(frozen=True)
class UsersConfig:
    """Who may use the device, and how many there may be."""

    administrator: str = "admin"
    """The first administrator, made when the device has no users yet. The password comes from the
    environment variable ONVIFD_ADMIN_PASSWORD or from password_file."""
    password_file: Path | None = None
    """A file whose first line is the first administrator's password; read only while there are no users."""
    maximum_number: int = 32
    maximum_name_length: int = 64
    maximum_password_length: int = 128
    minimum_password_length: int = 8


@dataclass(frozen=True)
class AuthenticationConfig:
    """HTTP Digest and WS-UsernameToken."""

    realm: str = "onvifd"
    clock_skew: int = 300
    """Seconds that a UsernameToken's Created may differ from the device's clock."""
    nonce_lifetime: int = 300
    """Seconds after which an HTTP Digest nonce is stale."""
    failed_login_burst: int = 20
    """Wrong passwords that one source address may send at once before it is slowed down..."""
    failed_logins_per_second: float = 1.0
    """...to this many."""


@dataclass(frozen=True)
class ServiceConfig:
    """The bounds that keep clients from taking the device down."""

    threads: int = 8
    """Requests that are worked on at the same time, besides one waiting PullMessages per pull point."""
    maximum_request_size: int = 1024 * 1024
    """Bytes of one request; a larger one is answered with 413."""
    maximum_pull_points: int = 16
    """Pull points, as MaxPullPoints of the event service announces."""
    queue_length: int = 256
    """Messages that a subscription keeps for its client; the oldest go first."""


@dataclass(frozen=True)
class NotificationConfig:
    """Basic notification: the device sends messages to an address that a client gives with Subscribe."""

    networks: tuple[str, ...] = ()
    """The networks, in CIDR form, that such an address may be in; without one, clients can only pull. Never
    messages go to the device's own addresses, nor to link-local, multicast or broadcast ones. The loopback is
    permitted only where it is named by itself, and then without the ports of the device's own protocols."""
    maximum_producers: int = 8
    """Subscriptions of this kind, as MaxNotificationProducers announces; 0 switches it off."""
    ca_file: Path | None = None
    """The CA certificates (PEM) that HTTPS consumers are verified with. Default: those of the system."""


@dataclass(frozen=True)
class DiscoveryConfig:
    """WS-Discovery (Core 7)."""

    enabled: bool = True
    """False where the image has a discovery service of its own."""
    types: tuple[str, ...] = ("dn:NetworkVideoTransmitter",)
    """What the device is besides tds:Device; `dn:` is http://www.onvif.org/ver10/network/wsdl."""
    interfaces: tuple[str, ...] = ()
    """The network interfaces to be discovered on; none: all but the loopback."""


@dataclass(frozen=True)
class KeystoreConfig:
    """The capabilities of the keystore (Security 5.5.7.2)."""

    key_encryption_key: Path | None = None
    """The file with the 32 bytes that seal private keys and passwords; made at the first start.
    Default: onvifd.kek in state_dir."""
    maximum_number_of_keys: int = 32
    maximum_number_of_certificates: int = 32
    maximum_number_of_certification_paths: int = 16
    maximum_number_of_tls_certification_paths: int = 2
    rsa_key_lengths: tuple[int, ...] = (2048, 3072, 4096)
    """Bits, for keys made on the device."""
    sha1_with_rsa: bool = False
    """Offer sha1WithRSAEncryption too: only for test tools that insist on it."""


@dataclass(frozen=True)
class ProtocolConfig:
    """A network protocol as the device leaves the factory; a client's SetNetworkProtocols overrules it."""

    enabled: bool = False
    ports: tuple[int, ...] = ()


@dataclass(frozen=True)
class RTSPConfig(ProtocolConfig):
    """RTSP, if the image has a streaming server."""

    hook: tuple[str, ...] = ()
    """The command that carries a change out. `enabled` or `disabled` and the ports are appended; a non-zero
    exit refuses the change. Run at start too, with the stored state; what it says then is only logged."""


@dataclass(frozen=True)
class ProtocolsConfig:
    """Which protocols the device has. RTSP exists only where the table is in the file."""

    http: ProtocolConfig = field(default_factory=lambda: ProtocolConfig(enabled=True, ports=(80,)))
    https: ProtocolConfig = field(default_factory=lambda: ProtocolConfig(enabled=False, ports=(443,)))
    rtsp: RTSPConfig | None = None
    allow_lockout: bool = False
    """Let a client disable the last protocol that reaches the device service."""


@dataclass(frozen=True)
class WebServerConfig:
    """The HTTPS server in front."""

    server: Literal["nginx", "lighttpd"] = "nginx"
    mode: Literal["managed", "external"] = "managed"
    """Whether onvifd starts and supervises the web server, or writes what a running one includes."""
    nginx: str = "nginx"
    """The nginx program: a name to find in PATH, or a path."""
    lighttpd: str = "lighttpd"
    """The lighttpd program, likewise."""
    listen: tuple[str, ...] = ("0.0.0.0", "::")  # noqa: S104 - a device is there to be reached
    """The addresses to listen on. Those that the host does not have are left out."""
    include: Path | None = None
    """A file in the web server's own language with the vendor's web pages and services: nginx includes it in
    the server block, lighttpd at the end of the global block."""
    hsts: int = 0
    """Seconds of Strict-Transport-Security on HTTPS; 0 sends none."""
    main: Path | None = None
    """External mode: the vendor's own configuration file. Only `onvifd check` reads it."""
    reload: tuple[str, ...] = ()
    """External mode: the command that reloads the web server, and..."""
    check: tuple[str, ...] = ()
    """...the one that checks its configuration before that, and..."""
    restart: tuple[str, ...] = ()
    """...the one that replaces `reload` where a port is closed: lighttpd keeps it open on reload."""
    command_timeout: float = 10.0
    """Seconds that each of these commands may take."""
    pid_file: Path | None = None
    """External mode with nginx: the file with its master's process ID. With it a change is known to be served
    when the former workers accept nothing any more. Else..."""
    settle: float = 0.5
    """...this many seconds after the reload."""
    group: str = ""
    """External mode: the group that may read the keys and reach the service, if the web server needs it."""


@dataclass(frozen=True)
class VendorService:
    """A service of the image that GetServices and GetCapabilities list."""

    namespace: str
    path: str
    """Its path on this device's web server; the scheme and host are those of the request."""
    major: int
    minor: int
    capabilities: str = ""
    """XML of its Capabilities element, for GetServices with IncludeCapability."""


@dataclass(frozen=True)
class Config:
    """The whole file."""

    state_dir: Path = Path("/var/lib/onvifd")
    """What must survive a power cut: the database and the key-encryption key."""
    run_dir: Path = Path("/run/onvifd")
    """What is rebuilt at each start, the web server's plaintext keys among it: a tmpfs on a device."""
    device: DeviceConfig = field(default_factory=DeviceConfig)
    users: UsersConfig = field(default_factory=UsersConfig)
    authentication: AuthenticationConfig = field(default_factory=AuthenticationConfig)
    service: ServiceConfig = field(default_factory=ServiceConfig)
    notification: NotificationConfig = field(default_factory=NotificationConfig)
    discovery: DiscoveryConfig = field(default_factory=DiscoveryConfig)
    keystore: KeystoreConfig = field(default_factory=KeystoreConfig)
    protocols: ProtocolsConfig = field(default_factory=ProtocolsConfig)
    webserver: WebServerConfig = field(default_factory=WebServerConfig)
    services: tuple[VendorService, ...] = ()

    @property
    def database(self) -> Path:
        return self.state_dir / "onvifd.db"

    @property
    def last_token(self) -> Path:
        return self.state_dir / "last-token"

    @property
    def key_encryption_key(self) -> Path:
        return self.keystore.key_encryption_key or self.state_dir / "onvifd.kek"

    @property
    def socket(self) -> Path:
        """Where gunicorn listens for the web server."""
        return self.run_dir / "onvifd.sock"


def load(path: Path) -> Config:
    """The configuration in a file.

    Raises ConfigError for a file that can't be read, an unknown setting or a value of the wrong kind.
    """
    try:
        with path.open("rb") as file:
            table = tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    try:
        return _table(Config, table, "")
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _table(kind: type[T], table: Mapping[str, Any], where: str) -> T:
    hints = typing.get_type_hints(kind)
    unknown = sorted(table.keys() - hints.keys())
    if unknown:
        raise ConfigError(f"{where}{unknown[0]} is not a setting; there are: {', '.join(hints)}")
    values = {name: _value(hints[name], value, f"{where}{name}") for name, value in table.items()}
    try:
        return kind(**values)
    except TypeError:
        missing = [name for name in hints if name not in values]
        raise ConfigError(f"{where.rstrip('.')} lacks one of: {', '.join(missing)}") from None


def _value(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType:
        (hint,) = (argument for argument in arguments if argument is not types.NoneType)
        return _value(hint, value, where)
    if origin is Literal:
        if value not in arguments:
            raise ConfigError(f"{where} must be one of {', '.join(arguments)}, not {value!r}")
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise ConfigError(f"{where} must be a list")
        return tuple(_value(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if is_dataclass(hint):
        if not isinstance(value, dict):
            raise ConfigError(f"{where} must be a table")
        return _table(typing.cast(type[Any], hint), value, f"{where}.")
    if hint is Path and isinstance(value, str):
        return Path(value)
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise ConfigError(f"{where} must be {_KINDS[hint]}, not {value!r}")
    return value


_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", Path: "a path"}
