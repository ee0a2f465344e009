"""`onvifd check`: what would keep this configuration from working, found without changing anything."""

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from keystore import Keystore
from keystore.database import snapshot
from onvifd import assembly, network
from onvifd.config import Config, ConfigError
from onvifd.events.pullpoints import MAXIMUM_TIMEOUT
from onvifd.services import services
from onvifd.webserver.errors import WebServerError
from onvifd.webserver.includes import includes
from onvifd.webserver.process import SYSTEM_PATH
from onvifd.webserver.verify import answers

_PROBE_TIMEOUT = 1.0

SOON = timedelta(days=30)
"""How long before its end an assigned certificate is worth a word."""


def report(config: Config) -> int:
    """Print the findings, one line each, and return 1; or `ok`, and return 0."""
    found = list(findings(config))
    print("\n".join(found) or "ok")
    return 1 if found else 0


def findings(config: Config) -> Iterator[str]:
    """What is wrong with the configuration, the store or the web server."""
    try:
        services(config.services)
        assembly.web_server(config, MAXIMUM_TIMEOUT)
        assembly.consumer_networks(config)
        assembly.discovery_types(config)
    except (ConfigError, WebServerError) as error:
        yield str(error)
    if config.webserver.mode == "external":
        yield from _external(config)
    include = config.webserver.include
    if include and not os.access(include, os.R_OK):
        yield f"webserver.include: {include} can't be read by this user: put it there, or correct its mode"
    yield from _directory(config.state_dir, 0o077)
    # The web server's group must be able to pass through it.
    yield from _directory(config.run_dir, 0o067 if config.webserver.group else 0o077)
    yield from _owners(config)
    yield from _tmpfs(config.run_dir)
    yield from _private_file(config.database)
    if config.database.exists():
        yield from _store(config)
    else:
        if not assembly.first_password(config):
            yield assembly.NO_PASSWORD
        http, https = config.protocols.http, config.protocols.https
        yield from _ports([port for each in (http, https) if each.enabled for port in each.ports], config)


def _external(config: Config) -> Iterator[str]:
    """Whether the vendor's web server would ever see what is written for it."""
    chosen = config.webserver
    fragment = config.run_dir / "webserver" / "current" / f"{chosen.server}.conf"
    main = chosen.main or Path(f"/etc/{chosen.server}/{chosen.server}.conf")
    try:
        if not includes(main, fragment):
            included = fragment.with_name("*.conf")
            yield f"{main} does not include {included}, nothing would be served: add the line"
    except OSError as error:
        yield f"webserver.main: {error.filename} can't be read: {error.strerror}"
    for name in ("check", "reload", "restart"):
        command = getattr(chosen, name)
        if command and shutil.which(command[0], path=SYSTEM_PATH) is None:
            yield f"webserver.{name}: there is no command {command[0]}: install it, or name another one"


def _private_file(path: Path) -> Iterator[str]:
    if path.exists():
        if path.stat().st_uid != path.parent.stat().st_uid:
            yield f"{path} and its directory belong to different users: the service's user must own both"
        if path.stat().st_mode & 0o077:
            yield f"{path} is open to other users: set its mode to 0600"


def _directory(directory: Path, others: int) -> Iterator[str]:
    if not directory.exists():
        parent = next(parent for parent in directory.parents if parent.exists())
        if not os.access(parent, os.W_OK):
            yield f"{directory} does not exist, and can't be made in {parent}"
    elif not directory.is_dir() or not os.access(directory, os.W_OK):
        yield f"{directory} is no directory that this user can write to"
    elif directory.stat().st_mode & others:
        yield f"{directory} is open to other users: set its mode to 0700"


def _owners(config: Config) -> Iterator[str]:
    """Whether the service's user and the web server's group can be what the directories need."""
    ours = [directory for directory in (config.state_dir, config.run_dir) if directory.exists()]
    if len({directory.stat().st_uid for directory in ours}) > 1:
        yield f"{ours[0]} and {ours[1]} belong to different users: the service's user must own both"
    with contextlib.suppress(ConfigError):  # it has been named already
        group = assembly.shared_with(config)
        if group is not None and os.geteuid() != 0 and group not in (os.getegid(), *os.getgroups()):
            name = config.webserver.group
            yield f"webserver.group: this user is not in {name}, and can't share files with it"


def _tmpfs(run_dir: Path) -> Iterator[str]:
    kind = _file_system(run_dir)
    if kind not in ("tmpfs", "ramfs"):
        yield f"{run_dir} lies on {kind}: private keys in the clear belong on a tmpfs"


def _file_system(path: Path) -> str:
    """The type of the file system that a path lies on, or would lie on (proc(5), mountinfo)."""
    place = next(each for each in (path, *path.parents) if each.exists()).resolve()
    found = (0, "")
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        mount, _, source = line.partition(" - ")
        point = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), mount.split()[4]))
        if place.is_relative_to(point) and len(point.parts) >= found[0]:  # the last one covers the others
            found = (len(point.parts), source.split()[0])
    return found[1]


def _store(config: Config) -> Iterator[str]:
    """Of a copy: to open a store of an earlier version updates it."""
    with tempfile.TemporaryDirectory(prefix="onvifd-check-") as directory:
        key = replace(config.keystore, key_encryption_key=config.key_encryption_key)
        copy = replace(config, state_dir=Path(directory), keystore=key)
        try:
            snapshot(config.database, copy.database)
            with assembly.open_store(copy) as store:
                keys = Keystore(store.database, store.sealer, assembly.limits(config))
                store.database.refuse_unknown()
                yield from keys.verify()
                for credential in keys.server_credentials():
                    yield from _validity(credential.path_id, credential.certificates_der)
                if not _running(config):
                    enabled = [protocol for protocol in store.protocols.all() if protocol.enabled]
                    yield from _ports([port for protocol in enabled for port in protocol.ports], config)
        except assembly.OPERATOR_ERRORS as error:
            yield str(error).replace(directory, str(config.state_dir))


def _validity(path_id: str, ders: Sequence[bytes]) -> Iterator[str]:
    """Clients refuse a path if any certificate of it has expired."""
    for number, der in enumerate(ders, 1):
        what = "server certificate" if number == 1 else f"CA certificate (number {number} of the path)"
        ends = x509.load_der_x509_certificate(der).not_valid_after_utc
        if ends < datetime.now(UTC):
            yield f"{path_id}: the {what} expired on {ends:%Y-%m-%d}: assign a path with a new one"
        elif ends < datetime.now(UTC) + SOON:
            yield f"{path_id}: the {what} expires on {ends:%Y-%m-%d}: assign a path with a new one"


def _running(config: Config) -> bool:
    """Whether an onvifd holds the state directory: its ports are busy because they work."""
    try:
        with (config.state_dir / "lock").open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass
    return False


def _ports(ports: list[int], config: Config) -> Iterator[str]:
    listen = [address for address in config.webserver.listen if network.has_address(address)]
    # A web server that init runs goes on when onvifd has stopped.
    served = [generation.name for generation in config.run_dir.glob("webserver/generations/*")]
    for port in sorted({port for port in ports if ports.count(port) > 1}):
        yield f"port {port} is wanted for two protocols: give one of them another port"
    for port in ports:
        ours = served and answers(listen, port, served, _PROBE_TIMEOUT)
        if not ours and not network.port_is_free(listen, port):
            yield f"port {port} is in use by another program: stop that (see `ss -ltnp`), or take another"
