"""A vendor's image from the example files in etc/: its init, its web server, pages and media service."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import re
import subprocess
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from onvifd import assembly
from onvifd.config import Config, load
from onvifd.webserver.process import SYSTEM_PATH, Process, command, processes
from onvifd.webserver.settings import Settings
from tests.support import kill_all, wait_until
from tests.webserver.support import Service

EXAMPLES = Path(__file__).parents[2] / "etc"
PAGE = "<h1>vendor</h1>"
_START = {"nginx": ("nginx", "-c", "nginx.conf"), "lighttpd": ("/usr/sbin/lighttpd", "-f", "lighttpd.conf")}
_PID_FILES = {"nginx": "run/nginx/nginx.pid", "lighttpd": "run/lighttpd/lighttpd.pid"}


def install(name: str, root: Path) -> None:
    """Copy the examples of one web server to where they belong, below a directory.

    /etc, /run and /srv in them become its subdirectories, and the web server's user is the one who tests.
    """
    (root / "etc" / name).mkdir(parents=True)
    for directory in ("run/nginx", "run/lighttpd", "run/onvifd", "srv/ui"):
        (root / directory).mkdir(parents=True)
    (root / "srv" / "ui" / "index.html").write_text(PAGE)
    user, group = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
    for example in (EXAMPLES / name).iterdir():
        text = re.sub(r"(?<![\w.])/(etc|run|srv)/", rf"{root}/\1/", example.read_text())
        text = text.replace("worker_processes 1;", f"user {user} {group};\nworker_processes 1;")
        copy = root / "etc" / name / example.name
        copy.write_text(text)
        copy.chmod(example.stat().st_mode)


def configuration(name: str, mode: str, root: Path) -> Config:
    """The example configuration of onvifd, for a run directory below the root."""
    return replace(load(root / "etc" / name / f"{mode}.toml"), run_dir=root / "run" / "onvifd")


class Vendor:
    """Init with an external web server: it starts again what has ended, as init does, and with all that it
    left behind gone, as a control group sees to."""

    def __init__(self, name: str, root: Path) -> None:
        self.name = name
        self.root = root
        install(name, root)
        self.media = Service(root / "run" / "media.sock")
        self._pid_file = root / _PID_FILES[name]
        self._ending = threading.Event()
        self._init = threading.Thread(target=self._supervise, daemon=True)

    def server(self, settings: Settings, **changes: Any) -> Any:
        """What a service with the example's configuration makes of the web server."""
        config = configuration(self.name, "external", self.root)
        chosen = replace(config.webserver, listen=settings.addresses, **changes)
        return assembly.web_server(replace(config, webserver=chosen), timedelta(seconds=settings.long_poll))

    def start(self) -> Vendor:
        self._init.start()
        wait_until(lambda: self.pid)
        return self

    @property
    def pid(self) -> int:
        """The process ID of the web server; 0 while it does not run."""
        with contextlib.suppress(OSError, ValueError):
            pid = int(self._pid_file.read_text())
            return pid if command(pid) else 0
        return 0

    def stop(self) -> None:
        self.halt()
        self.media.stop()

    def halt(self) -> None:
        """Stop the web server, as at shut-down."""
        self.leave_alone()
        self._end()

    def leave_alone(self) -> None:
        """Do not start it again."""
        self._ending.set()
        self._init.join()

    def resume(self) -> None:
        """Start it again."""
        self._ending.clear()
        self._init = threading.Thread(target=self._supervise, daemon=True)
        self.start()

    def _supervise(self) -> None:
        while not self._ending.wait(0.05):
            # A moment of grace: it may be about to write the file anew.
            if not self.pid and not self._ending.wait(0.3) and not self.pid:
                self._end()
                program, option, file = _START[self.name]
                subprocess.run(
                    [program, option, str(self.root / "etc" / self.name / file)],
                    cwd=self.root,
                    env={"PATH": SYSTEM_PATH},
                    check=False,
                )

    def _end(self) -> None:
        kill_all(lambda: [process.pid for process in processes() if self._is_ours(process)])

    def _is_ours(self, process: Process) -> bool:
        if process.pid == os.getpid():
            return False
        return f"{self.root}/etc/" in process.command or (
            process.command.startswith(self.name) and process.directory == self.root
        )
