"""Random histories of many upgrades, for properties that hold whatever happened."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from nft_upgrade.domain.burn import BurnProof
from nft_upgrade.domain.events import EventType, UpgradeEvent

T = EventType
LIVES: Sequence[Sequence[EventType]] = (
    (T.UPGRADE_INITIATED,),
    (T.UPGRADE_INITIATED, T.UPGRADE_CANCELLED),
    (T.UPGRADE_INITIATED, T.BURN_PENDING, T.BURN_REJECTED, T.UPGRADE_EXPIRED),
    (T.UPGRADE_INITIATED, T.UPGRADE_FAILED),
    (T.UPGRADE_INITIATED, T.BURN_PENDING, T.BURN_CONFIRMED, T.MINT_STARTED, T.UPGRADE_COMPLETED),
    (
        T.UPGRADE_INITIATED,
        T.UPGRADE_EXPIRED,
        T.BURN_CONFIRMED,
        T.MINT_STARTED,
        T.MINT_FAILED_RETRYABLE,
        T.RETRY_STARTED,
        T.UPGRADE_COMPLETED,
    ),
)
"""The ways an upgrade may go: not taken up, given up, failed, done, burned late and retried."""
STATUS_OF = {
    T.UPGRADE_INITIATED: "initiated",
    T.UPGRADE_CANCELLED: "cancelled",
    T.BURN_PENDING: "burn_pending",
    T.BURN_REJECTED: "initiated",
    T.UPGRADE_EXPIRED: "expired",
    T.UPGRADE_FAILED: "failed_permanent",
    T.BURN_CONFIRMED: "burn_confirmed",
    T.MINT_STARTED: "mint_pending",
    T.UPGRADE_COMPLETED: "completed",
    T.MINT_FAILED_RETRYABLE: "failed_retryable",
    T.RETRY_STARTED: "mint_pending",
}
BURNED = {
    T.BURN_PENDING,
    T.BURN_CONFIRMED,
    T.MINT_STARTED,
    T.MINT_FAILED_RETRYABLE,
    T.RETRY_STARTED,
    T.UPGRADE_COMPLETED,
}
PROVEN = {T.BURN_CONFIRMED, T.BURN_REJECTED, T.UPGRADE_FAILED}
FAILED = {T.BURN_REJECTED, T.UPGRADE_FAILED, T.MINT_FAILED_RETRYABLE}
FIRST_DAY = datetime(2026, 10, 30, 22, 0, tzinfo=UTC)


@st.composite
def histories(draw: st.DrawFn, prefix: str = "") -> list[UpgradeEvent]:
    """Up to eight upgrades of up to four users, in the order in which they were committed."""
    number = draw(st.integers(1, 8))
    return [event for n in range(number) for event in draw(_life(f"{prefix}up-{n}", prefix))]


@st.composite
def deliveries(draw: st.DrawFn, events: Sequence[UpgradeEvent]) -> list[UpgradeEvent]:
    """The same events in any order, some of them several times."""
    again = draw(st.lists(st.sampled_from(list(events)), max_size=10))
    return draw(st.permutations([*events, *again]))


@st.composite
def _life(draw: st.DrawFn, upgrade_id: str, prefix: str) -> list[UpgradeEvent]:
    types = draw(st.sampled_from(LIVES))
    user_id = f"{prefix}wallet-{draw(st.integers(1, 4))}"
    level = draw(st.integers(1, 4))
    at = FIRST_DAY + timedelta(minutes=draw(st.integers(0, 3 * 1440)))
    events = []
    for sequence, type_ in enumerate(types, 1):
        at += timedelta(milliseconds=draw(st.integers(0, 40_000_000)))
        events.append(_event(upgrade_id, user_id, level, sequence, type_, at))
    return events


def _event(
    upgrade_id: str, user_id: str, level: int, sequence: int, type_: EventType, at: datetime
) -> UpgradeEvent:
    return UpgradeEvent(
        upgrade_id=upgrade_id,
        sequence=sequence,
        type=type_,
        occurred_at=at,
        user_id=user_id,
        nft_id=f"{upgrade_id}-nft",
        current_level=level,
        target_level=level + 1,
        status=STATUS_OF[type_],
        message="It happened.",
        retry_count=0,
        burn_signature=f"{upgrade_id}-burn" if type_ in BURNED else None,
        mint_signature=f"{upgrade_id}-mint" if type_ is EventType.UPGRADE_COMPLETED else None,
        new_nft_id=f"{upgrade_id}-new" if type_ is EventType.UPGRADE_COMPLETED else None,
        error_code="mint_failed" if type_ in FAILED else None,
        error_type="mint_transaction_failed" if type_ in FAILED else None,
        error_message="It failed." if type_ in FAILED else None,
        retryable=True if type_ in FAILED else None,
        data=_data(upgrade_id, level, type_),
    ).sealed()


def _data(upgrade_id: str, level: int, type_: EventType) -> dict[str, Any]:
    """What the schemas ask for."""
    if type_ in PROVEN:
        proof = BurnProof(f"{upgrade_id}-burn", f"{upgrade_id}-nft", None, None, ())
        return {"proof": proof.as_json()}
    if type_ is T.UPGRADE_COMPLETED:
        return {
            "oldLevel": level,
            "newLevel": level + 1,
            "newNftId": f"{upgrade_id}-new",
            "mintTransactionHash": f"{upgrade_id}-mint",
        }
    return {}
