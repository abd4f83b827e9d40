"""Who was refused, in the log: whose address it was, behind however many trusted proxies.

An address in `X-Forwarded-For` is worth what the one who wrote it is. Each proxy appends the
address it was called from, so with n trusted proxies the n-th entry from the right is the last
that a trusted one wrote; what stands left of it is the client's own invention.
"""

import logging
from collections.abc import Callable

log = logging.getLogger(__name__)

LINES_PER_SECOND = 10
"""A flood of bad requests must not become a flood of lines; the metrics count them all."""
LONGEST_ADDRESS = 64


def client_address(forwarded_for: str, peer: str, *, trusted_hops: int) -> str:
    """The address that called the first trusted proxy; `peer` is who called this process.

    A chain shorter than it should be was not built by the proxies: then the peer is told.
    """
    chain = [part.strip() for part in forwarded_for.split(",") if part.strip()]
    if not 0 < trusted_hops <= len(chain):
        return peer
    return _printable(chain[-trusted_hops])


def _printable(text: str) -> str:
    """No line breaks or control characters into a log."""
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in text[:LONGEST_ADDRESS])


class RefusalLog:
    """At most `LINES_PER_SECOND` lines a second, then a count."""

    def __init__(self, clock: Callable[[], float], *, trusted_hops: int) -> None:
        self._clock = clock
        self._trusted_hops = trusted_hops
        self._second = 0
        self._lines = 0
        self.suppressed = 0

    def note(self, status: int, *, forwarded_for: str, peer: str) -> None:
        """One answer that refused somebody."""
        second = int(self._clock())
        if second != self._second:
            self._second, self._lines = second, 0
        self._lines += 1
        if self._lines > LINES_PER_SECOND:
            self.suppressed += 1
            return
        address = client_address(forwarded_for, peer, trusted_hops=self._trusted_hops)
        log.warning("refused %d: %s", status, address)
