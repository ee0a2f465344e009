"""Scopes (Core 8.3.14 to 8.3.17)."""

from collections.abc import Iterator

import pytest

from onvifd.soap.names import NAMESPACES
from onvifd.state import MAXIMUM_SCOPE_LENGTH, MAXIMUM_SCOPES
from tests.application import Answer, Client, assembled, client_of

TDS, TT = NAMESPACES["tds"], f"{{{NAMESPACES['tt']}}}"
FIXED = "onvif://www.onvif.org/name/onvifd"
GATE = "onvif://www.onvif.org/location/gate"
YARD = "onvif://www.onvif.org/location/yard"


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with assembled(tmp_path_factory.mktemp("device")) as running:
        yield client_of(running)


@pytest.fixture
def client(device: Client) -> Client:
    listed = [item for item, kind in scopes(device).items() if kind == "Configurable"]
    if listed:
        assert send(device, "RemoveScopes", *listed).status == 200
    return device


def send(client: Client, operation: str, *items: str) -> Answer:
    name = "Scopes" if operation == "SetScopes" else "ScopeItem"
    content = "".join(f"<{name}>{item}</{name}>" for item in items)
    return client.call(f'<{operation} xmlns="{TDS}">{content}</{operation}>', user="Administrator")


def scopes(client: Client) -> dict[str, str]:
    """The kind of each scope."""
    answer = client.call(f'<GetScopes xmlns="{TDS}"/>', user="User")
    assert answer.body is not None
    return {
        str(scope.findtext(f"{TT}ScopeItem")): str(scope.findtext(f"{TT}ScopeDef")) for scope in answer.body
    }


def test_fixed_scopes_come_first(client: Client) -> None:
    send(client, "AddScopes", GATE)
    assert list(scopes(client).values()) == ["Fixed", "Fixed", "Fixed", "Configurable"]


def test_added_scopes_are_listed_once(client: Client) -> None:
    assert send(client, "AddScopes", GATE, YARD, GATE, FIXED).status == 200
    assert [item for item, kind in scopes(client).items() if kind == "Configurable"] == [GATE, YARD]


def test_setting_replaces_the_configurable_ones(client: Client) -> None:
    send(client, "AddScopes", GATE)
    assert send(client, "SetScopes", YARD, FIXED).status == 200
    assert [item for item, kind in scopes(client).items() if kind == "Configurable"] == [YARD]
    assert scopes(client)[FIXED] == "Fixed"


def test_removed_scopes_are_named_in_the_answer(client: Client) -> None:
    send(client, "AddScopes", GATE, YARD)
    answer = send(client, "RemoveScopes", YARD)
    assert answer.body is not None
    assert [item.text for item in answer.body] == [YARD]
    assert YARD not in scopes(client)


@pytest.mark.parametrize(
    ("items", "subcodes"),
    [
        ((FIXED,), ["env:Sender", "ter:OperationProhibited", "ter:FixedScope"]),
        (("onvif://www.onvif.org/none",), ["env:Sender", "ter:InvalidArgVal", "ter:NoScope"]),
    ],
)
def test_what_can_not_be_removed(client: Client, items: tuple[str, ...], subcodes: list[str]) -> None:
    send(client, "AddScopes", GATE)
    before = scopes(client)
    answer = send(client, "RemoveScopes", GATE, *items)
    assert answer.status == 400
    assert answer.subcodes == subcodes
    assert scopes(client) == before


@pytest.mark.parametrize("operation", ["AddScopes", "SetScopes"])
@pytest.mark.parametrize(
    "items",
    [
        [f"onvif://www.onvif.org/location/{number}" for number in range(MAXIMUM_SCOPES + 1)],
        ["onvif://" + "x" * MAXIMUM_SCOPE_LENGTH],
    ],
    ids=["number", "length"],
)
def test_too_many_or_too_long(client: Client, operation: str, items: list[str]) -> None:
    send(client, "AddScopes", GATE)
    before = scopes(client)
    answer = send(client, operation, *items)
    assert answer.status == 500
    assert answer.subcodes == ["env:Receiver", "ter:Action", "ter:TooManyScopes"]
    assert scopes(client) == before
