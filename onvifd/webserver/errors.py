"""What can go wrong with the web server. The texts tell whoever asked for a change how to mend it."""


class WebServerError(Exception):
    """The web server does not serve what was asked; it serves what it served before."""


class ServerMissing(WebServerError):
    """The web server's program is not there, too old or built without TLS: a fault of the image."""


class AlreadyRunning(WebServerError):
    """Another running service owns the run directory."""


class PortInUse(WebServerError):
    """Another program listens on a wanted port (Core 8.2.13, PortAlreadyInUse)."""

    def __init__(self, port: int) -> None:
        super().__init__(f"Port {port} is in use by another program of this device: choose another port")
        self.port = port


class ApplyFailed(WebServerError):
    """The web server refused the wanted configuration, or did not serve it in time."""


class EnablingTlsFailed(ApplyFailed):
    """HTTPS was to be switched on, and is not served (Core 8.2.13, EnablingTlsFailed)."""
