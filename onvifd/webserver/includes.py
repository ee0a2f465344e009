"""Whether a web server's configuration includes a file: nginx and lighttpd write it the same way."""

import re
from collections.abc import Iterator
from pathlib import Path

_INCLUDE = re.compile(r"""^[^#\n]*?\binclude\s+["']?([^"';#\n]+?)["']?\s*(?:[;#}]|$)""", re.MULTILINE)
_DEEPEST = 8


def includes(main: Path, wanted: Path) -> bool:
    """Whether a configuration file, or one that it includes, includes a file. Raises OSError."""
    return any(wanted.match(pattern) for pattern in _patterns(main, main.parent, _DEEPEST))


def _patterns(path: Path, base: Path, depth: int) -> Iterator[str]:
    """What a configuration file includes; relative paths are relative to the main one's directory."""
    for match in _INCLUDE.finditer(path.read_text(errors="replace")):
        pattern = base / match[1]
        yield str(pattern)
        if depth:
            found = base.glob(match[1]) if not Path(match[1]).is_absolute() else _glob(pattern)
            for each in found:
                yield from _patterns(each, base, depth - 1)


def _glob(pattern: Path) -> Iterator[Path]:
    return Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor)))
