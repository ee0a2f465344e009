"""The bench: a complete device on this machine, unprivileged, for whoever develops a client."""

import argparse
import contextlib
import os
import secrets
import shutil
import ssl
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from onvifd import assembly, privileges, server
from onvifd.config import (
    Config,
    ConfigError,
    DiscoveryConfig,
    NotificationConfig,
    ProtocolConfig,
    ProtocolsConfig,
    WebServerConfig,
)
from onvifd.soap.encode import element
from onvifd.soap.envelope import serialize

LOOPBACK = ("127.0.0.1", "::1")
DEVICE_SERVICE = "/onvif/device_service"
READY_TIMEOUT = 60.0
"""Seconds to wait for the first answer."""


class _Arbiter(server.OneWorker):
    def handle_hup(self) -> None:
        """Its terminal is gone."""
        self.handle_term()


def run(options: argparse.Namespace) -> None:
    """Run the bench until SIGTERM or Ctrl-C. Raises what server.serve raises."""
    for port in (options.http, options.https):
        if not 1 <= port <= 65535:
            raise ConfigError(f"{port} is not a TCP port: use 1 to 65535")
    directory = options.state or Path(tempfile.gettempdir()) / f"onvifd-demo-{options.http}"
    config = Config(
        state_dir=directory.absolute(),
        run_dir=directory.absolute() / "run",
        protocols=ProtocolsConfig(
            http=ProtocolConfig(enabled=True, ports=(options.http,)),
            https=ProtocolConfig(enabled=False, ports=(options.https,)),
        ),
        webserver=WebServerConfig(server=options.server, listen=LOOPBACK),
        notification=NotificationConfig(networks=LOOPBACK),  # its clients are on this machine
        discovery=DiscoveryConfig(enabled=options.discovery, interfaces=("lo",)),
    )
    config.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.getuid() == 0:
        _give_up_root(config.state_dir)
    _require_owner(config.state_dir, os.getuid())
    with server.locked(config.state_dir), _left_behind(config, keep_state=options.state is not None):
        if options.state is None:
            _forget_crashed_run(config)
        password = options.admin_password or os.environ.get(assembly.PASSWORD_VARIABLE)
        url = _prepare(config, password)
        server.run(config, lambda: _announce_when_ready(url), _Arbiter)


def _give_up_root(directory: Path) -> None:
    account = privileges.unprivileged()
    _require_owner(directory, os.getuid(), account.pw_uid)
    obstacle = privileges.unreadable(account, [*privileges.program_files(), directory.parent])
    if obstacle is not None:
        print(f"keeps root, since {account.pw_name} can't read {obstacle}", flush=True)
        return
    for path in (directory, *directory.rglob("*")):
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
    privileges.become(account)


def _require_owner(directory: Path, *owners: int) -> None:
    """The usual one lies in /tmp: anybody could have made it, or a link to what root would give away."""
    if not {directory.lstat().st_uid, directory.stat().st_uid} <= set(owners):
        raise ConfigError(f"{directory} belongs to another user")


@contextlib.contextmanager
def _left_behind(config: Config, *, keep_state: bool) -> Iterator[None]:
    """Remove what the bench made, but for a state that the user wants to keep."""
    owner = os.getpid()
    try:
        yield
    finally:
        if os.getpid() == owner:  # gunicorn's worker is forked from here and leaves this way too
            shutil.rmtree(config.run_dir if keep_state else config.state_dir, ignore_errors=True)


def _forget_crashed_run(config: Config) -> None:
    """A bench without --state is a new device each time, also after one that could not clean up."""
    for path in (config.database, config.key_encryption_key):
        for leftover in path.parent.glob(f"{path.name}*"):
            leftover.unlink()


def _prepare(config: Config, password: str | None) -> str:
    """Make the first administrator where there is none, print how to log in, return the URL."""
    with assembly.open_store(config) as store:
        new = not store.users.all()
        if new:
            password = password or secrets.token_urlsafe(12)
            store.users.create_first_administrator(config.users.administrator, password)
        protocols = {protocol.name: protocol for protocol in store.protocols.all()}
    scheme = "http" if protocols["HTTP"].enabled else "https"
    url = f"{scheme}://127.0.0.1:{protocols[scheme.upper()].ports[0]}{DEVICE_SERVICE}"
    print(f"url       {url}")
    print(f"user      {config.users.administrator}")
    print(f"password  {password if new else '(as set when the state was made)'}")
    print(f"state     {config.state_dir}", flush=True)
    return url


def _announce_when_ready(url: str) -> None:
    threading.Thread(target=_announce, args=(url,), daemon=True).start()


def _announce(url: str) -> None:
    request = urllib.request.Request(url, serialize(element("tds:GetSystemDateAndTime", {})))  # noqa: S310
    anyone = ssl._create_unverified_context()  # noqa: S323 - it is this very process that answers
    direct = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=anyone)
    )
    deadline = time.monotonic() + READY_TIMEOUT
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), direct.open(request, timeout=5):
            print("ready", flush=True)
            return
        time.sleep(0.05)
    print("onvifd: the device does not answer", file=sys.stderr, flush=True)
