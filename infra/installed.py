"""A layer for this machine (`wheels=host`) out of what is installed already, without an index.

Only an emulator runs it; what is proven there is that the requirements name everything that the
functions import.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path, PurePath

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


class NotInstalled(Exception):
    """A requirement is missing here, or has another version."""


def copy_installed(
    requirements: Path, target: Path, is_wanted: Callable[[PurePath], bool] = lambda path: True
) -> None:
    """Everything that the requirements need, directly or not, into `target`, without scripts and
    byte code. `is_wanted(path)`: whether a file, by its path inside the layer, is taken along."""
    for found in closure(requirements):
        for file in found.files or ():
            if ".." not in file.parts and file.suffix != ".pyc" and is_wanted(file):
                place = target / file
                place.parent.mkdir(parents=True, exist_ok=True)
                link(str(file.locate()), str(place))


def link(source: str, target: str) -> None:
    """Rather than copying a hundred megabytes."""
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def closure(requirements: Path) -> list[Distribution]:
    """The distributions, each once; NotInstalled when one is not here as it is asked for."""
    lines = (line.split("#")[0].strip() for line in requirements.read_text().splitlines())
    waiting = [Requirement(line) for line in lines if line]
    found: dict[tuple[str, str], Distribution] = {}
    while waiting:
        wanted = waiting.pop()
        for extra in ("", *sorted(wanted.extras)):
            name = canonicalize_name(wanted.name), extra
            if name not in found:
                found[name] = _installed(wanted)
                waiting += _needs(found[name], extra)
    return [each for (_, extra), each in found.items() if not extra]


def _installed(wanted: Requirement) -> Distribution:
    try:
        found = distribution(wanted.name)
    except PackageNotFoundError:
        raise NotInstalled(str(wanted)) from None
    if not wanted.specifier.contains(found.version, prereleases=True):
        raise NotInstalled(f"{wanted}: {found.version} is installed")
    return found


def _needs(found: Distribution, extra: str) -> Iterator[Requirement]:
    for line in found.requires or ():
        needed = Requirement(line)
        if needed.marker is None or needed.marker.evaluate({"extra": extra}):
            yield needed
