"""Puts the device together: which part is given which, in the order of the layers."""

import contextlib
import functools
import grp
import os
import secrets
import ssl
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import keystore
from keystore import Database, KeyStatus, Keystore, Sealer
from onvifd.auth.authenticator import Authenticator, AuthSettings
from onvifd.auth.errors import AuthError
from onvifd.auth.users import UserLimits, Users
from onvifd.auth.watermark import Watermark
from onvifd.call import Device
from onvifd.clock import Clock
from onvifd.config import Config, ConfigError
from onvifd.consumers import Network, Policy, Sender, networks
from onvifd.discovery.state import DiscoveryState
from onvifd.discovery.target import Settings as DiscoverySettings
from onvifd.discovery.target import TargetService
from onvifd.events import notify
from onvifd.events.notifications import key_status_notification
from onvifd.events.producers import Producers
from onvifd.events.pullpoints import MAXIMUM_TIMEOUT, PullPoints
from onvifd.events.subscriptions import Limits as SubscriptionLimits
from onvifd.events.subscriptions import Subscriptions
from onvifd.hooks import Hook, HookFailed, ProtocolHook, Reboot
from onvifd.operations import SERVED
from onvifd.services import services
from onvifd.soap.names import NAMESPACES
from onvifd.state import Protocols, Scopes, endpoint_reference
from onvifd.webserver.apply import Server, WebServer
from onvifd.webserver.errors import WebServerError
from onvifd.webserver.external import Commands, External
from onvifd.webserver.lighttpd import Lighttpd, LighttpdFiles
from onvifd.webserver.model import ServerCertificate, ServerConfiguration
from onvifd.webserver.nginx import Nginx, NginxFiles
from onvifd.webserver.settings import Settings

PASSWORD_VARIABLE = "ONVIFD_ADMIN_PASSWORD"  # noqa: S105 - the name of the variable, not a password

NO_PASSWORD = (
    "this device has no users, and no password for the first administrator is given: set users.password_file"
    f" in the configuration, or {PASSWORD_VARIABLE} in the environment"
)

OPERATOR_ERRORS = (ConfigError, keystore.errors.KeystoreError, AuthError, WebServerError, OSError)
"""What keeps a device from starting: each one's text is for the operator."""


@dataclass(frozen=True)
class Store:
    """What is on disk, opened."""

    database: Database
    sealer: Sealer
    users: Users
    protocols: Protocols
    scopes: Scopes
    discovery: DiscoveryState
    clock: Clock
    endpoint_reference: str


@dataclass(frozen=True)
class Running:
    """A device that has been started."""

    device: Device
    authenticator: Authenticator
    store: Store
    sender: Sender
    target_service: TargetService | None
    """None where discovery is switched off."""

    def close(self) -> None:
        """Stop what was started, the outermost layer first."""
        if self.target_service is not None:
            self.target_service.leave()
        self.device.subscriptions.close()
        self.sender.close()
        self.device.producers.close()
        self.device.webserver.close()
        self.authenticator.close()
        self.device.keystore.close()
        if self.target_service is not None:
            self.target_service.close()
        self.store.database.close()


@contextlib.contextmanager
def open_store(config: Config) -> Iterator[Store]:
    """The store for a moment, before anything runs on it. Raises OPERATOR_ERRORS."""
    store = _open_store(config)
    try:
        yield store
    finally:
        store.database.close()


def _open_store(config: Config) -> Store:
    if config.database.exists() and not config.key_encryption_key.exists():
        raise ConfigError(
            f"{config.key_encryption_key} is missing: restore it, for without it nothing in the store opens"
        )
    # The key first: after a power cut in a device's first start no database is without it.
    sealer = Sealer(keystore.file_key(config.key_encryption_key))
    database = Database(config.database)
    user_limits = UserLimits(
        max_users=config.users.maximum_number,
        max_name_length=config.users.maximum_name_length,
        max_password_length=config.users.maximum_password_length,
        min_password_length=config.users.minimum_password_length,
    )
    return Store(
        database,
        sealer,
        Users(database, sealer, user_limits),
        Protocols(database, config.protocols),
        Scopes(database, config.device.scopes),
        DiscoveryState(database),
        Clock(database, Hook(config.device.set_clock, "set its clock"), ntp=config.device.ntp),
        endpoint_reference(database),
    )


