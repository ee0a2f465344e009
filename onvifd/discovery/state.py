"""What discovery remembers: the mode that clients set, and two numbers that must never go back."""

from typing import NamedTuple

from keystore import Database

DISCOVERABLE = "Discoverable"
"""tt:DiscoveryMode, as the device leaves the factory (Core 7.2)."""


class _Row(NamedTuple):
    mode: str
    instance_id: int
    metadata_version: int
    metadata: str


class DiscoveryState:
    """The discovery mode, the instance of the service and the version of its metadata."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.migrate(
            "discovery",
            [
                "CREATE TABLE discovery (mode TEXT NOT NULL, instance_id INTEGER NOT NULL,"
                " metadata_version INTEGER NOT NULL, metadata TEXT NOT NULL) STRICT;\n"
                "INSERT INTO discovery VALUES ('Discoverable', 0, 0, '');"
            ],
        )

    @property
    def mode(self) -> str:
        """Discoverable or NonDiscoverable."""
        return self._row().mode

    def set_mode(self, mode: str) -> None:
        """Core 8.3.19."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE discovery SET mode = ?", (mode,))

    def reset(self) -> None:
        """Bring back what the factory set (Core 8.3.8). It is new metadata: the device says Hello again."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE discovery SET mode = ?, metadata = ''", (DISCOVERABLE,))

    def next_instance(self) -> int:
        """A number that is greater at each start, whatever the clock says (WSD appendix I, InstanceId)."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE discovery SET instance_id = instance_id + 1")
            return self._row().instance_id

    def version_of(self, metadata: str) -> int:
        """The MetadataVersion of this metadata: the one before, or the next one if it differs from the last.

        Nothing is written while it stays the same.
        """
        if self._row().metadata != metadata:
            with self._database.transaction() as connection:
                connection.execute(
                    "UPDATE discovery SET metadata = ?, metadata_version = metadata_version + 1", (metadata,)
                )
        return self._row().metadata_version

    def _row(self) -> _Row:
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT mode, instance_id, metadata_version, metadata FROM discovery"
            ).fetchone()
        return _Row(*row)
