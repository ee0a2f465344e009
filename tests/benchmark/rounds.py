"""The load in rounds: in each of them every subject gets a turn, so that a noisy moment hits all alike."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.benchmark.load import Load, drive
from tests.benchmark.subjects import Subject

CONNECTIONS = (1, 8)

_WARM_UP = 32
_MOST_PER_CONNECTION = 900
"""nginx closes a connection after 1000 requests."""


@dataclass
class Series:
    """What one subject did in all its turns at one number of connections."""

    rates: list[float] = field(default_factory=list)
    """Requests per second, one for each round."""
    latencies: list[float] = field(default_factory=list)
    """Seconds, of all rounds."""
    busy: list[float] = field(default_factory=list)
    """The part of the time for which the load generator had a processor, one for each round."""

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    def rate_of(self, reference: Series) -> float:
        """The rate as a part of the reference's: the median of the rounds, each compared with itself."""
        return statistics.median(own / other for own, other in zip(self.rates, reference.rates, strict=True))

    def percentile(self, percent: int) -> float:
        """The latency that so many percent of the requests did not exceed."""
        in_order = sorted(self.latencies)
        return in_order[max(0, -(-len(in_order) * percent // 100) - 1)]


Results = dict[tuple[str, str, int], Series]
"""By the route, the subject's name and the number of connections."""


def run(routes: dict[str, list[Subject]], rounds: int, seconds: float) -> Results:
    """Measure all subjects of all routes; a turn takes about so many seconds."""
    results: Results = {}
    turns = [
        (subject, connections, results.setdefault((route, subject.name, connections), Series()))
        for connections in CONNECTIONS
        for route, subjects in routes.items()
        for subject in subjects
    ]
    lengths = [_batches(subject, connections, seconds) for subject, connections, _ in turns]
    for _ in range(rounds):
        for (subject, connections, series), batches in zip(turns, lengths, strict=True):
            _take_turn(subject, connections, batches, series)
    return results


def _batches(subject: Subject, connections: int, seconds: float) -> list[int]:
    """How many requests make a turn, by batches: found in a first one, which counts for nothing else."""
    batch = subject.most or _WARM_UP
    warm_up = Series()
    for _ in range(2):
        _take_turn(subject, connections, [batch], warm_up)
    number = max(connections, min(round(warm_up.rates[-1] * seconds), _MOST_PER_CONNECTION * connections))
    return [number] if subject.most is None else [batch] * max(1, round(number / batch))


def _take_turn(subject: Subject, connections: int, batches: Sequence[int], series: Series) -> None:
    loads = [_load(subject, connections, number) for number in batches]
    seconds = sum(load.seconds for load in loads)
    series.rates.append(sum(len(load.latencies) for load in loads) / seconds)
    series.busy.append(sum(load.busy for load in loads) / seconds)
    for load in loads:
        series.latencies += load.latencies


def _load(subject: Subject, connections: int, number: int) -> Load:
    load = drive(subject.address, subject.requests(number), connections)
    subject.clean_up(load.contents)
    return load
