"""The errors a use case can answer with.

UpgradeError
├── NotFound                  upgrade_not_found
│   └── NftNotFound           nft_not_found
├── Refused                   the caller asked for something the rules forbid
│   ├── NftNotOwned           nft_not_owned
│   ├── InvalidMint           invalid_mint
│   ├── InvalidSignatureFormat invalid_signature_format
│   ├── InvalidTargetLevel    invalid_target_level
│   ├── MaxLevel              max_level
│   ├── NftNotFree            nft_not_free
│   ├── RequirementsNotMet    requirements_not_met
│   ├── UpgradeActive         upgrade_active
│   ├── NftLocked             nft_locked
│   ├── AlreadyRedeemed       already_redeemed
│   ├── BurnAlreadyUsed       burn_already_used
│   ├── CannotCancelAfterBurn cannot_cancel_after_burn
│   ├── NotRetryable          not_retryable
│   ├── WrongStatus           wrong_status
│   ├── AlreadyOwnsNft        already_owns_nft
│   ├── NftNotBurned          nft_not_burned
│   ├── BurnRefused           burn_refused
│   ├── ClaimUnclear          claim_unclear
│   ├── WrongTransaction      wrong_transaction
│   ├── UnsupportedNft        unsupported_nft
│   ├── LinkInvalid           link_invalid
│   ├── AddressRefused        address_refused
│   ├── DeviceRefused         device_refused
│   └── RateLimited           rate_limited
├── Conflicting               conflicting_account: a human must look before anything is repeated
└── Unavailable               try again: nothing was decided, nothing was lost
    ├── MintingPaused         minting_paused
    ├── ChainUnavailable      chain_unavailable
    ├── ProvidersDisagree     providers_disagree
    ├── TransactionRefused    transaction_refused
    ├── SignerUnavailable     signer_unavailable
    ├── VersionConflict       version_conflict
    └── StorageUnavailable    storage_unavailable

`code` is stable and specific, `error_type` is one of the product's eleven (docs/api.md),
`retryable` says whether the same call may succeed later. `extra` are members for the answer.
Which HTTP status a class becomes is decided in `http/problems.py`, in one table.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar


class ErrorType(StrEnum):
    """The product's eleven error types."""

    BURN_TRANSACTION_FAILED = "burn_transaction_failed"
    BURN_CONFIRMATION_TIMEOUT = "burn_confirmation_timeout"
    MINT_TRANSACTION_FAILED = "mint_transaction_failed"
    MINT_CONFIRMATION_TIMEOUT = "mint_confirmation_timeout"
    WALLET_DISCONNECTED = "wallet_disconnected"
    INSUFFICIENT_SOL = "insufficient_sol"
    NETWORK_ERROR = "network_error"
    BADGE_VALIDATION_FAILED = "badge_validation_failed"
    RATE_LIMIT_EXCEEDED = "rate_limit_exceeded"
    INVALID_NFT_STATE = "invalid_nft_state"
    SOLANA_RPC_ERROR = "solana_rpc_error"


class UpgradeError(Exception):
    """Base of all errors a caller is told about."""

    code: ClassVar[str]
    error_type: ClassVar[ErrorType] = ErrorType.INVALID_NFT_STATE
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra: Mapping[str, Any] = extra


class NotFound(UpgradeError):
    """No such upgrade, or it belongs to somebody else: both look the same from outside."""

    code = "upgrade_not_found"


class NftNotFound(NotFound):
    """The mint is not in our registry."""

    code = "nft_not_found"


class Refused(UpgradeError):
    """The rules forbid it; asking again changes nothing by itself."""

    code = "refused"


class NftNotOwned(Refused):
    """Another wallet holds this NFT on chain."""

    code = "nft_not_owned"


class InvalidMint(Refused):
    """Not base58 of 32 bytes."""

    code = "invalid_mint"


class InvalidSignatureFormat(Refused):
    """Not canonical base58 of 64 bytes."""

    code = "invalid_signature_format"
    error_type = ErrorType.BURN_TRANSACTION_FAILED


class InvalidTargetLevel(Refused):
    """`targetLevel` is not the current level + 1."""

    code = "invalid_target_level"


class MaxLevel(Refused):
    """The NFT is already at the top level."""

    code = "max_level"


class NftNotFree(Refused):
    """Frozen, delegated, escrowed or listed: it could not be burned, or not by its owner alone."""

    code = "nft_not_free"


