"""`python -m keystore PATH`: what a store holds, and whether it is sound."""

import argparse
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from keystore.database import Database, snapshot
from keystore.errors import DatabaseError, KeystoreError
from keystore.keystore import Keystore
from keystore.model import Limits
from keystore.sealing import Sealer, read_key

DATABASE_NAME = "onvifd.db"
KEY_NAME = "onvifd.kek"


def main(arguments: Sequence[str] | None = None) -> int:
    """List and verify a store without touching it: 0 sound, 1 with findings, 2 if it can't be opened."""
    options = _parser().parse_args(arguments)
    path: Path = options.path
    if path.is_dir():
        path /= DATABASE_NAME
    try:
        sealer = Sealer(read_key(options.key_file or path.with_name(KEY_NAME)))
        with tempfile.TemporaryDirectory() as directory:
            return _inspect(path, Path(directory, DATABASE_NAME), sealer)
    except KeystoreError as error:
        print(f"keystore: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m keystore",
        description="List what a keystore holds and verify it. The store is only read; it may be in use.",
        epilog="Exit status: 0 the store is sound, 1 there are findings, 2 it can't be opened.",
    )
    parser.add_argument(
        "path", type=Path, help=f"the database file, or the directory that holds it as {DATABASE_NAME}"
    )
    parser.add_argument(
        "--key-file",
        type=Path,
        metavar="FILE",
        help=f"the key-encryption key (default: {KEY_NAME} beside the database)",
    )
    return parser


def _inspect(path: Path, copy: Path, sealer: Sealer) -> int:
    snapshot(path, copy)
    try:
        database = Database(copy)
    except DatabaseError as error:
        raise DatabaseError(f"The file {path} is not a sound database: {error.__cause__}") from error
    try:
        with database.read() as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
        if "key_pair" not in tables:
            raise DatabaseError(f"The database {path} holds no keystore")
        keystore = Keystore(database, sealer, Limits())
        _list(keystore)
        findings = keystore.verify()
    finally:
        database.close()
    print()
    for finding in findings:
        print(f"finding: {finding}")
    print(f"{len(findings)} findings" if findings else "The store is sound.")
    return 1 if findings else 0


def _list(keystore: Keystore) -> None:
    _table(
        ("key", "status", "algorithm", "private key", "origin", "alias"),
        (
            (
                key.id,
                key.status,
                key.algorithm,
                "yes" if key.has_private_key else "no",
                "outside" if key.externally_generated else "device",
                key.alias or "",
            )
            for key in keystore.keys()
        ),
    )
    _table(
        ("certificate", "key", "octets", "alias"),
        ((c.id, c.key_id, str(len(c.der)), c.alias or "") for c in keystore.certificates()),
    )
    assigned = keystore.assigned_server_certificates()
    _table(
        ("certification path", "TLS server", "certificates", "alias"),
        (
            (
                path.id,
                f"assigned {assigned.index(path.id) + 1}" if path.id in assigned else "",
                " ".join(path.certificate_ids),
                path.alias or "",
            )
            for path in keystore.certification_paths()
        ),
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    lines = [head, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    print()
    for line in lines:
        # Aliases are whatever a client sent: nothing of them may steer the terminal.
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join(c if c.isprintable() else ascii(c) for c in cells).rstrip())


if __name__ == "__main__":
    sys.exit(main())
