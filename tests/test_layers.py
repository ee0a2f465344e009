"""The layers point one way (the rules of the design): wire, auth, services, keystore, effects."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

SERVICES = ("onvifd.device", "onvifd.security", "onvifd.events")
KNOWN_TO_SERVICES = (
    "keystore",
    "onvifd",  # the package's own version
    "onvifd.auth.users",
    "onvifd.call",
    "onvifd.clock",
    "onvifd.hooks",
    "onvifd.network",
    "onvifd.schema",
    "onvifd.soap.datatypes",
    "onvifd.soap.names",
    "onvifd.state",
    "onvifd.webserver",
)

ALLOWED = {
    "keystore": ("keystore",),
    "onvifd.soap": ("onvifd.soap",),
    "onvifd.schema": ("onvifd.schema", "onvifd.schemas", "onvifd.soap"),
    "onvifd.schemas": ("onvifd.schemas", "onvifd.soap"),
    "onvifd.auth": ("onvifd.auth", "onvifd.soap", "keystore"),
    "onvifd.netlink": (),
    "onvifd.network": ("onvifd.netlink",),
    "onvifd.consumers": ("onvifd.network",),
    "onvifd.webserver": ("onvifd.webserver", "onvifd.network", "keystore"),
    "onvifd.discovery": (
        "onvifd.discovery",
        "onvifd.network",
        "onvifd.soap",
        "onvifd.auth.throttle",
        "keystore",
    ),
    "onvifd.state": ("onvifd.config", "keystore"),
    "onvifd.hooks": ("onvifd.state",),
    "onvifd.clock": ("onvifd.hooks", "keystore"),
    "onvifd.config": (),
    **{service: (service, *KNOWN_TO_SERVICES) for service in SERVICES},
    # Notifications go out as messages of their own, through what sends them.
    "onvifd.events": ("onvifd.events", "onvifd.consumers", "onvifd.soap", *KNOWN_TO_SERVICES),
}
"""For each part, what of this project it may import."""


def _modules() -> Iterator[tuple[str, Path]]:
    for package in ("keystore", "onvifd"):
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the layers"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            known = {name for name, _ in _modules()}
            yield from (name if name in known else str(node.module) for name in names)


def _within(module: str, parts: tuple[str, ...]) -> bool:
    return any(module == part or (part != "onvifd" and module.startswith(f"{part}.")) for part in parts)


@pytest.mark.parametrize("part", ALLOWED)
def test_a_part_imports_only_what_lies_below_it(part: str) -> None:
    checked = 0
    for name, path in _modules():
        if _within(name, (part,)):
            ours = {module for module in _imports(path) if module.split(".")[0] in ("keystore", "onvifd")}
            above = sorted(module for module in ours if not _within(module, ALLOWED[part]))
            assert not above, f"{name} must not import {above}"
            checked += 1
    assert checked, f"{part} has no modules: the rule guards nothing"


HANDLERS_AVOID = ("xml", "falcon", "sqlite3", "subprocess", "onvifd.soap.faults", "onvifd.soap.encode")


@pytest.mark.parametrize("service", SERVICES)
def test_handlers_know_no_wire_and_no_database(service: str) -> None:
    handlers = {
        "onvifd.events.topics",  # a filter arrives as elements, since its schema leaves its content open
        "onvifd.events.filters",
        "onvifd.events.errors",
        "onvifd.events.notify",  # no handler: a message to a consumer is written here
    }
    for name, path in _modules():
        if _within(name, (service,)) and name not in handlers:
            touched = sorted(module for module in _imports(path) if _within(module, HANDLERS_AVOID))
            assert not touched, f"{name} imports {touched}"


def test_the_process_beside_the_device_is_small() -> None:
    """What only the worker needs takes memory in the arbiter, too, if anything imports it there."""
    loaded = subprocess.run(
        [sys.executable, "-c", "import onvifd.cli, onvifd.server, sys; print(*sys.modules)"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout.split()
    assert "gunicorn.arbiter" in loaded
    for package in (
        "asn1crypto",
        "cryptography",
        "falcon",
        "keystore",
        "onvifd.assembly",
        "pyroute2",
        "xmlschema",
    ):
        assert package not in loaded
