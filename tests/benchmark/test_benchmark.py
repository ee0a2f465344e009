"""That the benchmark runs and prints every row. How fast anything is proves nothing here."""

from tests.benchmark.measure import Effort, measure

ROWS = (
    "GetSystemDateAndTime",
    "GetServices",
    "GetAllKeys",
    "UploadCertificate",
    "bare falcon hello",
    "onvifd arbiter",
    "onvifd worker",
    "nginx master",
    "nginx worker",
    "the device in all",
    "start to first answer",
    "RSA 2048: request to ok",
    "nginx: served",
    "lighttpd: served",
)


def test_the_report_has_every_row() -> None:
    """With the fewest requests of each kind."""
    lines = list(measure(Effort(starts=1, keys=1, rounds=1, turn=0.0, replacements=1)))
    for row in ROWS:
        assert any(line.strip().startswith(row) for line in lines), f"no {row} in\n" + "\n".join(lines)
