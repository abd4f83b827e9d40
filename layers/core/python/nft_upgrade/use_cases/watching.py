"""What an operator sees: who waits after a burn, what needs a hand, and how the machinery does.

Measured from the state of things rather than by the code that changes it, so it is right also while
that code does not run (docs/decisions/0025). A part that does not answer is a figure that is not
known; it never takes the others away.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from nft_upgrade.domain.errors import UpgradeError
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.domain.operations import JournalEntry, is_sound
from nft_upgrade.domain.upgrade import Status, Upgrade
from nft_upgrade.ports import (
    DUE_SHARDS,
    Chain,
    Clock,
    Instruments,
    Journal,
    MintAttempt,
    Readings,
    Reviews,
    Signer,
    Switch,
    Upgrades,
)
from nft_upgrade.use_cases.reading import Reading

T = TypeVar("T")
WAITING = frozenset(
    {
        Status.BURN_PENDING,
        Status.BURN_CONFIRMED,
        Status.MINT_PENDING,
        Status.FAILED_RETRYABLE,
    }
)
"""What an upgrade is in while a user who has burned, or says so, waits for us."""
STUCK_AFTER = timedelta(minutes=10)
"""As long as the alarm `WaitingTooLong` waits."""
MOST_COUNTED = 1_000
"""Per shard, and of events. More of them is an alarm of its own, not a figure."""
EVER = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class People:
    """Who waits, the longest wait first."""

    waiting: Sequence[Upgrade]
    now: datetime

    @property
    def oldest_seconds(self) -> float:
        return self.longest(self.waiting)

    @property
    def for_us(self) -> Sequence[Upgrade]:
        """Those who wait for the machinery."""
        return [upgrade for upgrade in self.waiting if upgrade.status in WAITING]

    @property
    def for_a_person(self) -> Sequence[Upgrade]:
        """Those whose burn somebody must decide on."""
        return [upgrade for upgrade in self.waiting if upgrade.status not in WAITING]

    @property
    def held(self) -> int:
        return len(self.for_a_person)

    def longest(self, of: Sequence[Upgrade]) -> float:
        """Seconds."""
        return _oldest(map(waits_since, of), self.now)

    @property
    def stuck(self) -> int:
        return sum(is_stuck(upgrade, self.now) for upgrade in self.waiting)


@dataclass(frozen=True, slots=True)
class Backlog:
    """Events that Kafka does not have yet."""

    unpublished: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything at one moment. None: not known just now."""

    at: datetime
    paused: str | None
    """The operator's reason; None: minting is on."""
    wallet: str | None
    lamports: int | None
    active: int
    people: People
    backlog: Backlog
    readings: Readings


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One upgrade with all that is known. `proof`: the last one that was decided on, or held."""

    upgrade: Upgrade
    events: Sequence[UpgradeEvent]
    attempts: Sequence[MintAttempt]
    proof: Mapping[str, Any] | None
    at: datetime


def waits_since(upgrade: Upgrade) -> datetime:
    """The burn; the last change of one that is not proven."""
    return upgrade.burned_at or upgrade.updated_at


def is_stuck(upgrade: Upgrade, now: datetime) -> bool:
    """Whether somebody should look: it waits longer than any healthy upgrade does."""
    is_waiting = upgrade.status in WAITING or upgrade.status is Status.UNDER_REVIEW
    return is_waiting and now - waits_since(upgrade) >= STUCK_AFTER


def people(upgrades: Upgrades, reviews: Reviews, now: datetime) -> People:
    """At most `MOST_COUNTED` per shard, and as many under review."""
    due = [
        upgrade
        for shard in range(DUE_SHARDS)
        for upgrade in upgrades.due(before=now + EVER, limit=MOST_COUNTED, shard=shard)
    ]
    held = reviews.held(besides=[upgrade.id for upgrade in due], limit=MOST_COUNTED)
    waiting = [*held, *(upgrade for upgrade in due if upgrade.status in WAITING)]
    waiting.sort(key=_place)
    return People(waiting, now)


def backlog(upgrades: Upgrades, now: datetime) -> Backlog:
    """Counted up to `MOST_COUNTED`; the oldest is the oldest of all."""
    late = upgrades.unpublished(before=now, limit=MOST_COUNTED)
    return Backlog(len(late), _oldest((event.occurred_at for event in late), now))


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """Reads, and changes nothing."""

    upgrades: Upgrades
    reading: Reading
    reviews: Reviews
    chain: Chain
    signer: Signer
    switch: Switch
    journal: Journal
    instruments: Instruments
    clock: Clock

    def overview(self) -> Overview:
        """StorageUnavailable when the tables do not answer: then nothing is known."""
        now = self.clock.now()
        wallet = _unless_away(self.signer.address)
        return Overview(
            at=now,
            paused=self.switch.paused(),
            wallet=wallet,
            lamports=_unless_away(lambda: self.chain.balance(wallet)) if wallet else None,
            active=self.upgrades.count_active(at_most=DUE_SHARDS * MOST_COUNTED),
            people=people(self.upgrades, self.reviews, now),
            backlog=backlog(self.upgrades, now),
            readings=self.instruments.read(),
        )

    def waiting(self, *, limit: int, after: str | None) -> tuple[People, Sequence[Upgrade]]:
        """One page of those who wait, the longest wait first; `after`: the last one seen, which may
        have gone on meanwhile. ValueError when that is none of ours."""
        now = self.clock.now()
        found = people(self.upgrades, self.reviews, now)
        if after is None:
            return found, found.waiting[:limit]
        last = self.upgrades.get(after)
        if last is None:
            raise ValueError(after)
        rest = [each for each in found.waiting if _place(each) > _place(last)]
        return found, rest[:limit]

    def case(self, upgrade_id: str) -> Case:
        """NotFound when there is no such upgrade."""
        upgrade = self.reading.upgrade(upgrade_id)
        events = self.upgrades.events(upgrade_id)
        proofs = [event.data["proof"] for event in events if "proof" in event.data]
        return Case(
            upgrade=upgrade,
            events=events,
            attempts=self.upgrades.attempts(upgrade_id),
            proof=proofs[-1] if proofs else None,
            at=self.clock.now(),
        )

    def entries(self, *, limit: int, before: int | None) -> tuple[Sequence[JournalEntry], bool]:
        """One page of the journal, newest first, and whether it is unbroken."""
        found = self.journal.latest(limit=limit, before=before)
        return found, is_sound(found)


def _place(upgrade: Upgrade) -> tuple[datetime, str]:
    return waits_since(upgrade), upgrade.id


def _unless_away(ask: Callable[[], T]) -> T | None:
    try:
        return ask()
    except UpgradeError:
        return None


def _oldest(moments: Iterable[datetime], now: datetime) -> float:
    return max(((now - moment).total_seconds() for moment in moments), default=0.0)
