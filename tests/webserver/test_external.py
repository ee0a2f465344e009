"""A web server that the vendor's init owns, and the example files in etc/."""

from __future__ import annotations

import functools
import grp
import os
import signal
import stat
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from onvifd import assembly
from onvifd.webserver.process import SYSTEM_PATH
from onvifd.webserver.settings import Settings
from tests.support import wait_until
from tests.webserver.support import Device, Service, get, post
from tests.webserver.vendor import PAGE, Vendor, configuration, install

Ports = tuple[int, int, int]
Make = Callable[..., Device]

external = pytest.mark.parametrize("server", ["nginx-external", "lighttpd-external"], indirect=True)


@external
def test_what_is_stored_is_served_and_changed(device: Device, ports: Ports) -> None:
    first, second, third = ports
    device.assert_agreement(closed=[third])
    device.change(assigned=["rsa-2", "ec-1"])
    device.assert_agreement(closed=[third])
    device.change(http=[first, third])
    device.assert_agreement()
    device.change(http=[third])
    device.assert_agreement(closed=[first])
    device.change(https=[first])
    device.assert_agreement(closed=[second])
    device.change(https=[])
    device.assert_agreement(closed=[first, second])


def assert_vendors_own(port: int) -> None:
    assert get("127.0.0.1", port, "/") == (200, PAGE)
    assert get("127.0.0.1", port, "/index.html") == (200, PAGE)
    assert get("127.0.0.1", port, "/missing")[0] == 404
    answer = post("::1", port, "/onvif/media_service", headers={"Host": "camera.test"})
    seen = dict(answer["service"]["headers"])
    assert (seen["Host"], seen["X-Forwarded-Proto"]) == ("camera.test", "http")
    assert post("127.0.0.1", port)["service"]["path"] == "/onvif/device_service"


@external
def test_the_vendors_pages_and_media_service_share_the_ports(
    device: Device, ports: Ports, vendor: Vendor
) -> None:
    assert_vendors_own(ports[0])
    assert vendor.media.requests == ["/onvif/media_service"]
    assert "/onvif/media_service" not in device.service.requests


def test_the_vendors_pages_and_media_service_with_a_managed_server(
    make: Make, ports: Ports, tmp_path: Path, server: str
) -> None:
    root = tmp_path / "root"
    install(server, root)

    def configured(settings: Settings) -> Any:
        config = configuration(server, "managed", root)
        chosen = replace(config.webserver, listen=settings.addresses)
        return assembly.web_server(replace(config, webserver=chosen), timedelta(seconds=60))

    media = Service(root / "run" / "media.sock")
    device = make(server=configured, run=root / "run" / "onvifd")
    device.store(http=ports[:1])
    device.webserver.start()
    assert_vendors_own(ports[0])
    assert media.requests == ["/onvif/media_service"]
    media.stop()


@external
def test_the_web_server_goes_on_without_the_service_and_is_not_disturbed_by_its_return(
    device: Device, ports: Ports, make: Make, vendor: Vendor
) -> None:
    device.close()
    assert post("127.0.0.1", ports[0])["status"] == 503
    assert get("127.0.0.1", ports[0], "/index.html") == (200, PAGE)
    again = make()
    again.webserver.start()
    again.assert_agreement()


@external
def test_a_web_server_that_starts_later_is_waited_for(make: Make, ports: Ports, vendor: Vendor) -> None:
    """The order in which init starts the two does not matter."""
    vendor.halt()
    device = make(patience=0.5, retry_interval=0.2)
    device.store(http=ports[:1], https=ports[1:2], assigned=["rsa-1"])
    device.webserver.start()
    vendor.resume()
    wait_until(device.agrees)


@external
def test_only_the_group_of_the_web_server_can_read_the_files(
    make: Make, ports: Ports, vendor: Vendor
) -> None:
    """A web server that runs as another user, as a distribution's own does."""
    group = grp.getgrgid(os.getegid()).gr_name
    device = make(server=functools.partial(vendor.server, group=group))
    device.store(http=ports[:1], https=ports[1:2], assigned=["rsa-1"])
    device.webserver.start()
    for path in (device.server.directory, device.current.parent, device.current):
        assert stat.S_IMODE(path.stat().st_mode) == 0o750
    for path in device.current.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        assert path.stat().st_gid == os.getegid()


