"""Registry, chain and requests compared, row by row, for ever: some rows in every sweep.

Where the last run stopped is kept, so that a run that dies costs nothing but its own rows again. A
first look is cheap and may be a little old; before anything is repaired or a human is called,
everything is read again, and only what is then still wrong counts. Rows that changed a moment ago
are left to the next round.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from nft_upgrade.domain.burn import ObservedMint
from nft_upgrade.domain.comparison import (
    Decision,
    Facts,
    Heir,
    Held,
    Request,
    Rule,
    Supply,
    decide,
    kind_of,
)
from nft_upgrade.domain.errors import AlreadyOwnsNft, ProvidersDisagree, UpgradeError
from nft_upgrade.domain.nft import Nft, NftStatus
from nft_upgrade.domain.upgrade import Lock, LockKind, NftChange
from nft_upgrade.ports import Alerts, Bookmarks, Chain, Clock, NftProgram, Nfts, Upgrades

MISMATCH = "RegistryMismatches"
"""The metric behind the alarm; the log line beside it carries the rule's code."""
BOOKMARK = "comparison"
ROWS_PER_LOOK = 50
"""Two locks of each are read in one call of at most 100 items."""
SETTLING = timedelta(minutes=5)
"""How long a row that changed is left alone: nodes may lag behind what its change was made from."""


