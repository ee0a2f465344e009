"""How a web server program is set up, whichever it is."""

from dataclasses import dataclass
from pathlib import Path

BACKEND_IDLE = 30
"""Seconds that the web server keeps an idle connection to the service. The service must keep it longer: if it
were the one to close, a request could meet the closing, and no proxy sends a POST twice."""

CLIENT_IDLE = 65
"""Seconds that the web server keeps an idle connection of a client."""

CLIENT_SILENCE = 15
"""Seconds that a client may say nothing in the middle of a request or an answer. It gets as long as a slow
link needs, but can't hold a connection by saying nothing."""

CONNECTIONS = 512
"""Connections at a time, of a web server of our own."""

CONNECTIONS_OF_ONE = 128
"""Requests at a time from one address, whatever it is that takes them long: others get their turn."""

TLS12_CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
)
TLS13_CIPHERS = ("TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
"""SecurityBaseline 12, by OpenSSL's names."""

CURVES = ("X25519", "prime256v1", "secp384r1")

UNTRUSTED_HEADERS = (
    "Forwarded",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-Protocol",
    "X-Forwarded-Ssl",
    "X-Real-IP",
)
"""What a server behind a proxy may believe, and what must therefore not come from a client. The service is
told who asks, and how, with X-Forwarded-For and X-Forwarded-Proto: one value each, the web server's own."""

NO_GUESSING = ("X-Content-Type-Options", "nosniff")
"""A header of what is not the vendor's: a browser is to take nothing of it for a page or a script."""

TOO_LARGE = "A request can have {} bytes at most\n"
TOO_MANY = "This address has too many requests under way: wait for their answers\n"
UNAVAILABLE = "The service is not available, try again\n"
RETRY_AFTER = 2
"""What the web server says in the service's place, with 413 and 503; Retry-After in seconds."""


@dataclass(frozen=True)
class Settings:
    """How a web server is set up."""

    directory: Path
    """For all that it reads and writes; nobody else's. It holds plaintext keys: a tmpfs on a device."""
    backend: Path
    """The Unix socket of the service."""
    program: str
    """A name to find in PATH and the system's directories, or a path."""
    addresses: tuple[str, ...] = ("0.0.0.0", "::")  # noqa: S104 - a device is there to be reached
    """IP addresses to listen on. Those that the host does not have are left out."""
    maximum_request_size: int = 1024 * 1024
    """Bytes of a request's body; a larger one is answered with 413."""
    long_poll: int = 60
    """Seconds that the service may take to answer a PullMessages."""
    include: Path | None = None
    """The vendor's own pages and services, in the program's own language. Without it all but /onvif/ is
    404."""
    hsts: int = 0
    """Seconds of Strict-Transport-Security; 0 sends none."""
    group: int | None = None
    """The ID of the group that may read what is written, keys too: that of a web server which runs as another
    user. None: nobody else."""
