"""The storage ports in memory: full implementations that hold state, one lock around each.

`tests/contracts` runs the same suites on these and on DynamoDB.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from nft_upgrade.domain.errors import (
    AlreadyOwnsNft,
    AlreadyRedeemed,
    BurnAlreadyUsed,
    NftLocked,
    StorageUnavailable,
    UpgradeActive,
    UpgradeError,
    VersionConflict,
)
from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.domain.levels import Qualification
from nft_upgrade.domain.nft import Nft
from nft_upgrade.domain.upgrade import Lock, LockKind, NftChange, Status, Transition, Upgrade
from nft_upgrade.ports import DUE_SHARDS, JsonObject, MintAttempt, Page, TicketGrant

_REFUSALS: dict[LockKind, Callable[[str], UpgradeError]] = {
    LockKind.USER: lambda holder: UpgradeActive("active", upgradeRequestId=holder),
    LockKind.NFT: lambda _: NftLocked("locked"),
    LockKind.BURN: lambda _: AlreadyRedeemed("redeemed"),
    LockKind.SIGNATURE: lambda _: BurnAlreadyUsed("used"),
    LockKind.OWNER: lambda _: AlreadyOwnsNft("owned"),
    LockKind.CLAIM: lambda _: AlreadyRedeemed("claimed"),
}


class FakeStore:
    """What `FakeUpgrades` and `FakeNfts` share, as the tables are shared.

    `fail_next` makes the next calls raise StorageUnavailable: True before anything is written,
    False after (the answer is lost).
    """

    def __init__(self) -> None:
        self.mutex = threading.RLock()
        self.upgrades: dict[str, Upgrade] = {}
        self.events: dict[str, list[UpgradeEvent]] = {}
        self.published: set[str] = set()
        self.held: dict[str, tuple[datetime, str, int]] = {}
        self.locks: dict[str, Lock] = {}
        self.attempts: dict[str, list[MintAttempt]] = {}
        self.nfts: dict[str, Nft] = {}
        self.fail_next: list[bool] = []

    @contextmanager
    def writing(self) -> Iterator[None]:
        with self.mutex:
            is_before = self.fail_next.pop(0) if self.fail_next else None
            if is_before:
                raise StorageUnavailable("the write was lost")
            yield
            if is_before is False:
                raise StorageUnavailable("the answer was lost")

    def require_free(self, lock: Lock) -> None:
        taken = self.locks.get(lock.item)
        if taken is not None and taken.holder != lock.holder:
            raise _REFUSALS[lock.kind](taken.holder)

    def require_unmoved(self, change: NftChange) -> None:
        row = self.nfts.get(change.after.mint)
        if (row and row.version) != (change.before and change.before.version):
            raise VersionConflict("the registry row moved")


class FakeUpgrades:
    """`Upgrades`; supports `id in fake`, `len(fake)` and `fake[id]`."""

    def __init__(self, store: FakeStore | None = None) -> None:
        self.store = store or FakeStore()

    def __contains__(self, upgrade_id: object) -> bool:
        return upgrade_id in self.store.upgrades

    def __len__(self) -> int:
        return len(self.store.upgrades)

    def __getitem__(self, upgrade_id: str) -> Upgrade:
        return self.store.upgrades[upgrade_id]

    def get(self, upgrade_id: str) -> Upgrade | None:
        with self.store.mutex:
            return self.store.upgrades.get(upgrade_id)

    def get_many(self, upgrade_ids: Sequence[str]) -> Mapping[str, Upgrade]:
        found = {each: self.get(each) for each in upgrade_ids}
        return {each: upgrade for each, upgrade in found.items() if upgrade}

    def commit(self, transition: Transition) -> None:
        with self.store.writing():
            event = transition.event
            if any(
                known.hash == event.hash for known in self.store.events.get(event.upgrade_id, ())
            ):
                return
            self._check(transition)
            self._write(transition)

    def events(self, upgrade_id: str, *, after: int = 0) -> Sequence[UpgradeEvent]:
        with self.store.mutex:
            return [e for e in self.store.events.get(upgrade_id, ()) if e.sequence > after]

    def of_user(
        self, user_id: str, *, status: Status | None, limit: int, cursor: str | None
    ) -> Page:
        with self.store.mutex:
            own = [u for u in self.store.upgrades.values() if u.user_id == user_id]
            own.sort(key=lambda upgrade: (upgrade.created_at, upgrade.id), reverse=True)
            if cursor is not None:
                place = [upgrade.id for upgrade in own].index(cursor)  # ValueError when unknown
                own = own[place + 1 :]
            found = [u for u in own if status is None or u.status is status]
        return Page(found[:limit], found[limit - 1].id if len(found) > limit else None)

    def lock(self, kind: LockKind, name: str) -> Lock | None:
        with self.store.mutex:
            return self.store.locks.get(Lock(kind, name, "").item)

    def locks(self, wanted: Sequence[tuple[LockKind, str]]) -> Sequence[Lock | None]:
        with self.store.mutex:
            return [self.store.locks.get(Lock(kind, name, "").item) for kind, name in wanted]

    def count_active(self, *, at_most: int) -> int:
        with self.store.mutex:
            return min(at_most, sum(u.is_active for u in self.store.upgrades.values()))

    def due(self, *, before: datetime, limit: int, shard: int = 0) -> Sequence[Upgrade]:
        with self.store.mutex:
            waiting = [(u.due_at, u.id, u) for u in self.store.upgrades.values() if u.due_at]
        due = [w for w in waiting if w[0] <= before and _shard(w[1]) == shard]
        return [upgrade for _, _, upgrade in sorted(due, key=lambda w: w[:2])][:limit]

    def queued(self, *, limit: int, cursor: str | None) -> tuple[Sequence[Upgrade], str | None]:
        with self.store.mutex:
            waiting = sorted(
                (f"{_shard(u.id)} {u.due_at.isoformat()} {u.id}", u)
                for u in self.store.upgrades.values()
                if u.due_at
            )
        if cursor is not None and not cursor[:1].isdigit():
            raise ValueError("not a cursor of ours")
        rest = [(place, upgrade) for place, upgrade in waiting if cursor is None or place > cursor]
        page = rest[:limit]
        return [upgrade for _, upgrade in page], page[-1][0] if len(rest) > limit else None

    def note(self, before: Upgrade, after: Upgrade) -> None:
        with self.store.writing():
            now = self.store.upgrades.get(before.id)
            if now is None:
                raise VersionConflict("no such upgrade")
            names = ("run", "due_at", "claimed_height", "submitted")
            changes: dict[str, Any] = {
                name: getattr(after, name)
                for name in names
                if getattr(after, name) != getattr(before, name)
            }
            noted = replace(now, **changes)
            is_unmoved = (now.version, now.run) == (before.version, before.run)
            if not is_unmoved and now != noted:
                raise VersionConflict("the upgrade moved")
            self.store.upgrades[before.id] = noted

    def attempts(self, upgrade_id: str) -> Sequence[MintAttempt]:
        with self.store.mutex:
            written = self.store.attempts.get(upgrade_id, [])
            return sorted(written, key=lambda attempt: attempt.number)

    def add_attempt(self, attempt: MintAttempt) -> None:
        with self.store.writing():
            written = self.store.attempts.setdefault(attempt.upgrade_id, [])
            same = [known for known in written if known.number == attempt.number]
            if not same:
                written.append(attempt)
            elif same[0].message != attempt.message:
                raise VersionConflict("another attempt has this number")

    def sign_attempt(self, attempt: MintAttempt, signature: bytes) -> MintAttempt:
        with self.store.writing():
            written = self.store.attempts.get(attempt.upgrade_id, [])
            for place, known in enumerate(written):
                is_this = (known.number, known.message) == (attempt.number, attempt.message)
                if is_this and known.signature in (None, signature):
                    written[place] = replace(known, signature=signature)
                    return replace(attempt, signature=signature)
            raise VersionConflict("another attempt, or signed otherwise")

    def unpublished(self, *, before: datetime, limit: int) -> Sequence[UpgradeEvent]:
        with self.store.mutex:
            waiting = [
                event
                for history in self.store.events.values()
                for event in history
                if event.event_id not in self.store.published
                and event.event_id not in self.store.held
                and event.occurred_at < before
            ]
        return sorted(waiting, key=lambda e: (e.occurred_at, e.upgrade_id, e.sequence))[:limit]

    def mark_published(self, event: UpgradeEvent, *, at: datetime) -> None:
        with self.store.writing():
            self.store.published.add(event.event_id)
            self.store.held.pop(event.event_id, None)

    def hold_back(self, event: UpgradeEvent, *, at: datetime) -> None:
        with self.store.writing():
            if event.event_id not in self.store.published:
                self.store.held[event.event_id] = (at, event.upgrade_id, event.sequence)

    def held_back(self, *, limit: int) -> Sequence[UpgradeEvent]:
        with self.store.mutex:
            oldest = sorted(self.store.held.values())[:limit]
            return [self.store.events[id_][sequence - 1] for _, id_, sequence in oldest]

    def _check(self, transition: Transition) -> None:
        for lock in transition.takes:
            self.store.require_free(lock)
        before, now = transition.before, self.store.upgrades.get(transition.after.id)
        for lock in transition.moves:
            held = self.store.locks.get(lock.item)
            assert before is not None
            if held is None or held.holder not in (before.nft_id, lock.holder):
                raise VersionConflict("the owner's lock moved")
        if _place(before) != _place(now):
            raise VersionConflict("the upgrade moved")
        for change in transition.nfts:
            self.store.require_unmoved(change)
        if len(self.store.events.get(transition.after.id, ())) != transition.event.sequence - 1:
            raise VersionConflict("another event has this place")

    def _write(self, transition: Transition) -> None:
        after, now = transition.after, self.store.upgrades.get(transition.after.id)
        if transition.before is not None and now is not None:
            # Only what the transition changes: bookkeeping noted meanwhile stays.
            if after.claimed_height == transition.before.claimed_height:
                after = replace(after, claimed_height=now.claimed_height)
            if after.due_at == transition.before.due_at:
                after = replace(after, due_at=now.due_at)
            if after.submitted == transition.before.submitted:
                after = replace(after, submitted=now.submitted)
        self.store.upgrades[after.id] = after
        self.store.events.setdefault(after.id, []).append(transition.event)
        for lock in (*transition.takes, *transition.moves):
            self.store.locks[lock.item] = lock
        for lock in transition.releases:
            if self.store.locks.get(lock.item) == lock:
                del self.store.locks[lock.item]
        for change in transition.nfts:
            self.store.nfts[change.after.mint] = change.after


class FakeNfts:
    """`Nfts`; supports `mint in fake`, `len(fake)` and `fake[mint]`."""

    def __init__(self, store: FakeStore | None = None) -> None:
        self.store = store or FakeStore()

    def __contains__(self, mint: object) -> bool:
        return mint in self.store.nfts

    def __len__(self) -> int:
        return len(self.store.nfts)

    def __getitem__(self, mint: str) -> Nft:
        return self.store.nfts[mint]

    def get(self, mint: str) -> Nft | None:
        with self.store.mutex:
            return self.store.nfts.get(mint)

    def owned_by(self, owner: str) -> Sequence[Nft]:
        with self.store.mutex:
            owned = [nft for nft in self.store.nfts.values() if nft.owner == owner]
        return sorted(owned, key=lambda nft: nft.updated_at, reverse=True)

    def take(self, locks: Sequence[Lock]) -> None:
        with self.store.writing():
            for lock in locks:
                self.store.require_free(lock)
            self.store.locks.update({lock.item: lock for lock in locks})

    def register(self, nft: Nft, *, takes: Sequence[Lock]) -> None:
        with self.store.writing():
            for lock in takes:
                self.store.require_free(lock)
            if nft.mint not in self.store.nfts:
                self.store.nfts[nft.mint] = nft
                self.store.locks.update({lock.item: lock for lock in takes})

    def change(
        self, change: NftChange, *, takes: Sequence[Lock] = (), releases: Sequence[Lock] = ()
    ) -> None:
        with self.store.writing():
            for lock in takes:
                self.store.require_free(lock)
            self.store.require_unmoved(change)
            self.store.nfts[change.after.mint] = change.after
            self.store.locks.update({lock.item: lock for lock in takes})
            for lock in releases:
                if self.store.locks.get(lock.item) == lock:
                    del self.store.locks[lock.item]

    def all(self, *, limit: int, cursor: str | None) -> tuple[Sequence[Nft], str | None]:
        with self.store.mutex:
            mints = sorted(self.store.nfts)
            start = mints.index(cursor) + 1 if cursor else 0
            page = mints[start : start + limit]
            rest = mints[start + limit :]
            return [self.store.nfts[mint] for mint in page], page[-1] if rest else None


class FakeChallenges:
    """`Challenges`."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._open: dict[str, tuple[JsonObject, datetime]] = {}

    def __len__(self) -> int:
        return len(self._open)

    def put(self, nonce: str, fields: JsonObject, *, expires_at: datetime) -> None:
        with self._mutex:
            self._open[nonce] = dict(fields), expires_at

    def take(self, nonce: str, *, at: datetime) -> JsonObject | None:
        with self._mutex:
            fields, expires_at = self._open.pop(nonce, ({}, at))
        return fields if at < expires_at else None


