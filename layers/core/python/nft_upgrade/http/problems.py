"""Errors as `application/problem+json` (RFC 9457 plus the members the product's clients read).

`ROWS` is the one table from error class to HTTP status; a test walks every error class and fails
when one has no row of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nft_upgrade.domain import errors as domain
from nft_upgrade.http import errors as edge

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Row:
    """How one class of error is answered. `retry_after` is in seconds; None: no such header."""

    status: int
    title: str
    retry_after: int | None = None


ROWS: Mapping[type[domain.UpgradeError], Row] = {
    domain.NotFound: Row(404, "No such upgrade request"),
    domain.NftNotFound: Row(404, "NFT not found"),
    domain.Refused: Row(409, "Not possible"),
    domain.NftNotOwned: Row(403, "NFT belongs to another wallet"),
    domain.InvalidMint: Row(400, "Not a mint address"),
    domain.InvalidSignatureFormat: Row(400, "Not a transaction signature"),
    domain.InvalidTargetLevel: Row(422, "Wrong target level"),
    domain.MaxLevel: Row(409, "Final level reached"),
    domain.NftNotFree: Row(409, "NFT is not free"),
    domain.RequirementsNotMet: Row(403, "Requirements not met"),
    domain.UpgradeActive: Row(409, "An upgrade is already running"),
    domain.NftLocked: Row(409, "NFT is in another upgrade"),
    domain.AlreadyRedeemed: Row(409, "Burn already redeemed"),
    domain.BurnAlreadyUsed: Row(409, "Burn already used"),
    domain.CannotCancelAfterBurn: Row(409, "Too late to cancel"),
    domain.NotRetryable: Row(409, "Nothing to retry"),
    domain.WrongStatus: Row(409, "Not possible in this status"),
    domain.AlreadyOwnsNft: Row(409, "Wallet already owns an NFT"),
    domain.NftNotBurned: Row(409, "NFT is not burned"),
    domain.BurnRefused: Row(409, "Not a burn of this NFT"),
    domain.ClaimUnclear: Row(409, "Say which burn"),
    domain.WrongTransaction: Row(422, "Not the transaction we built"),
    domain.UnsupportedNft: Row(422, "NFT is not supported"),
    domain.LinkInvalid: Row(400, "Link not valid"),
    domain.AddressRefused: Row(422, "Address refused"),
    domain.DeviceRefused: Row(422, "Device refused"),
    domain.RateLimited: Row(429, "Too many requests", retry_after=60),
    domain.Unavailable: Row(503, "Try again later", retry_after=5),
    domain.MintingPaused: Row(503, "Minting is paused", retry_after=60),
    domain.ChainUnavailable: Row(503, "Solana is not reachable", retry_after=5),
    domain.ProvidersDisagree: Row(503, "Solana providers disagree", retry_after=5),
    domain.Conflicting: Row(409, "Account needs a human"),
    domain.TransactionRefused: Row(503, "Solana refused the transaction", retry_after=5),
    domain.SignerUnavailable: Row(503, "Signing is not available", retry_after=5),
    domain.VersionConflict: Row(409, "Changed by another call", retry_after=1),
    domain.StorageUnavailable: Row(503, "Storage is not reachable", retry_after=2),
    edge.EdgeError: Row(400, "Bad request"),
    edge.MalformedJson: Row(400, "Malformed JSON"),
    edge.UnknownField: Row(400, "Unknown field"),
    edge.MissingField: Row(400, "Missing field"),
    edge.InvalidField: Row(400, "Invalid field"),
    edge.InvalidAddress: Row(400, "Not a wallet address"),
    edge.InvalidStatus: Row(400, "Not a status"),
    edge.InvalidLimit: Row(400, "Not a page size"),
    edge.InvalidCursor: Row(400, "Not a cursor"),
    edge.InvalidIdempotencyKey: Row(400, "Not an idempotency key"),
    edge.UnsupportedMediaType: Row(415, "Not declared as JSON"),
    edge.BodyTooLarge: Row(413, "Body too large"),
    edge.TokenInUrl: Row(400, "Session token in the URL"),
    edge.InvalidToken: Row(401, "Not signed in"),
    edge.SignInFailed: Row(401, "Sign-in failed"),
    edge.TicketInvalid: Row(401, "Ticket not valid"),
    edge.WrongOrigin: Row(403, "Wrong origin"),
    edge.RouteNotFound: Row(404, "No such route"),
    edge.MethodNotAllowed: Row(405, "Method not allowed"),
    edge.IdempotencyKeyReused: Row(422, "Idempotency key reused"),
    edge.IdempotencyInProgress: Row(409, "First call still running", retry_after=1),
    edge.InternalError: Row(500, "Internal error"),
}

CHALLENGE = 'Bearer realm="nft-upgrade"'
"""RFC 9110 wants a 401 to say how to authenticate."""


def row_of(kind: type[domain.UpgradeError]) -> Row:
    """The row of a class, or of its nearest ancestor that has one."""
    for ancestor in kind.__mro__:
        if ancestor in ROWS:
            return ROWS[ancestor]
    return ROWS[edge.InternalError]


def problem(error: domain.UpgradeError, request_id: str) -> dict[str, Any]:
    """The body's members. An error's own `extra` never replaces one of them."""
    row = row_of(type(error))
    return {
        **error.extra,
        "type": f"urn:nft-upgrade:problem:{error.code}",
        "title": row.title,
        "status": row.status,
        "detail": error.detail,
        "code": error.code,
        "errorType": error.error_type.value,
        "retryable": error.retryable,
        "requestId": request_id,
        "success": False,
        "error": error.detail,
    }


def problem_headers(error: domain.UpgradeError) -> dict[str, str]:
    """Retry-After, WWW-Authenticate and Allow, where they belong."""
    row = row_of(type(error))
    headers = {"content-type": MEDIA_TYPE}
    retry_after = error.extra.get("retryAfter", row.retry_after)
    if retry_after is not None:
        headers["retry-after"] = str(retry_after)
    if row.status == 401:
        headers["www-authenticate"] = CHALLENGE
    if "allow" in error.extra:
        headers["allow"] = str(error.extra["allow"])
    return headers
