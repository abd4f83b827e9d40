"""Random histories of many upgrades, for properties that hold whatever happened."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

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
        status="any",
        message="It happened.",
        retry_count=0,
    ).sealed()
