"""Real stores on real files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from keystore import Database, Keystore, Limits, Sealer
from tests.keystore.stores import Events, Store


@pytest.fixture(scope="session")
def sealer() -> Sealer:
    return Sealer(bytes(range(32)))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "store.db")
    yield database
    database.close()


@pytest.fixture
def open_store(database: Database, sealer: Sealer) -> Iterator[Callable[..., Store]]:
    """Opens a store on the test's database; keyword arguments are the limits."""
    opened: list[Keystore] = []

    def open_(signature_algorithms: tuple[str, ...] | None = None, **limits: int) -> Store:
        events: Events = []
        more = {} if signature_algorithms is None else {"signature_algorithms": signature_algorithms}
        keystore = Keystore(
            database,
            sealer,
            Limits(**limits),  # type: ignore[arg-type]
            on_key_status=lambda key_id, old, new: events.append((key_id, old, new)),
            **more,  # type: ignore[arg-type]
        )
        opened.append(keystore)
        return Store(keystore, database, sealer, events)

    yield open_
    for keystore in opened:
        keystore.close()


@pytest.fixture
def store(open_store: Callable[..., Store]) -> Store:
    return open_store()