class FakeTickets:
    """`Tickets`."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._grants: dict[str, TicketGrant] = {}
        self._opened: set[str] = set()

    def __len__(self) -> int:
        return len(self._grants)

    def put(self, ticket_hash: str, grant: TicketGrant) -> None:
        with self._mutex:
            self._grants[ticket_hash] = grant

    def redeem(
        self, ticket_hash: str, *, upgrade_id: str, is_reconnect: bool, at: datetime
    ) -> TicketGrant | None:
        with self._mutex:
            grant = self._grants.get(ticket_hash)
            if grant is None or grant.upgrade_id != upgrade_id:
                return None
            was_opened = ticket_hash in self._opened
            end = grant.session_expires_at if is_reconnect else grant.expires_at
            if was_opened is not is_reconnect or at >= end:
                return None
            self._opened.add(ticket_hash)
            return grant


class FakeRateLimiter:
    """`RateLimiter`."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._calls: dict[tuple[str, timedelta, int], int] = {}

    def hit(self, name: str, *, limit: int, window: timedelta, at: datetime) -> timedelta | None:
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        number = (at - epoch) // window
        with self._mutex:
            calls = self._calls.get((name, window, number), 0) + 1
            self._calls[name, window, number] = calls
        return None if calls <= limit else epoch + (number + 1) * window - at


