"""What a run of the device test is told: which device, who its administrator is, how long it may take."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from typing import Any

import pytest


def _option(default: Any, text: str, *, choices: tuple[str, ...] | None = None, secret: bool = False) -> Any:
    return field(default=default, repr=not secret, metadata={"help": text, "choices": choices})


@dataclass(frozen=True)
class Options:
    """The options of the command line, each `--name-of-the-field`. Times are in seconds."""

    device: str = _option(
        "", "the device under test: http://host:port or its device service's URL; without it, onvifd demo"
    )
    user: str = _option("admin", "the name of its administrator")
    password: str = _option(
        os.environ.get("DEVICE_TEST_PASSWORD", ""),
        "the administrator's password; rather in the environment variable DEVICE_TEST_PASSWORD",
        secret=True,
    )
    authentication: str = _option(
        "select",
        "select: as Base Test Specification 4.3.5 finds out; or one for all operations",
        choices=("select", "digest", "token"),
    )
    operation_delay: float = _option(
        30.0, "how long the device may take for what it answers at once and does later"
    )
    message_timeout: float = _option(30.0, "how long the device may take for an answer")
    restart_delay: float = _option(10.0, "how long after its answer the device may begin to restart")
    reboot_timeout: float = _option(120.0, "how long the device may take to reboot")
    https_port: int = _option(443, "the port that cases enable HTTPS on; a free one for onvifd demo")
    poll_interval: float = _option(5.0, "between two questions for a status; 0.1 for onvifd demo")
    topics: str = _option(
        "", "the topics that cases subscribe to, divided by |, if not the first of GetEventProperties"
    )
    trigger: str = _option(
        "",
        "a command that makes the device send an event of the topic that is appended to it; needed where the"
        " topics are neither properties nor the status of key pairs",
    )
    discovery_interface: str = _option(
        "",
        "the network interface through which the device is discovered, if not the one that its address is"
        " routed through",
    )
    discovery_timeout: float = _option(
        5.0, "DISCOVERY_TIMEOUT of Base Test Specification 9.7; a shorter one for onvifd"
    )

    @classmethod
    def of(cls, config: pytest.Config) -> Options:
        return cls(**{each.name: config.getoption(f"device_test_{each.name}") for each in fields(cls)})


def add_to(parser: pytest.Parser) -> None:
    group = parser.getgroup("device test", "ONVIF device test cases (tests/device_test)")
    for each in fields(Options):
        group.addoption(
            f"--{each.name.replace('_', '-')}",
            dest=f"device_test_{each.name}",
            default=each.default,
            type=type(each.default),
            help=each.metadata["help"],
            choices=each.metadata["choices"],
        )
