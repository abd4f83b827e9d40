"""Nobody is forgotten: what streams, executions and browsers missed is found and carried on.

Bounded work per run; what is left over comes first in the next one. One request's fault never
keeps the others waiting.
"""

from collections.abc import Callable, Container, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from nft_upgrade.domain.burn import BurnProof, ObservedMint, Verdict
from nft_upgrade.domain.errors import ProvidersDisagree, UpgradeError
from nft_upgrade.domain.upgrade import (
    LATE_BURN_WATCH,
    STEP_PATIENCE,
    WATCH_INTERVAL,
    Status,
    Upgrade,
)
from nft_upgrade.ports import DUE_SHARDS, Bookmarks, Chain, Clock, Publisher, Upgrades, Workflow
from nft_upgrade.use_cases.burn_search import (
    SIGNATURES_ASKED_FOR,
    SIGNATURES_LOOKED_AT,
    from_both_ends,
    is_burn_by_other_owner,
)
from nft_upgrade.use_cases.burning import DISAGREEMENT, Burning
from nft_upgrade.use_cases.comparing import Comparing
from nft_upgrade.use_cases.ending import Ending
from nft_upgrade.use_cases.minting import Minting
from nft_upgrade.use_cases.reviewing import refused_signatures

STREAM_PATIENCE = timedelta(seconds=60)
"""How long the stream may take to publish an event before the sweep does."""
LATE_BURN_HORIZON = timedelta(days=1)
"""How long a given-up request's mint is watched; later burns are honoured when confirmed."""
MINTS_PER_CALL = 100
"""What getMultipleAccounts takes."""
WALK = "walk"
"""The bookmark of the round over open requests."""
WATCHED = frozenset({Status.INITIATED, Status.CANCELLED, Status.EXPIRED})
"""Statuses in which a burn may happen that nobody confirms."""


