"""What can be wrong with a request before a rule of the business is even asked.

UpgradeError
└── EdgeError
    ├── MalformedJson         malformed_json
    ├── UnknownField          unknown_field
    ├── MissingField          missing_field
    ├── InvalidField          invalid_field
    │   ├── InvalidAddress    invalid_address
    │   ├── InvalidStatus     invalid_status
    │   ├── InvalidLimit      invalid_limit
    │   ├── InvalidCursor     invalid_cursor
    │   └── InvalidIdempotencyKey invalid_idempotency_key
    ├── UnsupportedMediaType  unsupported_media_type
    ├── BodyTooLarge          body_too_large
    ├── TokenInUrl            token_in_url
    ├── InvalidToken          invalid_token
    ├── SignInFailed          sign_in_failed
    ├── TicketInvalid         ticket_invalid
    ├── WrongOrigin           wrong_origin
    ├── NotOperator           not_operator
    ├── RouteNotFound         route_not_found
    ├── MethodNotAllowed      method_not_allowed
    ├── IdempotencyKeyReused  idempotency_key_reused
    ├── IdempotencyInProgress idempotency_in_progress
    └── InternalError         internal_error

No web framework is imported here: the relay answers with some of these too.
"""

from nft_upgrade.domain.errors import ErrorType, UpgradeError


class EdgeError(UpgradeError):
    """The request itself is at fault; no use case was asked."""

    code = "bad_request"
    error_type = ErrorType.NETWORK_ERROR


class MalformedJson(EdgeError):
    """Not a UTF-8 JSON object, too deep, with duplicate keys, or missing."""

    code = "malformed_json"


class UnknownField(EdgeError):
    """A field this route does not know; `extra["field"]` names it."""

    code = "unknown_field"


class MissingField(EdgeError):
    """A required field is absent; `extra["field"]` names it."""

    code = "missing_field"


class InvalidField(EdgeError):
    """A field has the wrong type or size; `extra["field"]` names it."""

    code = "invalid_field"


class InvalidAddress(InvalidField):
    """Not a wallet's address: base58 of 32 bytes."""

    code = "invalid_address"


class InvalidStatus(InvalidField):
    """Not one of the statuses."""

    code = "invalid_status"


class InvalidLimit(InvalidField):
    """Not a page size."""

    code = "invalid_limit"


class InvalidCursor(InvalidField):
    """Not a cursor that we gave out."""

    code = "invalid_cursor"


class InvalidIdempotencyKey(InvalidField):
    """Not 1 to 255 visible ASCII characters."""

    code = "invalid_idempotency_key"


class UnsupportedMediaType(EdgeError):
    """The body is not declared as JSON."""

    code = "unsupported_media_type"


class BodyTooLarge(EdgeError):
    """The body is over the limit."""

    code = "body_too_large"


class TokenInUrl(EdgeError):
    """A session token in a query string ends up in logs and histories (ASVS 14.2.1)."""

    code = "token_in_url"
    error_type = ErrorType.WALLET_DISCONNECTED


class InvalidToken(EdgeError):
    """No session, or one that is expired, forged, or meant for somebody else."""

    code = "invalid_token"
    error_type = ErrorType.WALLET_DISCONNECTED


class SignInFailed(EdgeError):
    """The signed text is not the challenge, or the signature is not the wallet's."""

    code = "sign_in_failed"
    error_type = ErrorType.WALLET_DISCONNECTED


class TicketInvalid(EdgeError):
    """Unknown, used, too old, or for another upgrade."""

    code = "ticket_invalid"
    error_type = ErrorType.WALLET_DISCONNECTED


class WrongOrigin(EdgeError):
    """A page of another origin tried to use the session cookie."""

    code = "wrong_origin"


class NotOperator(EdgeError):
    """Signed in, but with a wallet that is no operator's."""

    code = "not_operator"


class RouteNotFound(EdgeError):
    """There is nothing at this path."""

    code = "route_not_found"


class MethodNotAllowed(EdgeError):
    """The path exists, the method does not."""

    code = "method_not_allowed"


class IdempotencyKeyReused(EdgeError):
    """The same key came with another body."""

    code = "idempotency_key_reused"


class IdempotencyInProgress(EdgeError):
    """The first call with this key has not been answered yet."""

    code = "idempotency_in_progress"
    retryable = True


class InternalError(EdgeError):
    """A fault of ours; the request id finds it in the logs."""

    code = "internal_error"
    retryable = True