@pytest.mark.parametrize("server", ["lighttpd-external"], indirect=True)
@pytest.mark.parametrize("script", ["reload", "replace"])
def test_a_lighttpd_that_reads_its_configuration_again_is_waited_for(
    script: str, device: Device, vendor: Vendor, tmp_path: Path
) -> None:
    """It would die of the signal: here it reads until the script has waited once."""
    vendor.leave_alone()
    waiting = tmp_path / "bin" / "sleep"
    waiting.parent.mkdir()
    waiting.write_text('#!/bin/sh\ntouch "$0.waited"\nexec /bin/sleep "$1"\n')
    waiting.chmod(0o755)
    waited, reads = Path(f"{waiting}.waited"), tmp_path / "reads"
    read = f"touch {reads}; timeout 60 sh -c 'until [ -e {waited} ]; do /bin/sleep 0.01; done'"
    with (vendor.root / "etc/lighttpd/lighttpd.conf").open("a") as whole:
        whole.write(f'include_shell "{read}"\n')
    scripts = vendor.root / "etc/lighttpd"
    subprocess.run([scripts / "reload"], check=True)
    wait_until(reads.exists)
    reads.unlink()
    subprocess.run(
        [scripts / script], env={"PATH": f"{waiting.parent}:{SYSTEM_PATH}"}, check=True, timeout=60
    )
    wait_until(lambda: reads.exists() and vendor.pid)
    wait_until(device.agrees)


@pytest.mark.parametrize("server", ["lighttpd-external"], indirect=True)
@pytest.mark.parametrize("script", ["reload", "replace"])
def test_a_lighttpd_that_has_not_heard_of_a_reload_yet_is_waited_for(
    script: str, device: Device, vendor: Vendor, tmp_path: Path
) -> None:
    """As one on a busy processor: here it stands still until the script has waited once."""
    vendor.leave_alone()
    waiting = tmp_path / "bin" / "sleep"
    waiting.parent.mkdir()
    waiting.write_text(f'#!/bin/sh\ntouch "$0.waited"\nkill -CONT {vendor.pid}\nexec /bin/sleep "$1"\n')
    waiting.chmod(0o755)
    scripts = vendor.root / "etc/lighttpd"
    os.kill(vendor.pid, signal.SIGSTOP)
    subprocess.run([scripts / "reload"], check=True)
    subprocess.run(
        [scripts / script], env={"PATH": f"{waiting.parent}:{SYSTEM_PATH}"}, check=True, timeout=60
    )
    assert Path(f"{waiting}.waited").exists()
    wait_until(lambda: vendor.pid)
    wait_until(device.agrees)


@pytest.mark.parametrize("server", ["lighttpd-external"], indirect=True)
def test_what_a_reload_leaves_behind_is_waited_for(device: Device, vendor: Vendor, tmp_path: Path) -> None:
    """lighttpd must not tell it to finish before it has run: here it is busy until it was waited for."""
    waiting = tmp_path / "bin" / "sleep"
    waiting.parent.mkdir()
    waiting.write_text('#!/bin/sh\ntouch "$0.waited"\n')
    waiting.chmod(0o755)
    busy = 'until [ -e "$0.waited" ]; do :; done; exec sleep 1000'
    with subprocess.Popen(["/bin/sh", "-c", busy, waiting]) as former:
        try:
            subprocess.run(
                ["/usr/sbin/lighttpd", "-tt", "-f", vendor.root / "etc/lighttpd/lighttpd.conf"],
                env={"PATH": f"{waiting.parent}:{SYSTEM_PATH}", "LIGHTTPD_PREV_GEN": str(former.pid)},
                check=True,
            )
            assert Path(f"{waiting}.waited").exists()
        finally:
            former.kill()