@dataclass(slots=True)
class SweepReport:
    """What one run did; `faults` names upgrades (with the error) that are looked at again."""

    published: int = 0
    watched: int = 0
    walked: int = 0
    found_burns: int = 0
    expired: int = 0
    driven: int = 0
    compared: int = 0
    repaired: list[str] = field(default_factory=list)
    paged: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweeping:
    """The scheduled run.

    An open request costs one bookkeeping write in its life; after its first look it is watched in
    passing, by reading alone. `seconds` and `per_outbox` bound a run's work: less than the minute
    until the next one, so that runs do not pile up. `per_shard`: requests read at once. `parallel`:
    bookkeeping writes, or RPC questions of the walk, at a time.
    """

    upgrades: Upgrades
    chain: Chain
    burning: Burning
    ending: Ending
    minting: Minting
    workflow: Workflow
    publisher: Publisher
    comparing: Comparing
    bookmarks: Bookmarks
    clock: Clock
    per_shard: int = 1_000
    per_outbox: int = 500
    seconds: float = 45.0
    parallel: int = 8

    def run(self) -> SweepReport:
        """Publish what is overdue, look at every request that is due, compare some of the registry.

        Whoever has burned comes before those who have not.
        """
        report = SweepReport()
        ends = self.clock.now() + timedelta(seconds=self.seconds)
        self._guarded("outbox", report, partial(self._publish, report))
        seen: set[str] = set()
        with ThreadPoolExecutor(self.parallel) as workers:
            while self.clock.now() < ends:
                # The index lags: what was looked at a moment ago may still be in it.
                due = [upgrade for upgrade in self._due() if upgrade.id not in seen]
                if not due:
                    break
                seen.update(upgrade.id for upgrade in due)
                self._look_at(due, ends, workers, report)
            self._guarded("walk", report, partial(self._walk, ends, workers, report))
        self._guarded("compare", report, partial(self._compare, report))
        return report

    def _look_at(
        self, due: Sequence[Upgrade], ends: datetime, workers: Executor, report: SweepReport
    ) -> None:
        for upgrade in due:
            if upgrade.status not in WATCHED and self.clock.now() < ends:
                self._attended(upgrade, report, partial(self._drive, upgrade, report))
        watched = [upgrade for upgrade in due if upgrade.status in WATCHED]
        for start in range(0, len(watched), MINTS_PER_CALL):
            if self.clock.now() >= ends:
                return
            batch = watched[start : start + MINTS_PER_CALL]
            self._guarded("watch", report, partial(self._watch, batch, workers, report))

    # --- the outbox --------------------------------------------------------------------------

    def _publish(self, report: SweepReport) -> None:
        """Events that the stream missed, for example in an outage longer than its 24 hours."""
        before = self.clock.now() - STREAM_PATIENCE
        events = self.upgrades.unpublished(before=before, limit=self.per_outbox)
        results = self.publisher.publish(events) if events else {}
        for event in events:
            error = results.get(event.event_id, "not sent")
            if error is None:
                self.upgrades.mark_published(event, at=self.clock.now())
                report.published += 1
            else:
                report.faults.append(f"{event.event_id}: {error}")

    # --- burns that nobody confirmed ---------------------------------------------------------

    def _watch(self, batch: Sequence[Upgrade], workers: Executor, report: SweepReport) -> None:
        mints = self._mints(batch)
        report.watched += len(batch)
        quiet = []
        for upgrade, mint in zip(batch, mints, strict=True):
            if mint.supply == 1 and not self._is_over(upgrade):
                quiet.append(upgrade)
            else:
                self._attended(upgrade, report, partial(self._look_at_mint, upgrade, mint, report))
        report.faults += [fault for fault in workers.map(self._pass_over, quiet) if fault]

    def _pass_over(self, upgrade: Upgrade) -> str | None:
        """Not burned, and its time is not over: look again later. The fault, if there is one."""
        report = SweepReport()
        look_again = partial(self._look_again, upgrade, self._next_watch(upgrade))
        self._guarded(upgrade.id, report, look_again)
        return report.faults[0] if report.faults else None

    def _is_over(self, upgrade: Upgrade) -> bool:
        return upgrade.status is Status.INITIATED and upgrade.expires_at <= self.clock.now()

    def _look_at_mint(self, upgrade: Upgrade, mint: ObservedMint, report: SweepReport) -> None:
        if (not mint.exists or mint.supply == 0) and self._take_up_burn(upgrade):
            report.found_burns += 1
        elif self._is_over(upgrade):
            self.ending.expire(upgrade)
            report.expired += 1
        elif upgrade.status is Status.INITIATED and mint.supply != 1:
            self._look_again(upgrade, self.clock.now() + WATCH_INTERVAL)
        else:
            self._look_again(upgrade, self._next_watch(upgrade))

    def _take_up_burn(self, upgrade: Upgrade) -> bool:
        """The same path as a confirmation, with the signature taken from the mint's history.

        A proven burn counts before anything that only a human may accept, and that before what an
        operator refused: strangers can add transactions.
        """
        asked = self.chain.signatures_for(upgrade.nft_id, limit=SIGNATURES_ASKED_FOR)
        others = []
        for signature in from_both_ends(asked)[:SIGNATURES_LOOKED_AT]:
            proof = self.burning.examine(upgrade, signature)
            if proof.verdict is Verdict.PROVEN:
                self.burning.prove(upgrade, proof)
                return True
            others.append(proof)
        refused = self._refused(upgrade, others)
        others.sort(key=lambda proof: proof.signature in refused)
        return any(self._decide_on(upgrade, proof, refused) for proof in others)

    def _decide_on(self, upgrade: Upgrade, proof: BurnProof, refused: Container[str]) -> bool:
        """Whether this transaction, which proves no burn, was acted upon all the same."""
        if proof.verdict is Verdict.PENDING:
            self.burning.alert(upgrade, proof)
            return False
        if upgrade.status is not Status.INITIATED:
            return False
        if proof.signature in refused:
            self.ending.end_for_refused_burn(upgrade, proof)
        elif proof.verdict is Verdict.UNDER_REVIEW:
            # Claimed, so that the workflow puts it under review: only a human may accept it.
            self.burning.claim(upgrade, proof.signature)
        elif is_burn_by_other_owner(proof):
            self.ending.end_for_other_owner(upgrade, proof)
        else:
            return False
        return True

    def _refused(self, upgrade: Upgrade, proofs: Sequence[BurnProof]) -> frozenset[str]:
        """Which of them an operator refused; the history is read only when there may be some."""
        held = {each.signature for each in proofs if each.verdict is Verdict.UNDER_REVIEW}
        return refused_signatures(self.upgrades, upgrade) & held if held else frozenset()

    def _next_watch(self, upgrade: Upgrade) -> datetime | None:
        """Open requests when their time is over, until which they are watched in passing (`_walk`);
        given-up ones ever more rarely, then no more."""
        now = self.clock.now()
        if upgrade.status is Status.INITIATED:
            return max(upgrade.expires_at, now + WATCH_INTERVAL)
        age = now - upgrade.updated_at
        return now + max(age, LATE_BURN_WATCH) if age < LATE_BURN_HORIZON else None

    def _walk(self, ends: datetime, workers: Executor, report: SweepReport) -> None:
        """Open requests that are not due: only their mints are looked at, and nothing is written
        while nothing happens. One round per run at most, from where the last run stopped."""
        place = self.bookmarks.get(WALK)
        while self.clock.now() < ends:
            page, place = self._queued(place)
            waiting = [upgrade for upgrade in page if _is_watched_in_passing(upgrade)]
            batches = [
                waiting[start : start + MINTS_PER_CALL]
                for start in range(0, len(waiting), MINTS_PER_CALL)
            ]
            for batch, mints in zip(batches, workers.map(self._mints, batches), strict=True):
                report.walked += len(batch)
                for upgrade, mint in zip(batch, mints, strict=True):
                    if mint.supply != 1:
                        self._attended(upgrade, report, partial(self._meet, upgrade, mint, report))
            self.bookmarks.put(WALK, place)
            if place is None:
                return

    def _queued(self, place: str | None) -> tuple[Sequence[Upgrade], str | None]:
        try:
            return self.upgrades.queued(limit=self.per_shard, cursor=place)
        except ValueError:  # Not a place of this index any more: begin anew.
            return self.upgrades.queued(limit=self.per_shard, cursor=None)

    def _mints(self, batch: Sequence[Upgrade]) -> Sequence[ObservedMint]:
        return self.chain.mints([upgrade.nft_id for upgrade in batch], commitment="finalized")

    def _meet(self, seen: Upgrade, mint: ObservedMint, report: SweepReport) -> None:
        """The index lags: it may have been confirmed, or looked at, a moment ago."""
        upgrade = self.upgrades.get(seen.id)
        if upgrade is not None and upgrade.status is Status.INITIATED:
            self._look_at_mint(upgrade, mint, report)

    # --- executions that died ----------------------------------------------------------------

    def _drive(self, upgrade: Upgrade, report: SweepReport) -> None:
        if upgrade.status is Status.FAILED_RETRYABLE:
            self.minting.try_again(upgrade)
        elif self.workflow.is_running(upgrade.id, upgrade.run):
            self._look_again(upgrade, self.clock.now() + STEP_PATIENCE)
            return
        else:
            again = upgrade.run_again(at=self.clock.now())
            self.upgrades.note(upgrade, again)
            self.burning.start(again)
        report.driven += 1

    # --- registry, chain and requests ----------------------------------------------------------

    def _compare(self, report: SweepReport) -> None:
        """Last: whoever waits comes first."""
        compared = self.comparing.run()
        report.compared += compared.compared
        report.repaired += compared.repaired
        report.paged += compared.paged
        report.faults += compared.faults

    # --- how ---------------------------------------------------------------------------------

    def _due(self) -> Sequence[Upgrade]:
        now = self.clock.now()
        return [
            upgrade
            for shard in range(DUE_SHARDS)
            for upgrade in self.upgrades.due(before=now, limit=self.per_shard, shard=shard)
        ]

    def _look_again(self, upgrade: Upgrade, moment: datetime | None) -> None:
        self.upgrades.note(upgrade, upgrade.looked_at_again(moment))

    def _guarded(self, name: str, report: SweepReport, work: Callable[[], None]) -> bool:
        try:
            work()
        except UpgradeError as fault:
            report.faults.append(f"{name}: {type(fault).__name__}: {fault.detail}")
            if isinstance(fault, ProvidersDisagree):
                self.burning.alerts.call(DISAGREEMENT, fault.detail, about=name)
            return False
        return True

    def _attended(self, upgrade: Upgrade, report: SweepReport, work: Callable[[], None]) -> None:
        """What fails is put back in the queue: it must not stand before others for ever."""
        if not self._guarded(upgrade.id, report, work):
            later = partial(self._look_again, upgrade, self.clock.now() + WATCH_INTERVAL)
            self._guarded(upgrade.id, SweepReport(), later)


def _is_watched_in_passing(upgrade: Upgrade) -> bool:
    """Open, and its first look found nothing: due only when its time is over."""
    is_open = upgrade.status is Status.INITIATED
    return is_open and upgrade.due_at is not None and upgrade.due_at >= upgrade.expires_at