class RequirementsNotMet(Refused):
    """The level asks for a trading volume or badges the user does not have."""

    code = "requirements_not_met"
    error_type = ErrorType.BADGE_VALIDATION_FAILED


class UpgradeActive(Refused):
    """The user already has an active upgrade; `extra["upgradeRequestId"]` names it."""

    code = "upgrade_active"


class NftLocked(Refused):
    """The NFT is in another active upgrade."""

    code = "nft_locked"


class AlreadyRedeemed(Refused):
    """This burned NFT already has its successor."""

    code = "already_redeemed"


class BurnAlreadyUsed(Refused):
    """The signature already proves the burn of another request."""

    code = "burn_already_used"
    error_type = ErrorType.BURN_TRANSACTION_FAILED


class CannotCancelAfterBurn(Refused):
    """The burn is proven (or not yet disproven): the successor is owed."""

    code = "cannot_cancel_after_burn"


class NotRetryable(Refused):
    """Only `failed_retryable` can be retried."""

    code = "not_retryable"


class WrongStatus(Refused):
    """The upgrade's status has no edge for this step (docs/architecture.md)."""

    code = "wrong_status"


class AlreadyOwnsNft(Refused):
    """A user owns at most one active tiered NFT."""

    code = "already_owns_nft"


class NftNotBurned(Refused):
    """There is nothing to claim: Solana shows the NFT unburned."""

    code = "nft_not_burned"


class BurnRefused(Refused):
    """The transaction is no burn of this NFT; `extra["burnProof"]` says why, check by check."""

    code = "burn_refused"
    error_type = ErrorType.BURN_TRANSACTION_FAILED


class ClaimUnclear(Refused):
    """Which burn is meant cannot be told; `extra["field"]` names what to send along."""

    code = "claim_unclear"


class WrongTransaction(Refused):
    """Not the burn and the mint that we built, signed by their owner: never signed by us."""

    code = "wrong_transaction"
    error_type = ErrorType.BURN_TRANSACTION_FAILED


class UnsupportedNft(Refused):
    """Not a Token-2022 or classic SPL Token NFT (supply 1, decimals 0) that we can verify."""

    code = "unsupported_nft"


class LinkInvalid(Refused):
    """A link in a mail that is not ours, too old, or for an address that is not used any more."""

    code = "link_invalid"
    error_type = ErrorType.NETWORK_ERROR


class AddressRefused(Refused):
    """The mail service will not send to this address."""

    code = "address_refused"
    error_type = ErrorType.NETWORK_ERROR


class DeviceRefused(Refused):
    """The push service does not know this platform, or not this device."""

    code = "device_refused"
    error_type = ErrorType.NETWORK_ERROR


class RateLimited(Refused):
    """Too many upgrade requests; `extra["retryAfter"]` is in seconds."""

    code = "rate_limited"
    error_type = ErrorType.RATE_LIMIT_EXCEEDED
    retryable = True


class Conflicting(UpgradeError):
    """An account that only we can create is there, but not as we create it (chain.md section 2)."""

    code = "conflicting_account"


class Unavailable(UpgradeError):
    """Nothing was decided: the same call may succeed later."""

    code = "unavailable"
    error_type = ErrorType.NETWORK_ERROR
    retryable = True


class MintingPaused(Unavailable):
    """Minting is switched off, or the system wallet could not honour one more burn."""

    code = "minting_paused"


class ChainUnavailable(Unavailable):
    """No RPC provider answered, or what it answered cannot be used."""

    code = "chain_unavailable"
    error_type = ErrorType.SOLANA_RPC_ERROR


class ProvidersDisagree(ChainUnavailable):
    """RPC providers contradict each other: never an accept, never a reject."""

    code = "providers_disagree"


class TransactionRefused(ChainUnavailable):
    """The preflight says the transaction would fail as things stand, so it was not relayed;
    `extra["error"]` is the chain's own error as JSON text."""

    code = "transaction_refused"
    error_type = ErrorType.MINT_TRANSACTION_FAILED


class SignerUnavailable(Unavailable):
    """The signing key's service did not answer, or answered with a signature that is wrong."""

    code = "signer_unavailable"


class VersionConflict(Unavailable):
    """Somebody else moved the upgrade first; read it again and decide again."""

    code = "version_conflict"


class StorageUnavailable(Unavailable):
    """DynamoDB throttled or did not answer; the write may or may not have happened."""

    code = "storage_unavailable"
