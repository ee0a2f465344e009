"""What onvifd's recipe puts into an image: its commands are run, by make, without Buildroot around them."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from onvifd import config
from tests.buildroot.tree import REPOSITORY, TREE, make

DEFAULTS = {"BR2_PACKAGE_ONVIFD_STATE_DIR": '"/var/lib/onvifd"', "BR2_PACKAGE_ONVIFD_MANAGED": "y"}
SYSTEMD = Path("usr/lib/systemd")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """The image's root, in which the web servers have been installed."""
    root = tmp_path / "target"
    for server in ("nginx", "lighttpd"):
        script = root / f"etc/init.d/S50{server}"
        script.parent.mkdir(parents=True, exist_ok=True)
        script.touch()
    return root


def test_the_init_script_is_that_of_etc(target: Path) -> None:
    make("install", target.parent, INIT="SYSV", **DEFAULTS)
    installed = target / "etc/init.d/S60onvifd"
    assert installed.read_bytes() == (REPOSITORY / "etc/init.d/onvifd").read_bytes()
    assert installed.stat().st_mode & 0o777 == 0o755
    assert not (target / SYSTEMD).exists()


def test_the_unit_is_that_of_etc(target: Path) -> None:
    make("install", target.parent, INIT="SYSTEMD", **DEFAULTS)
    installed = target / SYSTEMD / "system/onvifd.service"
    assert installed.read_bytes() == (REPOSITORY / "etc/systemd/onvifd.service").read_bytes()
    assert not (target / "etc/init.d/S60onvifd").exists()
    assert not installed.with_suffix(".service.d").exists()


def test_the_configuration_is_that_of_etc(target: Path) -> None:
    make("install", target.parent, INIT="SYSV", **DEFAULTS)
    assert installed_configuration(target) == config.load(REPOSITORY / "etc/onvifd.toml")


@pytest.mark.parametrize("settings", [{}, {"BR2_PACKAGE_ONVIFD_LIGHTTPD": "y"}], ids=["nginx", "lighttpd"])
@pytest.mark.parametrize("init", ["SYSV", "SYSTEMD"])
def test_only_onvifd_starts_the_web_server(target: Path, init: str, settings: dict[str, str]) -> None:
    make("install", target.parent, INIT=init, **DEFAULTS, **settings)
    server = installed_configuration(target).webserver.server
    assert server == ("lighttpd" if settings else "nginx")
    assert not (target / f"etc/init.d/S50{server}").exists()
    presets = [path.read_text() for path in target.glob(f"{SYSTEMD}/system-preset/*")]
    assert presets == ([f"disable {server}.service\n"] if init == "SYSTEMD" else [])


@pytest.mark.parametrize("init", ["SYSV", "SYSTEMD"])
def test_a_web_server_of_init_is_left_alone(target: Path, init: str) -> None:
    make("install", target.parent, INIT=init, **DEFAULTS | {"BR2_PACKAGE_ONVIFD_MANAGED": ""})
    assert (target / "etc/init.d/S50nginx").exists()
    assert not (target / SYSTEMD / "system-preset").exists()


@pytest.mark.parametrize("init", ["SYSV", "SYSTEMD"])
def test_the_state_directory_can_be_elsewhere(target: Path, init: str) -> None:
    settings = DEFAULTS | {"BR2_PACKAGE_ONVIFD_STATE_DIR": '"/data/camera/onvifd"'}
    make("install", target.parent, INIT=init, **settings)
    assert installed_configuration(target).state_dir == Path("/data/camera/onvifd")
    assert (target / "data/camera").stat().st_mode & 0o777 == 0o755
    if init == "SYSTEMD":
        drop_in = (target / SYSTEMD / "system/onvifd.service.d/state.conf").read_text()
        assert re.findall(r"^(\w+)=(.*)$", drop_in, re.MULTILINE) == [
            ("RequiresMountsFor", "/data/camera/onvifd"),
            ("StateDirectory", ""),
            ("ReadWritePaths", "/data/camera/onvifd"),
        ]
        temporary = (target / "usr/lib/tmpfiles.d/onvifd.conf").read_text()
        assert "d /data/camera/onvifd 0700 onvifd onvifd\n" in temporary


def test_the_user_is_one_of_its_own_that_nobody_logs_in_as(tmp_path: Path) -> None:
    """Buildroot's manual, Makeusers syntax: name uid group gid password home shell groups comment."""
    user, uid, group, gid, password, home, shell, groups, _ = make("users", tmp_path).split(maxsplit=8)
    assert (user, group) == ("onvifd", "onvifd")
    assert (uid, gid) == ("-1", "-1"), "Buildroot chooses free ones"
    assert (password, home, shell, groups) == ("*", "-", "-", "-")


def test_the_state_is_the_users_and_the_rest_is_roots(tmp_path: Path) -> None:
    """Buildroot's manual, Makedev syntax: name type mode uid gid major minor start inc count."""
    lines = make("permissions", tmp_path, **DEFAULTS).splitlines()
    table = {fields[0]: fields[1:] for fields in map(str.split, lines) if fields}
    nothing = ["-"] * 5
    assert table == {
        "/etc/onvifd": ["d", "755", "root", "root", *nothing],
        "/etc/onvifd/onvifd.toml": ["f", "644", "root", "root", *nothing],
        "/var/lib/onvifd": ["d", "700", "onvifd", "onvifd", *nothing],
    }


def test_the_emulated_device_keeps_its_state_on_a_disk_of_its_own() -> None:
    fstab = (TREE / "board/qemu/rootfs-overlay/etc/fstab").read_text()
    mounts = {fields[1]: fields for fields in map(str.split, fstab.splitlines()) if fields[0] != "#"}
    assert "ro" in mounts["/"][3].split(",")
    assert mounts["/run"][2] == "tmpfs"
    for defconfig in sorted((TREE / "configs").iterdir()):
        text = defconfig.read_text()
        assert "# BR2_TARGET_GENERIC_REMOUNT_ROOTFS_RW is not set" in text
        (state_dir,) = re.findall(r'BR2_PACKAGE_ONVIFD_STATE_DIR="(.*)"', text)
        assert mounts[str(Path(state_dir).parent)][0] == "/dev/vdb"


def test_an_image_that_is_built_again_keeps_its_password_and_its_data(tmp_path: Path) -> None:
    (tmp_path / "host/sbin").mkdir(parents=True)
    mkfs = shutil.which("mkfs.ext4", path="/usr/sbin:/sbin")
    assert mkfs is not None
    (tmp_path / "host/sbin/mkfs.ext4").symlink_to(mkfs)
    (tmp_path / "images").mkdir()
    directories = {"HOST_DIR": "host", "BINARIES_DIR": "images", "TARGET_DIR": "target"}
    environment = os.environ | {name: str(tmp_path / value) for name, value in directories.items()}
    built = []
    for _ in range(2):
        for script in ("post-build.sh", "post-image.sh"):
            subprocess.run([TREE / "board/qemu" / script], check=True, env=environment)
        password = (tmp_path / "images/admin-password").read_text().strip()
        provisioned = tmp_path / "target/etc/default/onvifd"
        assert provisioned.read_text() == f"ONVIFD_ADMIN_PASSWORD='{password}'\n"
        assert provisioned.stat().st_mode & 0o777 == 0o600
        built.append((password, (tmp_path / "images/data.ext4").stat().st_mtime_ns))
    assert built[0] == built[1]


def installed_configuration(target: Path) -> config.Config:
    return config.load(target / "etc/onvifd/onvifd.toml")