def provision(config: Config) -> None:
    """Make the first administrator of a new device. Raises ConfigError where no password is provided."""
    with open_store(config) as store:
        if store.users.all():
            return
        password = first_password(config)
        if not password:
            raise ConfigError(NO_PASSWORD)
        store.users.create_first_administrator(config.users.administrator, password)


def first_password(config: Config) -> str:
    """The first administrator's password as it is provided, or nothing. Raises OSError."""
    path = config.users.password_file
    in_file = path.read_text(encoding="utf-8").partition("\n")[0].strip() if path else ""
    return os.environ.get(PASSWORD_VARIABLE) or in_file


def start(config: Config) -> Running:
    """Start the device: the store, the key generator and the web server. Raises OPERATOR_ERRORS."""
    store = _open_store(config)
    subscriptions = Subscriptions(SubscriptionLimits(queue_length=config.service.queue_length))

    def publish_key_status(key_id: str, old: KeyStatus | None, new: KeyStatus) -> None:
        subscriptions.publish(key_status_notification(key_id, old, new, datetime.now(UTC)))

    keys = Keystore(
        store.database,
        store.sealer,
        limits(config),
        signature_algorithms=_signature_algorithms(config),
        on_key_status=publish_key_status,
    )
    store.database.refuse_unknown()
    webserver = WebServer(
        web_server(config, MAXIMUM_TIMEOUT),
        lambda: _wanted(store.protocols, keys.server_credentials()),
        store.database,
        without_certificates=lambda: _wanted(store.protocols, ()),
    )
    hook = ProtocolHook(config.protocols.rtsp.hook if config.protocols.rtsp else ())
    permitted = consumer_networks(config)
    consumers = Policy(permitted, lambda: _ports(store.protocols))
    sender = Sender(consumers, config.notification.ca_file)
    device = Device(
        config=config,
        keystore=keys,
        users=store.users,
        protocols=store.protocols,
        scopes=store.scopes,
        discovery=store.discovery,
        webserver=webserver,
        subscriptions=subscriptions,
        pull_points=PullPoints(subscriptions, config.service.maximum_pull_points),
        producers=Producers(
            subscriptions,
            config.notification.maximum_producers if permitted else 0,
            functools.partial(notify.send, sender),
        ),
        consumers=consumers,
        protocol_hook=hook,
        clock=store.clock,
        factory_default=Hook(config.device.factory_default, "bring back what the factory had set"),
        reboot=Reboot(config.device.reboot),
        endpoint_reference=store.endpoint_reference,
        services=services(config.services),
        served=SERVED,
    )
    running = Running(
        device, _authenticator(config, store.users), store, sender, _target_service(device, store)
    )
    try:
        keys.start()
        webserver.start()
        rtsp = store.protocols.get("RTSP")
        if rtsp is not None:
            with contextlib.suppress(HookFailed):  # logged; the device is to come up without streams, too
                hook.run(rtsp)
        if running.target_service is not None:
            running.target_service.start()
    except BaseException:
        running.close()
        raise
    return running


def _target_service(device: Device, store: Store) -> TargetService | None:
    config = device.config
    if not config.discovery.enabled:
        return None
    service = TargetService(
        DiscoverySettings(
            endpoint_reference=device.endpoint_reference,
            types=discovery_types(config),
            path=next(service.path for service in device.services if service.namespace == NAMESPACES["tds"]),
            listen=config.webserver.listen,
            interfaces=config.discovery.interfaces,
        ),
        device.discovery,
        scopes=lambda: (*device.scopes.fixed, *device.scopes.configurable()),
        ports=lambda: [
            (protocol.name.lower(), port)
            for protocol in store.protocols.all()
            if protocol.enabled and protocol.name in ("HTTP", "HTTPS")
            for port in protocol.ports
        ],
    )
    store.database.watch(service.changed)
    return service


def discovery_types(config: Config) -> tuple[str, ...]:
    """The types of the device (Core 7.3.2.1). Raises ConfigError for one that is no name of ours."""
    types = tuple(dict.fromkeys(("tds:Device", *config.discovery.types)))
    for name in types:
        prefix, _, local = name.partition(":")
        if prefix not in ("tds", "dn") or not local.isidentifier():
            raise ConfigError(
                f"discovery.types: {name!r} is no type; write it as dn:NetworkVideoTransmitter or tds:Device"
            )
    return types


