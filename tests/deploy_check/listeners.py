"""Who of this process's descendants listens where others on the network can connect."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

LISTENING = "0A"
PROC = Path("/proc")


def wildcard_ports(table: str, inodes: set[str]) -> set[int]:
    """Ports in the text of /proc/net/tcp or tcp6 on which one of these sockets listens on every
    address: 0.0.0.0 and :: are both nothing but zeros there."""
    rows = [line.split() for line in table.splitlines()[1:]]
    return {
        int(row[1].split(":")[1], 16)
        for row in rows
        if row[3] == LISTENING and row[9] in inodes and not row[1].split(":")[0].strip("0")
    }


def exposed_ports() -> set[int]:
    """Of this process and all that descend from it."""
    inodes = {inode for process in _family() for inode in _sockets(process)}
    tables = [(PROC / "net" / name).read_text() for name in ("tcp", "tcp6")]
    return {port for table in tables for port in wildcard_ports(table, inodes)}


def _family() -> set[int]:
    parents = dict(_parents())
    family, size = {os.getpid()}, 0
    while len(family) > size:
        size = len(family)
        family |= {child for child, parent in parents.items() if parent in family}
    return family


def _parents() -> Iterator[tuple[int, int]]:
    for process in PROC.glob("[0-9]*"):
        try:
            status = (process / "status").read_text()
        except OSError:  # it has ended meanwhile
            continue
        yield int(process.name), int(re.findall(r"PPid:\s+(\d+)", status)[0])


def _sockets(process: int) -> Iterator[str]:
    for descriptor in (PROC / str(process) / "fd").glob("*"):
        try:
            link = str(descriptor.readlink())
        except OSError:  # it was closed meanwhile
            continue
        if found := re.fullmatch(r"socket:\[(\d+)\]", link):
            yield found[1]