@dataclass(slots=True)
class CompareReport:
    """`repaired` and `paged` are `<mint>: <code>`; `faults` are looked at in the next round."""

    compared: int = 0
    repaired: list[str] = field(default_factory=list)
    paged: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Look:
    """One NFT's facts, and what a repair needs besides."""

    nft: Nft
    facts: Facts
    successor: str
    holder: str | None
    lock: Lock | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparing:
    """`rows_per_run` bounds a run's work; `token_program` owns every successor."""

    nfts: Nfts
    upgrades: Upgrades
    chain: Chain
    program: NftProgram
    bookmarks: Bookmarks
    alerts: Alerts
    clock: Clock
    token_program: str
    rows_per_run: int = 500

    def run(self) -> CompareReport:
        """The next rows, from where the last run stopped; after the last row, from the first."""
        report = CompareReport()
        place = self.bookmarks.get(BOOKMARK)
        for _ in range(0, self.rows_per_run, ROWS_PER_LOOK):
            page, place = self._page(place)
            self._compare(page, report)
            self.bookmarks.put(BOOKMARK, place)
            if place is None:
                break
        return report

    def _page(self, place: str | None) -> tuple[Sequence[Nft], str | None]:
        try:
            return self.nfts.all(limit=ROWS_PER_LOOK, cursor=place)
        except ValueError:  # Not a place of this table any more: begin anew.
            return self.nfts.all(limit=ROWS_PER_LOOK, cursor=None)

    def _compare(self, page: Sequence[Nft], report: CompareReport) -> None:
        settled = self.clock.now() - SETTLING
        rows = [nft for nft in page if nft.updated_at <= settled]
        if not rows:
            return
        try:
            looks = self._looks(rows, self.upgrades.locks)
        except UpgradeError as fault:
            report.faults.append(f"{rows[0].mint} and after: {type(fault).__name__}")
            return
        for look in looks:
            report.compared += 1
            if decide(look.facts).decision is not Decision.LEGAL:
                self._settle(look.nft.mint, report)

    def _settle(self, mint: str, report: CompareReport) -> None:
        """Look again, at everything; then repair or page."""
        try:
            nft = self.nfts.get(mint)
            if nft is None or nft.updated_at > self.clock.now() - SETTLING:
                return
            (look,) = self._looks([nft], self._strong_locks)
            rule = decide(look.facts)
            if rule.decision is Decision.PAGE:
                self._page_human(look, rule)
                report.paged.append(f"{mint}: {rule.code}")
            elif rule.decision is not Decision.LEGAL and self._repair(look, rule.decision):
                report.repaired.append(f"{mint}: {rule.code}")
        except UpgradeError as fault:
            report.faults.append(f"{mint}: {type(fault).__name__}: {fault.detail}")

    def _page_human(self, look: Look, rule: Rule) -> None:
        facts = look.facts
        self.alerts.call(
            MISMATCH,
            rule.means,
            code=rule.code,
            mint=look.nft.mint,
            registry=facts.registry.value,
            supply=facts.supply.value,
            redeemed=str(facts.redeemed),
            successor=f"{look.successor} {facts.heir.value}",
            request=facts.request.value if look.lock is None else look.lock.holder,
        )

    # --- looking -------------------------------------------------------------------------------

    def _looks(self, rows: Sequence[Nft], read_locks: "ReadLocks") -> Sequence[Look]:
        mints = self._mints([nft.mint for nft in rows])
        heirs = self._mints([self._successor(nft) for nft in rows])
        locks = read_locks(
            [(kind, nft.mint) for kind in (LockKind.BURN, LockKind.NFT) for nft in rows]
        )
        burns, holds = locks[: len(rows)], locks[len(rows) :]
        holders = self._holders([nft for nft, m in zip(rows, mints, strict=True) if m.supply == 1])
        looks = []
        for nft, mint, heir, burn, hold in zip(rows, mints, heirs, burns, holds, strict=True):
            holder = holders.get(nft.mint, nft.owner)
            facts = Facts(
                registry=nft.status,
                supply=_supply(mint),
                redeemed=burn is not None,
                heir=_heir(heir, self.token_program),
                request=self._request(hold),
                held=_held(nft, holder),
            )
            looks.append(Look(nft, facts, heir.address, holder, hold))
        return looks

    def _holders(self, living: Sequence[Nft]) -> Mapping[str, str | None]:
        """By mint. Nearly all are where the registry says, which one call tells for all of them."""
        at_home = self.chain.held(living)
        return {
            nft.mint: nft.owner if is_home else self._holder(nft)
            for nft, is_home in zip(living, at_home, strict=True)
        }

    def _mints(self, addresses: Sequence[str]) -> Sequence[ObservedMint]:
        """ProvidersDisagree about any of them: nothing is decided by it."""
        seen = self.chain.mints(addresses, commitment="finalized")
        unsure = [mint.address for mint in seen if not mint.agreed]
        if unsure:
            raise ProvidersDisagree(f"RPC providers contradict each other about {unsure}")
        return seen

    def _successor(self, nft: Nft) -> str:
        return self.program.successor_address(
            mint_base=nft.mint_base, predecessor=nft.mint, token_program=self.token_program
        )

    def _holder(self, nft: Nft) -> str | None:
        holder = self.chain.holder(nft.mint)
        return holder.owner if holder else None

    def _request(self, hold: Lock | None) -> Request:
        return Request.NONE if hold is None else kind_of(self.upgrades.get(hold.holder))

    def _strong_locks(self, wanted: Sequence[tuple[LockKind, str]]) -> Sequence[Lock | None]:
        return [self.upgrades.lock(kind, name) for kind, name in wanted]

    # --- repairing -----------------------------------------------------------------------------

    def _repair(self, look: Look, decision: Decision) -> bool:
        """One transaction, if the row is still as it was looked at; else VersionConflict. False:
        there was nothing to repair."""
        nft, now = look.nft, self.clock.now()
        match decision:
            case Decision.FREE_ROW:
                self.nfts.change(NftChange(nft, nft.moved_to(NftStatus.ACTIVE, at=now)))
            case Decision.HOLD_ROW:
                self.nfts.change(NftChange(nft, nft.moved_to(NftStatus.UPGRADING, at=now)))
            case Decision.MARK_BURNED:
                burned = nft.burned(
                    successor=look.successor, burn_signature=self._burn_signature(nft), at=now
                )
                self.nfts.change(NftChange(nft, burned))
            case Decision.RELEASE_LOCK:
                # The row moves along: a late burn that takes the lock again moves it too.
                same = replace(nft, version=nft.version + 1, updated_at=now)
                self.nfts.change(NftChange(nft, same), releases=[look.lock] if look.lock else [])
            case Decision.FOLLOW_HOLDER:
                self._follow(nft, look.holder or nft.owner)
            case Decision.FREE_OWNER:
                return self._free_owner(nft)
            case _:
                raise ValueError(f"{decision} is no repair")
        return True

    def _free_owner(self, nft: Nft) -> bool:
        lock = self.upgrades.lock(LockKind.OWNER, nft.owner)
        if lock is None or lock.holder != nft.mint:
            return False
        same = replace(nft, version=nft.version + 1, updated_at=self.clock.now())
        self.nfts.change(NftChange(nft, same), releases=[lock])
        return True

    def _burn_signature(self, nft: Nft) -> str | None:
        """As the request that redeemed it knows it; None when that is lost."""
        lock = self.upgrades.lock(LockKind.BURN, nft.mint)
        upgrade = self.upgrades.get(lock.holder) if lock else None
        return upgrade.burn_signature if upgrade else nft.burn_signature

    def _follow(self, nft: Nft, holder: str) -> None:
        """The lock goes along unless the holder has an active NFT already: that one keeps it."""
        moved = nft.moved_to(nft.status, at=self.clock.now(), owner=holder)
        left = [Lock(LockKind.OWNER, nft.owner, nft.mint)]
        try:
            taken = [Lock(LockKind.OWNER, holder, nft.mint)]
            self.nfts.change(NftChange(nft, moved), takes=taken, releases=left)
        except AlreadyOwnsNft:
            self.nfts.change(NftChange(nft, moved), releases=left)


ReadLocks = Callable[[Sequence[tuple[LockKind, str]]], Sequence[Lock | None]]


def _supply(mint: ObservedMint) -> Supply:
    if not mint.exists:
        return Supply.MISSING
    return {0: Supply.ZERO, 1: Supply.ONE}.get(mint.supply, Supply.OTHER)


def _heir(mint: ObservedMint, token_program: str) -> Heir:
    if not mint.exists:
        return Heir.ABSENT
    as_ours: tuple[Any, ...] = (token_program, 0, None, None)
    shown = (mint.token_program, mint.decimals, mint.mint_authority, mint.freeze_authority)
    return Heir.PRESENT if shown == as_ours and mint.supply in (0, 1) else Heir.ODD


def _held(nft: Nft, holder: str | None) -> Held:
    if holder is None:
        return Held.NOBODY
    return Held.OWNER if holder == nft.owner else Held.OTHER
