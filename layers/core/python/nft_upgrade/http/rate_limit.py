"""How often one client may call, and who "one client" is."""

import hashlib
import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from ipaddress import IPv6Address, IPv6Network, ip_address

from nft_upgrade.domain.errors import RateLimited
from nft_upgrade.ports import RateLimiter

WINDOW = timedelta(minutes=1)
UNKNOWN = "unknown"


def client_address(headers: Mapping[str, str], peer: str | None, trusted_hops: int) -> str:
    """The client's address as seen by the outermost proxy that we trust.

    Each trusted proxy appends the address it was called from to X-Forwarded-For; what stands left
    of those entries was written by the client and proves nothing. An IPv6 client is its /64: one
    subscriber has all of it.
    """
    forwarded = [part.strip() for part in headers.get("x-forwarded-for", "").split(",")]
    has_enough = 0 < trusted_hops <= len(forwarded)
    return _normal(forwarded[-trusted_hops] if has_enough else "") or _normal(peer) or UNKNOWN


def _normal(text: str | None) -> str | None:
    try:
        address = ip_address(text or "")
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address), 64), strict=False))
    return str(address)


def limit(limiter: RateLimiter, name: str, per_minute: int, message: str, at: datetime) -> None:
    """Count one call; RateLimited with the seconds to wait when there were too many."""
    wait = limiter.hit(name, limit=per_minute, window=WINDOW, at=at)
    if wait is not None:
        raise RateLimited(message, retryAfter=max(1, math.ceil(wait.total_seconds())))


def is_repeat(limiter: RateLimiter, name: str, idempotency_key: str, at: datetime) -> bool:
    """Whether this key came within the window before. It may be of any length: so its hash."""
    digest = hashlib.sha256(idempotency_key.encode()).hexdigest()
    return limiter.hit(f"{name}:{digest}", limit=1, window=WINDOW, at=at) is not None
