"""The measurements as one table for people."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from tests.benchmark.rounds import CONNECTIONS, Results, Series
from tests.benchmark.times import KEPT_KEYS, KEY_LENGTH, KeyGeneration, Replacement

LABEL_WIDTH = 30
COLUMN_WIDTH = 11

NOTES = f"""
hello       a bare falcon application that reads the same request, under the same gunicorn settings
of hello    as a ratio to hello straight at its socket, or to the start of hello
of nginx    as a ratio to hello through an nginx that passes requests on as the device's does
of bare     as a ratio to the generation of a key by the package cryptography alone
with HTTPS  after the certificates were replaced, which comes last

Rates are medians of rounds in which all subjects take turns, and their ratios those of each round; starts are
compared likewise, keys by their means. Latencies are of all rounds together. GetServices is asked for without
capabilities, GetAllKeys lists {KEPT_KEYS} keys. GetAllKeys and UploadCertificate carry a UsernameToken digest, a
new one in each request. UploadCertificate stores a leaf certificate for a key of the device; that it is deleted
again is not counted. Memory that processes of one server share counts in equal parts for each; what other
programs share does not matter. A new certificate counts as served when no new connection meets the old one; the
requests beside it are all on new connections, over HTTP and HTTPS."""


def load(results: Results) -> Iterable[str]:
    """Rates and latencies, each beside that of the bare application."""
    routes = list(dict.fromkeys(route for route, _, _ in results))
    names = list(dict.fromkeys(name for _, name, _ in results))
    for connections in CONNECTIONS:
        yield ""
        label = "1 connection" if connections == 1 else f"{connections} connections"
        ratio = "of hello"
        yield _line(label, ("requests/s", ratio, "of nginx", "p50 ms", ratio, "p99 ms", ratio))
        straight, *behind = (results[route, names[0], connections] for route in routes)
        for route, same in zip(routes, (None, *behind), strict=True):
            yield f"  {route}"
            for name in names:
                yield _line(f"    {name}", _load(results[route, name, connections], straight, same))
    busy = max(part for series in results.values() for part in series.busy)
    yield f"  (the load generator had a processor for at most {busy:.0%} of a turn)"


def _load(series: Series, straight: Series, same: Series | None) -> Iterable[str]:
    yield f"{series.rate:.0f}"
    yield _ratio(series.rate_of(straight))
    yield _ratio(series.rate_of(same)) if same else ""
    for percent in (50, 99):
        yield f"{series.percentile(percent) * 1000:.2f}"
        yield _ratio(series.percentile(percent) / straight.percentile(percent))


def memory(idle: Counter[str], loaded: Counter[str], secured: Counter[str]) -> Iterable[str]:
    """The proportional set sizes: after the start, after the load, and of the device after the HTTPS part."""
    yield ""
    yield _line("memory (PSS, MiB)", ("idle", "after load", "with HTTPS"))
    stages = (idle, loaded, secured)
    for role in idle:
        yield _line(f"  {role}", (_mebibytes(sizes[role]) for sizes in stages if role in sizes))
    yield _line("  the device in all", (_mebibytes(sum(sizes[role] for role in secured)) for sizes in stages))


def times(
    device_starts: Sequence[float],
    hello_starts: Sequence[float],
    keys: KeyGeneration,
) -> Iterable[str]:
    """What takes its time once."""
    yield ""
    yield _line("times (ms)", ("median", "mean", "worst", "number", "of hello", "of bare"))
    pairs = zip(device_starts, hello_starts, strict=True)
    ratio = statistics.median(device / hello for device, hello in pairs)
    yield _times("start to first answer", device_starts, _ratio(ratio))
    yield _times("  of hello, without nginx", hello_starts)
    yield _times(f"RSA {KEY_LENGTH}: request to ok", keys.device, "", _ratio(keys.ratio))
    yield _times("  bare key generation", keys.bare)


def replacements(by_server: Mapping[str, Replacement]) -> Iterable[str]:
    """How long a change of what is served takes, and whom it disturbs."""
    yield ""
    yield _line("new certificate (ms)", ("median", "mean", "worst", "number", "requests", "failed"))
    for server, replacement in by_server.items():
        disturbed = (str(len(replacement.statuses)), str(replacement.failed))
        yield _times(f"{server}: served", replacement.served, *disturbed)
        yield _times("  its request: answered", replacement.answered)


def _times(label: str, seconds: Sequence[float], *ratios: str) -> str:
    figures = (f"{1000 * figure(seconds):.0f}" for figure in (statistics.median, statistics.mean, max))
    return _line(f"  {label}", (*figures, str(len(seconds)), *ratios))


def _ratio(value: float) -> str:
    return f"{value:.2f}"


def _mebibytes(kibibytes: int) -> str:
    return f"{kibibytes / 1024:.1f}"


def _line(label: str, cells: Iterable[str]) -> str:
    return label.ljust(LABEL_WIDTH) + "".join(cell.rjust(COLUMN_WIDTH) for cell in cells)
