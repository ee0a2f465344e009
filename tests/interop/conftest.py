"""The clients, each as a program."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop import gsoap as generated
from tests.interop import installed
from tests.interop.programs import Program
from tests.official import directory
from tests.workflow.clients import NAMESPACES, WSDL

HERE = Path(__file__).resolve().parent
DOCUMENTS = {
    "device": ("tds", "DeviceBinding"),
    "security": ("tas", "AdvancedSecurityServiceBinding", "KeystoreBinding", "TLSServerBinding"),
}


@pytest.fixture(scope="session")
def node(wsdl_directory: Path) -> Callable[[str], Program]:
    """A program of node/ by its name."""
    environment = {"NODE_PATH": str(installed.node_modules()), "WSDL_DIRECTORY": str(wsdl_directory)}
    return lambda name: Program((installed.node(), HERE / "node" / f"{name}.js"), environment)


@pytest.fixture(scope="session")
def python() -> Callable[[str], Program]:
    """A program of python/ by the client's name."""
    return lambda name: Program((installed.python(name), HERE / "python" / f"drive-{name}.py"))


@pytest.fixture(scope="session")
def command() -> Program:
    """The command of onvif-python, which the tests' own environment has."""
    return Program((sys.executable, HERE / "python" / "drive-onvif-command.py"))


@pytest.fixture(scope="session")
def gsoap() -> Callable[[str], Program]:
    """The program of cpp/ by its way to log in: `wsse` or `digest`."""
    return lambda mode: Program((generated.client(), mode))


@pytest.fixture(scope="session")
def wsdl_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The official WSDL with what clients of the kind of node-soap miss in it: a wsdl:service."""
    path = tmp_path_factory.mktemp("wsdl")
    for name, (prefix, *bindings) in DOCUMENTS.items():
        ports = "".join(
            f'<wsdl:port name="{binding}" binding="s:{binding}"><soap:address location=""/></wsdl:port>'
            for binding in bindings
        )
        (path / f"{name}.wsdl").write_text(
            '<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/"'
            ' xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap12/"'
            f' xmlns:s="{NAMESPACES[prefix]}" targetNamespace="{NAMESPACES[prefix]}">'
            f'<wsdl:import namespace="{NAMESPACES[prefix]}" location="{directory() / WSDL[prefix]}"/>'
            f'<wsdl:service name="{name}">{ports}</wsdl:service></wsdl:definitions>'
        )
    return path
