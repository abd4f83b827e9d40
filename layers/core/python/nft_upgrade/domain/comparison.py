"""What registry, chain and requests say about one NFT: legal, to be repaired, or for a human.

`RULES` is the table; the first rule that fits decides, and every combination is decided by one
(tests/domain/test_comparison.py goes through all of them). docs/operations.md shows the table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from nft_upgrade.domain.nft import NftStatus
from nft_upgrade.domain.upgrade import BURNED, Status, Upgrade


class Supply(StrEnum):
    """The mint's supply at finalized."""

    ONE = "one"
    ZERO = "zero"
    OTHER = "other"
    """More than one of it exist."""
    MISSING = "missing"
    """No mint is there any more."""


class Heir(StrEnum):
    """What is at the successor's address at finalized."""

    ABSENT = "absent"
    PRESENT = "present"
    ODD = "odd"
    """A mint, but not one as we make it."""


class Request(StrEnum):
    """The request that holds the NFT's lock."""

    NONE = "none"
    BEFORE_BURN = "before_burn"
    """Initiated or burn_pending."""
    REVIEW = "review"
    OWED = "owed"
    """Its burn is proven: the successor is owed."""
    STALE = "stale"
    """The lock is held by a request that has ended, or by none that we know."""


class Held(StrEnum):
    """Who holds the NFT, at confirmed."""

    OWNER = "owner"
    """The registry's owner; also for an NFT that is burned."""
    OTHER = "other"
    NOBODY = "nobody"


class Decision(StrEnum):
    """What is to be done."""

    LEGAL = "legal"
    FREE_ROW = "free_row"
    """Repair: `upgrading` becomes `active`."""
    HOLD_ROW = "hold_row"
    """Repair: `active` becomes `upgrading`."""
    MARK_BURNED = "mark_burned"
    """Repair: the row becomes `burned`, with its successor."""
    FOLLOW_HOLDER = "follow_holder"
    """Repair: the row's owner becomes who holds it; the owner's lock goes along."""
    RELEASE_LOCK = "release_lock"
    """Repair: the stale lock is removed."""
    FREE_OWNER = "free_owner"
    """Repair: the one-NFT lock that still names it is removed, so that its last owner may have
    another one."""
    PAGE = "page"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One NFT, looked at from all sides. `redeemed`: the permanent BURN lock is there."""

    registry: NftStatus
    supply: Supply
    redeemed: bool
    heir: Heir
    request: Request
    held: Held


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row of the table; None in a column: any. `code` is stable: logs and alarms carry it."""

    code: str
    decision: Decision
    means: str
    registry: frozenset[NftStatus] | None = None
    supply: frozenset[Supply] | None = None
    redeemed: bool | None = None
    heir: frozenset[Heir] | None = None
    request: frozenset[Request] | None = None
    held: frozenset[Held] | None = None

    def fits(self, facts: Facts) -> bool:
        """Whether every column agrees."""
        return (
            (self.registry is None or facts.registry in self.registry)
            and (self.supply is None or facts.supply in self.supply)
            and (self.redeemed is None or facts.redeemed is self.redeemed)
            and (self.heir is None or facts.heir in self.heir)
            and (self.request is None or facts.request in self.request)
            and (self.held is None or facts.held in self.held)
        )


ACTIVE, UPGRADING, BURNED_ROW = (
    frozenset({status}) for status in (NftStatus.ACTIVE, NftStatus.UPGRADING, NftStatus.BURNED)
)
UNBURNED_ROW = ACTIVE | UPGRADING
ALIVE, GONE = frozenset({Supply.ONE}), frozenset({Supply.ZERO})
PRESENT, ABSENT = frozenset({Heir.PRESENT}), frozenset({Heir.ABSENT})
NONE, OWED = frozenset({Request.NONE}), frozenset({Request.OWED})
OPEN = frozenset({Request.BEFORE_BURN, Request.REVIEW})
R, D = Rule, Decision

