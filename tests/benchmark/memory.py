"""How much memory a server's processes take: their proportional set sizes (PSS).

A page that several of them share counts in equal parts for each. The kernel's own figure counts it for every
process of the machine, so another Python program nearby, such as this one, would make the server look smaller
than it is on a camera. Here only the server's own processes share.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

_OWN = re.compile(r"^Pss_(?:Anon|Shmem):\s+(\d+) kB$", re.MULTILINE)


def proportional(processes: Mapping[int, str]) -> Counter[str]:
    """KiB by what the processes of one server are; takes their IDs with what each is."""
    files = {pid: _file_pages(pid) for pid in processes}
    sharers = Counter(mapping for pages in files.values() for mapping in pages)
    sizes: Counter[str] = Counter()
    for pid, role in processes.items():
        shares = sum(size / sharers[mapping] for mapping, size in files[pid].items())
        sizes[role] += round(_own_pages(pid) + shares)
    return sizes


def _own_pages(pid: int) -> int:
    """KiB that come from no file: only processes that forked from each other share them."""
    return sum(map(int, _OWN.findall(Path(f"/proc/{pid}/smaps_rollup").read_text())))


def _file_pages(pid: int) -> Counter[tuple[str, str]]:
    """Unchanged KiB in memory of each part of a file that is mapped, by its inode and offset."""
    pages: Counter[tuple[str, str]] = Counter()
    mapping = ("", "")
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        first, *rest = line.split()
        if not first.endswith(":"):
            mapping = (rest[3], rest[1])
        elif first == "Rss:":
            pages[mapping] += int(rest[0])
        elif first == "Anonymous:":
            pages[mapping] -= int(rest[0])
    return +pages
