"""What the programs of this directory share: a command line, and a JSON value on standard output.

They run in the environments of their clients, not in that of the tests.
"""

from __future__ import annotations

import base64
import inspect
import json
import sys
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

SECURITY = "http://www.onvif.org/ver10/advancedsecurity/wsdl"
SHA256_WITH_RSA = {"algorithm": "1.2.840.113549.1.1.11"}
KEY_TIMEOUT = 60.0


def main(**commands: Callable[..., Any]) -> None:
    """Run the command that the first argument names with the others, and print what it returns."""
    name, *arguments = sys.argv[1:]
    result = commands[name](*arguments)
    if inspect.isawaitable(result):
        import asyncio

        result = asyncio.run(_await(result))
    json.dump(result, sys.stdout, default=_plain)


async def _await(awaitable: Any) -> Any:
    return await awaitable


def deadline() -> Callable[[], None]:
    """A function to call between two looks at a key: it waits, and raises TimeoutError when a minute is over."""
    end = time.monotonic() + KEY_TIMEOUT

    def pause() -> None:
        if time.monotonic() > end:
            raise TimeoutError("the key is still not ready")
        time.sleep(0.1)

    return pause


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"no JSON for {value!r}")
