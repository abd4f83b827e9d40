"""Events tickets: what opens one stream for a client that can neither send a cookie nor a header.

A ticket is 32 random bytes; only its SHA-256 is kept, so who reads the table can open nothing.
"""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import datetime, timedelta

from nft_upgrade.http.sessions import Session
from nft_upgrade.ports import TicketGrant, Tickets

TICKET_LIFE = timedelta(seconds=30)
TICKET_BYTES = 32


def ticket_hash(ticket: str) -> str:
    """What `Tickets` keeps; the relay looks a presented ticket up by the same function."""
    return hashlib.sha256(ticket.encode()).hexdigest()


def issue_ticket(
    tickets: Tickets,
    session: Session,
    upgrade_id: str,
    *,
    random_bytes: Callable[[int], bytes],
    at: datetime,
) -> tuple[str, TicketGrant]:
    """A ticket for one stream of one upgrade, whose ownership the caller has checked."""
    ticket = urlsafe_b64encode(random_bytes(TICKET_BYTES)).rstrip(b"=").decode()
    expires_at = min(at + TICKET_LIFE, session.expires_at)
    grant = TicketGrant(session.user_id, upgrade_id, expires_at, session.expires_at)
    tickets.put(ticket_hash(ticket), grant)
    return ticket, grant
