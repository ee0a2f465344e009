"""The directories that the web server's files are written to: a fresh one for each change."""

import fcntl
import logging
import os
import secrets
import shutil
from pathlib import Path

from onvifd.webserver.errors import AlreadyRunning
from onvifd.webserver.files import share

_log = logging.getLogger(__name__)


class Generations:
    """`directory`/generations/NNNNNN-token, and the symbolic link `directory`/current to the one that counts.

    They hold private keys in the clear and can be rebuilt at any time: they live while somebody serves them,
    and nobody else can enter them, but for a group if one is given.
    """

    def __init__(self, directory: Path, group: int | None = None) -> None:
        self.current = directory / "current"
        self._group = group
        self._directory = directory
        self._generations = directory / "generations"
        self._count = 0
        self._claim: int | None = None

    @property
    def claimed(self) -> bool:
        """Whether the directory is ours at present."""
        return self._claim is not None

    def open(self) -> frozenset[str]:
        """Claim the directory. Returns the names of what an earlier run left there.

        Raises AlreadyRunning if another process has claimed it. A claim ends with its process.
        """
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        share(self._directory, self._group)
        claim = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(claim)
            raise AlreadyRunning(
                f"Another running service uses {self._directory}: stop it, or set another run_dir"
            ) from error
        self._claim = claim
        self._generations.mkdir(mode=0o700, exist_ok=True)
        share(self._generations, self._group)
        return frozenset(path.name for path in self._all())

    def close(self) -> None:
        """Give up the claim."""
        if self._claim is not None:
            os.close(self._claim)
            self._claim = None

    def clear(self) -> None:
        """Remove all files."""
        self.current.unlink(missing_ok=True)
        self.keep_only(None)

    def create(self) -> Path:
        """A new, empty directory. No other one has its name, not even one of another service."""
        self._count += 1
        generation = self._generations / f"{self._count:06}-{secrets.token_hex(8)}"
        generation.mkdir(mode=0o700)
        share(generation, self._group)
        return generation

    def switch(self, generation: Path) -> None:
        """Make a generation the current one: atomically, there is always one."""
        if self.current.resolve() == generation:
            return  # a way back needs no space on a full disk
        link = self._directory / "next"
        link.unlink(missing_ok=True)
        link.symlink_to(generation.relative_to(self._directory))
        link.replace(self.current)

    def keep_only(self, kept: Path | None) -> None:
        """Remove all other generations: nothing reads them any more."""
        try:
            for generation in self._all():
                if generation != kept:
                    shutil.rmtree(generation)
        except OSError:
            # What is served does not depend on it, and the next change or start tries again.
            _log.exception("files with private keys can't be removed")

    def _all(self) -> list[Path]:
        return list(self._generations.iterdir())
