"""The ONVIF TLS Configuration Add-on as a firmware service: see README.md and `onvifd --help`."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("onvifd")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0"
