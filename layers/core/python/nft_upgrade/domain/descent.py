"""Which NFTs on chain are ours, and at which level: decided by addresses, checked against texts.

An address that was allocated under the base key is ours (nft_account.Creation). It is the successor
of exactly the NFT whose derived successor address it is; when it is nobody's it is a first NFT. The
level follows from that alone; the mint's own metadata must agree, and the account must be as our
builder makes it. NFTs that others minted are known only when an operator names them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from nft_upgrade.domain.nft_account import (
    GROUP_MEMBER,
    MEMBER_POINTER,
    METADATA_POINTER,
    TOKEN_2022_PROGRAM,
    TOKEN_METADATA,
    Creation,
    NftAccount,
    hindrance,
)

FIRST_LEVEL = 1
LEVEL_FIELD = "level"
OWN_EXTENSIONS = frozenset({METADATA_POINTER, TOKEN_METADATA})
MEMBER_EXTENSIONS = frozenset({MEMBER_POINTER, GROUP_MEMBER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the builder would write into an NFT of a level today."""

    name: str
    symbol: str
    uri: str
    collection: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Descent:
    """One NFT that is ours. `creation` None: an operator registered it. `remark`: its texts are not
    those of today's catalogue; the address proves it all the same."""

    mint: str
    level: int
    account: NftAccount
    creation: Creation | None
    predecessor: str | None
    remark: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an address is not taken in."""

    mint: str
    reason: str


@dataclass(frozen=True, slots=True)
class Traced:
    """Everything that was looked at, decided."""

    ours: Mapping[str, Descent]
    refused: Sequence[Refusal]


def trace(
    creations: Sequence[Creation],
    registered: Mapping[str, int],
    accounts: Mapping[str, NftAccount | None],
    *,
    successor_of: Callable[[str], str],
    expected_at: Callable[[int], Expected],
    top: int,
) -> Traced:
    """Decide about all created and all registered mints (with their levels)."""
    made = {creation.mint: creation for creation in creations}
    heir_of = {successor_of(mint): mint for mint in {*made, *registered}}
    ours: dict[str, Descent] = {}
    refused: dict[str, Refusal] = {}

    def decide(mint: str) -> Descent | Refusal:
        predecessor, creation = heir_of.get(mint), made.get(mint)
        account = accounts.get(mint)
        if account is None:
            return Refusal(mint, "no mint is at this address")
        if creation is None:
            return _registered(account, registered[mint])
        if predecessor is None:
            level = FIRST_LEVEL
        elif predecessor in ours:
            level = ours[predecessor].level + 1
        else:
            return Refusal(mint, f"its predecessor {predecessor} is not taken in")
        if level > top:
            return Refusal(mint, f"there is no level {level}")
        return _minted(account, level, creation, predecessor, expected_at(level))

    for mint in _ancestors_first([*registered, *made], heir_of):
        decision = decide(mint)
        if isinstance(decision, Descent):
            ours[mint] = decision
        else:
            refused[mint] = decision
    return Traced(ours, list(refused.values()))


def _ancestors_first(mints: Sequence[str], heir_of: Mapping[str, str]) -> list[str]:
    """Each once, after its predecessor."""
    ordered: dict[str, None] = {}
    for mint in mints:
        line = [mint]
        while (before := heir_of.get(line[-1])) is not None and before not in ordered:
            line.append(before)
        ordered.update(dict.fromkeys(reversed(line)))
    return list(ordered)


def _registered(account: NftAccount, level: int) -> Descent | Refusal:
    reason = hindrance(account)
    if reason is not None:
        return Refusal(account.mint, reason)
    return Descent(mint=account.mint, level=level, account=account, creation=None, predecessor=None)


def _minted(
    account: NftAccount,
    level: int,
    creation: Creation,
    predecessor: str | None,
    expected: Expected,
) -> Descent | Refusal:
    reason = _oddity(account, level)
    if reason is not None:
        return Refusal(account.mint, reason)
    return Descent(
        mint=account.mint,
        level=level,
        account=account,
        creation=creation,
        predecessor=predecessor,
        remark=_remark(account, expected),
    )


def _oddity(account: NftAccount, level: int) -> str | None:
    """How the account differs from every NFT that our builder makes; None: not at all."""
    metadata = account.metadata
    is_member = account.collection is not None
    wanted = OWN_EXTENSIONS | (MEMBER_EXTENSIONS if is_member else frozenset())
    if account.token_program != TOKEN_2022_PROGRAM or hindrance(account) is not None:
        return hindrance(account) or "it is not owned by Token-2022"
    if account.supply not in (0, 1):
        return f"its supply is {account.supply}"
    if set(account.extensions) != wanted or len(account.extensions) != len(wanted):
        return f"its extensions are {account.extensions}: not those of our NFTs"
    if metadata is None or metadata.update_authority is not None:
        return "its metadata can be changed, or not be read"
    if metadata.fields != ((LEVEL_FIELD, str(level)),):
        return f"its metadata says {dict(metadata.fields)}, its descent says level {level}"
    return None


def _remark(account: NftAccount, expected: Expected) -> str | None:
    """Texts come from settings and may have changed since; they are shown, never decided by."""
    metadata = account.metadata
    assert metadata is not None
    shown = (metadata.name, metadata.symbol, metadata.uri, account.collection)
    wanted = (expected.name, expected.symbol, expected.uri, expected.collection)
    pairs = zip(shown, wanted, strict=True)
    return ", ".join(f"{old} (today {new})" for old, new in pairs if old != new) or None
