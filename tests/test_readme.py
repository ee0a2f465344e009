"""What README.md promises is what there is."""

import re
from pathlib import Path

import pytest

from onvifd.operations import SERVED

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
ETC = ROOT / "etc"
PREFIXES = {"Device": ("tds",), "Security": ("tas",), "Event": ("tev", "wsnt")}


def _promised() -> set[tuple[str, str]]:
    """(service, operation) of each operation in the table of section What is supported."""
    rows = re.findall(r"^\| (Device|Security|Event)[^|]*\| ([^|]+) \|$", README, re.MULTILINE)
    return {
        (service, name)
        for service, cell in rows
        for name in re.findall(r"\b[A-Z]\w+", cell.partition(";")[0])
    }


def test_the_table_of_operations_is_complete_and_true() -> None:
    served = {
        (service, name.partition(":")[2])
        for name in SERVED
        for service, prefixes in PREFIXES.items()
        if name.partition(":")[0] in prefixes
    }
    assert _promised() == served


@pytest.mark.parametrize("file", ["README.md", "CHANGELOG.md", "buildroot/readme.md"])
def test_the_files_that_it_links_exist(file: str) -> None:
    text = (ROOT / file).read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert links
    for link in links:
        assert ((ROOT / file).parent / link).exists(), link


def test_each_file_in_etc_is_explained() -> None:
    texts = README + (ETC / "README.md").read_text()
    unexplained = [
        str(file.relative_to(ETC))
        for file in ETC.rglob("*")
        if file.is_file() and str(file.relative_to(ETC)) not in texts
    ]
    assert unexplained == []
