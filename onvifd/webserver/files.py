"""Writing what the web server reads. Private keys are among it."""

import os
from pathlib import Path

from onvifd.webserver.errors import ApplyFailed
from onvifd.webserver.model import ServerConfiguration

WHOLE = "whole"
"""The file with all that a server of our own needs, around the fragment; it is also what is checked."""


def certificate_files(
    configuration: ServerConfiguration, directory: Path, group: int | None
) -> list[tuple[Path, Path]]:
    """Write the certificates and the key of each path that is to be presented; the names of the files.

    Raises ApplyFailed if HTTPS has none, OSError if they can't be written.
    """
    if not configuration.https_ports:
        return []  # no key lies around in the clear that nothing reads
    if not configuration.certificates:
        raise ApplyFailed("HTTPS has no certificate: assign a certification path first")
    pairs = []
    for number, certificate in enumerate(configuration.presented.values(), 1):
        pair = directory / f"path-{number:03}.pem", directory / f"path-{number:03}.key"
        write(pair[0], certificate.chain_pem, group)
        write(pair[1], certificate.key_pem, group)
        pairs.append(pair)
    return pairs


def write(path: Path, content: str | bytes, group: int | None) -> None:
    """Into a new file that nobody else can read, from the first moment on, but for a group if given."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
    share(path, group)


def share(path: Path, group: int | None) -> None:
    """Let a group read a file or enter a directory of ours; everybody else is kept out."""
    own, shared = (0o700, 0o750) if path.is_dir() else (0o600, 0o640)
    if group is not None:
        os.chown(path, -1, group)
    path.chmod(own if group is None else shared)
