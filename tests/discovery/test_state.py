"""What discovery remembers over restarts."""

from pathlib import Path

from keystore import Database
from onvifd.discovery.state import DiscoveryState


def test_numbers_never_go_back(tmp_path: Path) -> None:
    """MetadataVersion (WSD 4.1) and InstanceId (WSD appendix I)."""
    path = tmp_path / "onvifd.db"
    seen = []
    for _ in range(3):
        database = Database(path)
        state = DiscoveryState(database)
        seen.append(
            (state.next_instance(), state.version_of("a"), state.version_of("b"), state.version_of("b"))
        )
        database.close()
    assert seen == [(1, 1, 2, 2), (2, 3, 4, 4), (3, 5, 6, 6)]


def test_the_mode_is_kept_until_it_is_reset(tmp_path: Path) -> None:
    path = tmp_path / "onvifd.db"
    database = Database(path)
    state = DiscoveryState(database)
    assert state.mode == "Discoverable"
    state.set_mode("NonDiscoverable")
    state.next_instance()
    database.close()
    database = Database(path)
    state = DiscoveryState(database)
    assert state.mode == "NonDiscoverable"
    state.reset()
    assert (state.mode, state.next_instance()) == ("Discoverable", 2)
    database.close()