RULES: Sequence[Rule] = (
    # Nothing we do leads here.
    R(code="successor_odd", decision=D.PAGE, heir=frozenset({Heir.ODD}),
      means="What is at the successor's address is not an NFT of ours."),
    R(code="supply_above_one", decision=D.PAGE, supply=frozenset({Supply.OTHER}),
      means="More than one of this NFT exist."),
    R(code="mint_missing", decision=D.PAGE, supply=frozenset({Supply.MISSING}),
      means="The NFT's mint account is gone."),
    R(code="lock_stale", decision=D.RELEASE_LOCK, request=frozenset({Request.STALE}),
      means="A request that has ended still holds the NFT's lock."),
    # It exists on chain.
    R(code="successor_of_living", decision=D.PAGE, supply=ALIVE, heir=PRESENT,
      means="The successor is minted, but the NFT is not burned."),
    R(code="redeemed_but_alive", decision=D.PAGE, supply=ALIVE, redeemed=True,
      means="Its burn is marked as redeemed, but it is not burned."),
    R(code="burned_but_alive", decision=D.PAGE, supply=ALIVE, registry=BURNED_ROW,
      means="The registry says burned, the chain does not."),
    R(code="owed_but_alive", decision=D.PAGE, supply=ALIVE, request=OWED,
      means="A request counts its burn as proven, but it is not burned."),
    R(code="request_open", decision=D.LEGAL, supply=ALIVE, registry=UPGRADING, request=OPEN,
      means="A request waits for its burn, whoever holds the NFT meanwhile."),
    R(code="row_not_held", decision=D.HOLD_ROW, supply=ALIVE, registry=ACTIVE, request=OPEN,
      means="A request is open, but the row does not say so."),
    R(code="row_held_by_nobody", decision=D.FREE_ROW, supply=ALIVE, registry=UPGRADING,
      request=NONE, means="The row says upgrading, but no request is open."),
    R(code="holder_changed", decision=D.FOLLOW_HOLDER, supply=ALIVE, held=frozenset({Held.OTHER}),
      means="It was sold or given away."),
    R(code="in_motion", decision=D.LEGAL, supply=ALIVE, held=frozenset({Held.NOBODY}),
      means="Burned a moment ago, not final yet."),
    R(code="at_rest", decision=D.LEGAL, supply=ALIVE, registry=ACTIVE, redeemed=False,
      heir=ABSENT, request=NONE, held=frozenset({Held.OWNER}),
      means="Its owner holds it."),
    # It is burned, and its successor is minted.
    R(code="redeemed_without_mark", decision=D.PAGE, heir=PRESENT, redeemed=False,
      means="The successor is minted, but the mark that forbids a second one is missing."),
    R(code="request_after_redemption", decision=D.PAGE, heir=PRESENT, request=OPEN,
      means="The successor is minted, but another request waits for a burn."),
    R(code="redeemed", decision=D.LEGAL, supply=GONE, redeemed=True, heir=PRESENT,
      registry=BURNED_ROW, request=NONE | OWED,
      means="Burned, and its successor is minted."),
    R(code="redeemed_row_behind", decision=D.MARK_BURNED, heir=PRESENT,
      means="Burned and redeemed, but the row does not say so."),
    # It is burned, and marked as redeemed, without a successor yet.
    R(code="owed", decision=D.LEGAL, supply=GONE, redeemed=True, request=OWED, registry=BURNED_ROW,
      means="The successor is on its way."),
    R(code="owed_row_behind", decision=D.MARK_BURNED, redeemed=True, request=OWED,
      means="The successor is on its way, but the row does not say burned."),
    R(code="owed_by_nobody", decision=D.PAGE, redeemed=True, request=NONE,
      means="A proven burn without a successor, and no request that mints it."),
    R(code="mark_before_burn", decision=D.PAGE, redeemed=True,
      means="Marked as redeemed, but the request has not proven its burn."),
    # It is burned, and nothing has come of it yet.
    R(code="owed_without_mark", decision=D.PAGE, request=OWED,
      means="A proven burn, but the mark that forbids a second successor is missing."),
    R(code="burned_without_mark", decision=D.PAGE, registry=BURNED_ROW,
      means="The registry says burned, but there is neither mark nor successor."),
    R(code="burn_unconfirmed", decision=D.LEGAL, request=OPEN,
      means="Burned; the open request's verification or a human takes it up."),
    R(code="row_held_after_burn", decision=D.FREE_ROW, registry=UPGRADING,
      means="Burned outside, and the row waits for a request that is not there."),
    R(code="burned_outside", decision=D.FREE_OWNER, supply=GONE, registry=ACTIVE, redeemed=False,
      heir=ABSENT, request=NONE,
      means="Burned outside any request: it waits for its last owner's claim."),
)  # fmt: skip
"""In the order in which they are asked."""


def decide(facts: Facts) -> Rule:
    """The first rule that fits."""
    return next(rule for rule in RULES if rule.fits(facts))


def kind_of(request: Upgrade | None) -> Request:
    """What the holder of an NFT's lock is; None: no such request."""
    if request is None or not request.is_active:
        return Request.STALE
    if request.status in BURNED:
        return Request.OWED
    return Request.REVIEW if request.status is Status.UNDER_REVIEW else Request.BEFORE_BURN
