"""The configuration file: etc/onvifd.toml and what the loader makes of mistakes."""

import re
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_args

import pytest

from onvifd.config import Config, ConfigError, VendorService, load

EXAMPLE = Path(__file__).parent.parent / "etc" / "onvifd.toml"


def write(directory: Path, text: str) -> Path:
    path = directory / "onvifd.toml"
    path.write_text(text)
    return path


def test_the_example_has_the_defaults() -> None:
    assert load(EXAMPLE) == Config()


def _settings(kind: Any, prefix: str = "") -> list[str]:
    names = []
    for each in fields(kind):
        inner = next((kind for kind in get_args(each.type) if is_dataclass(kind)), each.type)
        if is_dataclass(inner) and inner is not VendorService:
            names += _settings(inner, f"{prefix}{each.name}.")
        else:
            names.append(f"{prefix}{each.name}")
    return names


@pytest.mark.parametrize("setting", _settings(Config))
def test_the_example_names_every_setting(setting: str) -> None:
    name = setting.rpartition(".")[2]
    assert re.search(rf"^(# )?(\[\[)?{name}\b", EXAMPLE.read_text(), re.MULTILINE)


def test_the_commented_settings_of_the_example_are_valid_too(tmp_path: Path) -> None:
    text = re.sub(r"^# (?=\w+ = |\[)", "", EXAMPLE.read_text(), flags=re.MULTILINE)
    loaded = load(write(tmp_path, text))
    assert loaded.protocols.rtsp is not None
    assert loaded.protocols.rtsp.hook == ("/usr/libexec/set-rtsp",)
    assert [service.path for service in loaded.services] == ["/onvif/media_service"]
    assert loaded.users.password_file == Path("/etc/onvifd/password")


def test_what_is_left_out_keeps_its_default(tmp_path: Path) -> None:
    loaded = load(write(tmp_path, '[device]\nmodel = "C1"\n'))
    assert loaded == replace(Config(), device=replace(Config().device, model="C1"))


def test_a_float_may_be_written_as_a_whole_number(tmp_path: Path) -> None:
    loaded = load(write(tmp_path, "[authentication]\nfailed_logins_per_second = 2\n"))
    assert loaded.authentication.failed_logins_per_second == 2.0


def test_services_are_tables_of_their_own(tmp_path: Path) -> None:
    text = '[[services]]\nnamespace = "urn:x"\npath = "/x"\nmajor = 1\nminor = 2\n'
    assert load(write(tmp_path, text)).services == (VendorService("urn:x", "/x", 1, 2),)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("modell = 1", "modell is not a setting"),
        ("[device]\nmodell = 1", "device.modell is not a setting; there are: manufacturer"),
        ("[device]\nmodel = 1", "device.model must be a text, not 1"),
        ("[device]\nscopes = 'x'", "device.scopes must be a list"),
        ("[device]\nscopes = [1]", r"device.scopes\[0\] must be a text, not 1"),
        ("[service]\nthreads = true", "service.threads must be a whole number, not True"),
        ("[service]\nthreads = '8'", "service.threads must be a whole number"),
        ("[protocols]\nallow_lockout = 1", "protocols.allow_lockout must be true or false"),
        ("[protocols.http]\nports = [80.5]", r"protocols.http.ports\[0\] must be a whole number"),
        ("device = 1", "device must be a table"),
        ("run_dir = 1", "run_dir must be a path"),
        ("[webserver]\nserver = 'apache'", "webserver.server must be one of nginx, lighttpd, not 'apache'"),
        ("[webserver]\nmode = 1", "webserver.mode must be one of managed, external, not 1"),
        ("[[services]]\npath = '/x'", r"services\[0\] lacks one of: namespace, major, minor"),
        ("[device", "onvifd.toml: "),
        ("\xff", "onvifd.toml: "),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "onvifd.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=reason):
        load(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.toml: No such file"):
        load(tmp_path / "absent.toml")


def test_the_key_encryption_key_lies_in_the_state_directory_unless_set() -> None:
    assert Config().key_encryption_key == Path("/var/lib/onvifd/onvifd.kek")
    elsewhere = replace(Config(), keystore=replace(Config().keystore, key_encryption_key=Path("/tee/kek")))
    assert elsewhere.key_encryption_key == Path("/tee/kek")