class FakeBookmarks:
    """`Bookmarks`."""

    def __init__(self) -> None:
        self._places: dict[str, str | None] = {}

    def get(self, name: str) -> str | None:
        return self._places.get(name)

    def put(self, name: str, place: str | None) -> None:
        self._places[name] = place


class FakeAlerts:
    """`Alerts`: remembers the calls, as (metric, facts)."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, str]]] = []

    def __contains__(self, metric: object) -> bool:
        return any(called == metric for called, _ in self.calls)

    def __len__(self) -> int:
        return len(self.calls)

    def call(self, metric: str, says: str, **facts: str) -> None:
        self.calls.append((metric, facts))


class FakeSwitch:
    """`Switch`."""

    def __init__(self) -> None:
        self._reason: str | None = None

    def paused(self) -> str | None:
        return self._reason

    def set_paused(self, reason: str | None, *, at: datetime) -> None:
        self._reason = reason


class FakeQualifications:
    """`Qualifications`, and `put` to say what a user has shown."""

    def __init__(self) -> None:
        self._shown: dict[str, Qualification] = {}

    def of(self, user_id: str) -> Qualification:
        return self._shown.get(user_id, Qualification(0, 0))

    def put(self, user_id: str, qualification: Qualification) -> None:
        self._shown[user_id] = qualification


class FakeWorkflow:
    """`Workflow`: remembers what was started; `finish` ends an execution, `is_down` refuses all."""

    def __init__(self) -> None:
        self.started: list[tuple[str, int]] = []
        self.running: set[tuple[str, int]] = set()
        self.is_down = False

    def __contains__(self, execution: object) -> bool:
        return execution in self.started

    def __len__(self) -> int:
        return len(self.started)

    def start(self, upgrade_id: str, run: int) -> None:
        if self.is_down:
            raise StorageUnavailable("the workflow service does not answer")
        if (upgrade_id, run) not in self.started:
            self.started.append((upgrade_id, run))
            self.running.add((upgrade_id, run))

    def is_running(self, upgrade_id: str, run: int) -> bool:
        return (upgrade_id, run) in self.running

    def finish(self, upgrade_id: str, run: int) -> None:
        self.running.discard((upgrade_id, run))


class FakeClock:
    """`Clock`: stands still until it is moved; sleeping moves it."""

    def __init__(self, now: datetime | None = None) -> None:
        self._now = now or datetime(2026, 11, 1, 12, tzinfo=UTC)
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self._now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._now += timedelta(seconds=seconds)

    def advance(self, **duration: float) -> datetime:
        """Move on by a duration given as for `timedelta`; the new time."""
        self._now += timedelta(**duration)
        return self._now

    def set(self, now: datetime) -> None:
        self._now = now


class FakeIds:
    """`Ids`: 26 characters that count up."""

    def __init__(self) -> None:
        self._count = 0
        self._mutex = threading.Lock()

    def new(self) -> str:
        with self._mutex:
            self._count += 1
            return f"01{self._count:024d}"


def _place(upgrade: Upgrade | None) -> Any:
    return upgrade and (upgrade.version, upgrade.status, upgrade.run)


def _shard(upgrade_id: str) -> int:
    return sum(upgrade_id.encode()) % DUE_SHARDS
