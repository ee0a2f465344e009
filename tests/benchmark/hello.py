"""The reference: the least that falcon can answer to the same request under the same gunicorn settings.

python hello.py SOCKET THREADS KEEPALIVE
"""

import gc
import sys
from collections.abc import Callable, Iterable

import falcon
from gunicorn.app.base import BaseApplication


class Hello:
    """Reads the request, as every application must, and takes no notice of it."""

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        request.bounded_stream.read()
        response.text = "hello"


class Application(BaseApplication):
    def __init__(self, socket: str, threads: int, keepalive: int) -> None:
        self._settings = {
            "bind": f"unix:{socket}",
            "worker_class": "gthread",
            "workers": 1,
            "threads": threads,
            "keepalive": keepalive,
            "loglevel": "warning",
            "control_socket_disable": True,
            "pre_fork": lambda _arbiter, _worker: gc.freeze(),
        }
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._settings.items():
            if name in self.cfg.settings:  # the control socket is younger than the oldest gunicorn we run on
                self.cfg.set(name, value)

    def load(self) -> Callable[..., Iterable[bytes]]:
        app = falcon.App()
        app.add_route("/onvif/device_service", Hello())
        return app


if __name__ == "__main__":
    Application(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])).run()