def limits(config: Config) -> keystore.Limits:
    """How much the keystore takes."""
    bounds = config.keystore
    return keystore.Limits(
        keys=bounds.maximum_number_of_keys,
        certificates=bounds.maximum_number_of_certificates,
        certification_paths=bounds.maximum_number_of_certification_paths,
        tls_certification_paths=bounds.maximum_number_of_tls_certification_paths,
        rsa_key_lengths=bounds.rsa_key_lengths,
    )


def _signature_algorithms(config: Config) -> tuple[str, ...]:
    return (*keystore.BASELINE, *((keystore.SHA1_WITH_RSA,) if config.keystore.sha1_with_rsa else ()))


def _authenticator(config: Config, users: Users) -> Authenticator:
    settings = AuthSettings(
        realm=config.authentication.realm,
        clock_skew=timedelta(seconds=config.authentication.clock_skew),
        nonce_lifetime=timedelta(seconds=config.authentication.nonce_lifetime),
        throttle_burst=config.authentication.failed_login_burst,
        throttle_refill=config.authentication.failed_logins_per_second,
    )
    watermark = Watermark(config.last_token, config.run_dir / config.last_token.name)
    return Authenticator(users, settings, secrets.token_bytes(32), watermark, lambda: datetime.now(UTC))


def web_server(config: Config, longest_poll: timedelta) -> Server:
    """The web server as it is configured. Raises ConfigError, ServerMissing."""
    chosen = config.webserver
    lighttpd = chosen.server == "lighttpd"
    group = shared_with(config)
    settings = Settings(
        directory=config.run_dir / "webserver",
        backend=config.socket,
        program=chosen.lighttpd if lighttpd else chosen.nginx,
        addresses=chosen.listen,
        maximum_request_size=config.service.maximum_request_size,
        long_poll=round(longest_poll.total_seconds()),
        include=chosen.include,
        hsts=chosen.hsts,
        group=group,
    )
    if chosen.mode == "managed":
        return Lighttpd(settings) if lighttpd else Nginx(settings)
    if not chosen.reload:
        raise ConfigError("webserver.mode is external: set webserver.reload, the command that reloads it")
    return External(
        LighttpdFiles(settings) if lighttpd else NginxFiles(settings),
        Commands(chosen.reload, chosen.check, chosen.restart, chosen.command_timeout),
        pid_file=None if lighttpd else chosen.pid_file,
        settle=chosen.settle,
        group=group,
    )


def consumer_networks(config: Config) -> tuple[Network, ...]:
    """Where notifications may be sent to. Raises ConfigError; for CAs that can't be loaded, too."""
    try:
        found = networks(config.notification.networks)
    except ValueError as error:
        raise ConfigError(f"notification.networks: {error}") from None
    try:
        if config.notification.ca_file:
            ssl.create_default_context(cafile=config.notification.ca_file)
    except OSError as error:
        raise ConfigError(f"notification.ca_file: {error}") from None
    return found


def _ports(protocols: Protocols) -> set[int]:
    return {port for protocol in protocols.all() if protocol.enabled for port in protocol.ports}


def shared_with(config: Config) -> int | None:
    """The ID of the group that the web server's files and the service's socket are shared with, if any.

    Raises ConfigError if there is no such group.
    """
    name = config.webserver.group
    if not name:
        return None
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise ConfigError(f"webserver.group: there is no group {name}") from None


def share(config: Config) -> None:
    """Let the web server's group reach the service's socket. Raises ConfigError, OSError."""
    group = shared_with(config)
    if group is not None:
        for path, mode in ((config.run_dir, 0o710), (config.socket, 0o660)):
            os.chown(path, -1, group)
            path.chmod(mode)


def _wanted(protocols: Protocols, credentials: Iterable[keystore.ServerCredential]) -> ServerConfiguration:
    """What the web server is to serve, from what is stored (within the present transaction, if any)."""
    enabled = {protocol.name: protocol.ports for protocol in protocols.all() if protocol.enabled}
    return ServerConfiguration(
        http_ports=enabled.get("HTTP", ()),
        https_ports=enabled.get("HTTPS", ()),
        certificates=tuple(map(_server_certificate, credentials)),
    )


def _server_certificate(credential: keystore.ServerCredential) -> ServerCertificate:
    return ServerCertificate(
        chain_pem="".join(map(ssl.DER_cert_to_PEM_cert, credential.certificates_der)).encode(),
        key_pem=credential.private_key_pem,
        certificates_der=credential.certificates_der,
        algorithm=credential.algorithm,
    )
