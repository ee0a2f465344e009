"""A part of ./check: whether Buildroot resolves the packages and versions that setup.cfg asks for."""

import configparser
import json
import re
import sys
from pathlib import Path


def main(setup: Path, info: Path) -> int:
    """Prints what is missing or too old in the output of `make show-info`."""
    packages = json.loads(info.read_text())
    parser = configparser.ConfigParser()
    parser.read(setup)
    found = [text for text in (lacking(packages, *r) for r in requirements(parser)) if text]
    for name in ("python-elementpath", "python-xmlschema", "onvifd"):
        if "python3" not in packages.get(name, {}).get("dependencies", ()):
            found.append(f"{name} does not depend on python3")
    if packages.get("onvifd", {}).get("version") != parser["metadata"]["version"]:
        found.append("onvifd has not the version of setup.cfg")
    print("\n".join(found))
    return bool(found)


def requirements(parser):
    """The names and lowest versions of what onvifd needs at run time."""
    for line in parser["options"]["install_requires"].split():
        yield line.split(">=")


def lacking(packages, name, lowest):
    version = packages.get(f"python-{name}", {}).get("version")
    if version is None:
        return f"There is no package python-{name}"
    if numbers(version) < numbers(lowest):
        return f"python-{name} is {version}, and setup.cfg asks for {lowest}"
    return None


def numbers(version):
    return [int(number) for number in re.findall(r"\d+", version)]


sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
