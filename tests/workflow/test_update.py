"""A new key and certificate while clients work: TLS Configuration Add-on 6.1.2, Security 5.3.3.3."""

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ProtocolError, SSLError
from urllib3.response import BaseHTTPResponse
from urllib3.util.retry import Retry

from tests.bench_device import BenchDevice
from tests.pki import Authority
from tests.soap_client import Soap
from tests.support import wait_until
from tests.workflow import steps
from tests.workflow.clients import Client
from tests.workflow.tls import assert_presented

UPDATES = 3


class ResendUnanswered(Retry):
    """Sends a request once more if the server closed the connection before it answered a byte.

    A server may close an idle kept-alive connection at any time, also in the instant that a request is on its
    way. HTTP lets a client resend then what does no harm twice (RFC 9112 9.3.1), and reading does none. nginx
    below 1.27.4 closes its idle connections at each reload; only newer ones can avoid that instant
    (keepalive_min_timeout). Any other failure is final.
    """

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        *context: Any,
        **more: Any,
    ) -> "ResendUnanswered":
        cause = error.args[-1] if isinstance(error, ProtocolError | SSLError) else None
        if error is not None and not isinstance(
            cause, ConnectionResetError | BrokenPipeError | ssl.SSLEOFError | ssl.SSLZeroReturnError
        ):
            raise error
        return super().increment(method, url, response, error, *context, **more)


class Poller:
    """Asks the device for its keys, over and over, and keeps what went wrong."""

    def __init__(self, name: str, poll: Callable[[], object]) -> None:
        self.name = name
        self.polls = 0
        self.failures: list[str] = []
        self._poll = poll
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._poll()
            except Exception as error:
                self.failures.append(f"{self.name}, poll {self.polls}: {error!r}")
            self.polls += 1

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()


@contextlib.contextmanager
def polling(device: BenchDevice, root_file: Path) -> Iterator[list[Poller]]:
    """Clients over HTTP and HTTPS, with a new connection for each poll and with one that is kept alive."""
    pollers = []
    with contextlib.ExitStack() as stack:
        for scheme, url in (("HTTP", device.url), ("HTTPS", device.https_url)):

            def new_connection(url: str = url) -> None:
                with Soap(device, url=url, verify=root_file) as soap:
                    soap.call("tas:GetAllKeys").ok()

            session = requests.Session()
            adapter = HTTPAdapter(max_retries=ResendUnanswered(total=1, allowed_methods=None))
            session.mount(url, adapter)
            kept = stack.enter_context(Soap(device, url=url, verify=root_file, session=session))

            def kept_alive(kept: Soap = kept) -> None:
                kept.call("tas:GetAllKeys").ok()

            pollers.append(Poller(f"{scheme}, new connections", new_connection))
            pollers.append(Poller(f"{scheme}, kept alive", kept_alive))
        try:
            yield pollers
        finally:
            for poller in pollers:
                poller.stop()


def test_an_update_is_served_at_once_and_disturbs_nobody(
    fresh_device: BenchDevice,
    connect: Callable[..., Client],
    root: Authority,
    intermediate: Authority,
    root_file: Path,
) -> None:
    """The very next connection gets the new chain, and not one poll fails meanwhile."""
    client = connect(fresh_device)
    path = steps.serve_https(client, fresh_device.https_port, root, intermediate)
    with polling(fresh_device, root_file) as pollers:
        for number in range(UPDATES):
            new = steps.certified_path(client, root, intermediate, alias=f"update {number}")
            assert new.chain[0] != path.chain[0]
            steps.replace(client, path.id, new.id)
            assert_presented(fresh_device.https_port, root_file, new.chain)
            assert client.call("tlsserver", "GetAssignedServerCertificates") == [new.id]
            path = new
            polled = [poller.polls for poller in pollers]
            wait_until(lambda: all(p.polls > before for p, before in zip(pollers, polled, strict=True)))  # noqa: B023
    assert [failure for poller in pollers for failure in poller.failures] == []
