"""The package recipes of the br2-external tree, as far as they can be judged without Buildroot."""

import configparser
import hashlib
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.buildroot.tree import REPOSITORY, TREE, variables

SETUP = configparser.ConfigParser()
SETUP.read(REPOSITORY / "setup.cfg")
OF_OUR_OWN = ("elementpath", "xmlschema")


@pytest.fixture(scope="module")
def sdists(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the sources from the registry."""
    directory = tmp_path_factory.mktemp("sdists")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    # pip looks into what it downloads. One setuptools for all is faster than one for each.
    tools = directory / "tools"
    subprocess.run([*pip, "install", "--target", str(tools), "setuptools>=77"], check=True)
    wanted = [f"{name}=={variables(f'python-{name}')['VERSION']}" for name in OF_OUR_OWN]
    options = ["--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--dest", str(directory)]
    subprocess.run(
        [*pip, "download", *options, *wanted], check=True, env=os.environ | {"PYTHONPATH": str(tools)}
    )
    return directory


@pytest.mark.parametrize("name", OF_OUR_OWN)
def test_the_hashes_are_those_of_the_registrys_source_and_its_licence(name: str, sdists: Path) -> None:
    recipe = variables(f"python-{name}")
    sdist = sdists / f"{name}-{recipe['VERSION']}.tar.gz"
    with tarfile.open(sdist) as archive:
        licence = archive.extractfile(f"{sdist.name.removesuffix('.tar.gz')}/{recipe['LICENSE_FILES']}")
        assert licence is not None
        contents = {sdist.name: sdist.read_bytes(), recipe["LICENSE_FILES"]: licence.read()}
    assert hashes(name) == {file: hashlib.sha256(content).hexdigest() for file, content in contents.items()}


@pytest.mark.parametrize("name", OF_OUR_OWN)
def test_the_site_is_where_the_registry_keeps_the_source(name: str, sdists: Path) -> None:
    """The path is the file's BLAKE2b-256, as in Buildroot's own packages."""
    recipe = variables(f"python-{name}")
    sdist = sdists / f"{name}-{recipe['VERSION']}.tar.gz"
    digest = hashlib.blake2b(sdist.read_bytes(), digest_size=32).hexdigest()
    assert recipe["SITE"] == f"$(ONVIFD_PYTHON_SITE)/{digest[:2]}/{digest[2:4]}/{digest[4:]}"


def test_the_versions_satisfy_those_who_ask_for_them(sdists: Path) -> None:
    asked = dict(line.split(">=") for line in SETUP["options"]["install_requires"].split())
    for name in OF_OUR_OWN:
        assert numbers(variables(f"python-{name}")["VERSION"]) >= numbers(asked[name])
    with tarfile.open(next(sdists.glob("xmlschema-*.tar.gz"))) as archive:
        file = archive.extractfile(f"xmlschema-{variables('python-xmlschema')['VERSION']}/pyproject.toml")
        assert file is not None
        bounds = re.search(r'"elementpath>=([\d.]+), <([\d.]+)"', file.read().decode())
    assert bounds is not None
    lowest, above = map(numbers, bounds.groups())
    assert lowest <= numbers(variables("python-elementpath")["VERSION"]) < above


def test_onvifd_has_the_version_of_setup_cfg() -> None:
    assert variables("onvifd")["VERSION"] == SETUP["metadata"]["version"]


def test_onvifd_selects_all_that_it_needs_at_run_time() -> None:
    selected = re.findall(r"select BR2_PACKAGE_PYTHON_(\w+) # runtime", config("onvifd"))
    asked = [line.split(">=")[0] for line in SETUP["options"]["install_requires"].split()]
    assert sorted(map(str.lower, selected)) == sorted(asked)


def test_every_package_is_in_the_menu() -> None:
    sources = re.findall(r'source "\$BR2_EXTERNAL_ONVIFD_PATH/(.*)"', (TREE / "Config.in").read_text())
    assert sources == sorted(str(path.relative_to(TREE)) for path in TREE.glob("package/*/Config.in"))


def config(package: str) -> str:
    return (TREE / "package" / package / "Config.in").read_text()


def hashes(name: str) -> dict[str, str]:
    lines = (TREE / f"package/python-{name}/python-{name}.hash").read_text().splitlines()
    rows = [line.split("  ") for line in lines if not line.startswith("#")]
    assert all(kind == "sha256" for kind, _, _ in rows)
    return {file: digest for _, digest, file in rows}


def numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]
