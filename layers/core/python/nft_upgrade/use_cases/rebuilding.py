"""The registry and its permanent marks, made again from the chain (chain.md section 2).

What the chain proves is written where nothing is; what is there and differs is repaired only where
the chain's word is newer for certain, and otherwise shown. Every write is conditional and stands
alone, so a run that broke off, or met another writer, is simply run again.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta

from nft_upgrade.domain.descent import Descent, Expected, Refusal, Traced, trace
from nft_upgrade.domain.errors import UpgradeError
from nft_upgrade.domain.nft import Nft, NftStatus
from nft_upgrade.domain.nft_account import Creation, NftAccount
from nft_upgrade.domain.upgrade import BURNED, Lock, LockKind, NftChange, Upgrade
from nft_upgrade.ports import DUE_SHARDS, Chain, Clock, MintOrder, NftProgram, Nfts, Upgrades
from nft_upgrade.use_cases.burn_search import find_burn
from nft_upgrade.use_cases.policy import Policy
from nft_upgrade.use_cases.scanning import Scanning

ACCOUNTS_PER_CALL = 100
EVER = timedelta(days=36_500)
ALL_REQUESTS = 1_000_000
"""Of one shard that the sweep has yet to look at."""
REQUESTS_PER_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One NFT as the chain has it now. `burn_signature` None: no burn, or none that is kept."""

    descent: Descent
    owner: str
    is_alive: bool
    is_redeemed: bool
    burn_signature: str | None
    request: Upgrade | None

    @property
    def is_proven(self) -> bool:
        """Whether its burn counts: it has its successor, or a request proved it."""
        return self.is_redeemed or (self.request is not None and self.request.status in BURNED)


@dataclass(slots=True)
class RebuildReport:
    """`kept`: as it was already; `differs`: shown and left alone; `faults`: to be run again."""

    found: int = 0
    wrote: list[str] = field(default_factory=list)
    kept: int = 0
    differs: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilding:
    """For operators alone. Needs no signature, only the base key's address."""

    nfts: Nfts
    upgrades: Upgrades
    chain: Chain
    program: NftProgram
    scanning: Scanning
    policy: Policy
    clock: Clock

    def run(
        self,
        base: str,
        *,
        registered: Mapping[str, int],
        writes: bool,
        from_history: bool = True,
        from_members: bool = False,
    ) -> RebuildReport:
        """`registered`: foreign NFTs with their levels. `writes` False: say what would be done.

        ChainUnavailable or ProvidersDisagree end the run before anything is written.
        """
        creations = list(self.scanning.history(base)) if from_history else []
        if from_members:
            creations += self.scanning.members(base, self._orders(base))
        return self._write(base, self._trace(base, creations, registered), writes)

    # --- what is on chain --------------------------------------------------------------------

    def _trace(
        self, base: str, creations: Sequence[Creation], registered: Mapping[str, int]
    ) -> Traced:
        own = self.program.collection_address(base)
        nfts = [creation for creation in creations if creation.mint != own]
        return trace(
            nfts,
            registered,
            self._accounts([*registered, *(creation.mint for creation in nfts)]),
            successor_of=lambda mint: self._successor(base, mint),
            expected_at=lambda level: self._expected(base, level),
            top=self.policy.catalogue.top,
        )

    def _accounts(self, mints: Sequence[str]) -> Mapping[str, NftAccount | None]:
        wanted = list(dict.fromkeys(mints))
        found: dict[str, NftAccount | None] = {}
        for start in range(0, len(wanted), ACCOUNTS_PER_CALL):
            batch = wanted[start : start + ACCOUNTS_PER_CALL]
            found.update(zip(batch, self.scanning.archive.accounts(batch), strict=True))
        return found

    def _successor(self, base: str, mint: str) -> str:
        return self.program.successor_address(
            mint_base=base, predecessor=mint, token_program=self.policy.token_program
        )

    def _orders(self, base: str) -> Sequence[MintOrder]:
        levels = range(1, self.policy.catalogue.top + 1)
        return [self.policy.order(recipient=base, level=n, mint_base=base) for n in levels]

    def _expected(self, base: str, level: int) -> Expected:
        order = self.policy.order(recipient=base, level=level, mint_base=base)
        return Expected(
            name=order.name, symbol=order.symbol, uri=order.uri, collection=order.collection
        )

    def _looked_up(
        self, base: str, traced: Traced, requests: Mapping[str, Sequence[Upgrade]]
    ) -> Callable[[Descent], Found]:
        def look_up(descent: Descent) -> Found:
            heir = traced.ours.get(self._successor(base, descent.mint))
            is_alive = descent.account.supply == 1
            holder = self.chain.holder(descent.mint) if is_alive else None
            burn = None if is_alive else find_burn(self.chain, descent.mint)
            heirs_recipient = heir.creation.recipient if heir and heir.creation else None
            received = descent.creation.recipient if descent.creation else None
            owner = holder.owner if holder else heirs_recipient
            owner = owner or (burn.owner if burn else None) or received
            return Found(
                descent=descent,
                owner=owner or "",
                is_alive=is_alive,
                is_redeemed=heir is not None,
                burn_signature=burn.signature if burn else None,
                request=self._request(descent.mint, owner, requests),
            )

        return look_up

    # --- what we know of requests --------------------------------------------------------------

    def _waiting(self) -> Mapping[str, Sequence[Upgrade]]:
        """By NFT: requests that the sweep has yet to look at, so all active ones but those under
        review, which `_request` finds by their user."""
        by_nft: dict[str, list[Upgrade]] = defaultdict(list)
        before = self.clock.now() + EVER
        for shard in range(DUE_SHARDS):
            for upgrade in self.upgrades.due(before=before, limit=ALL_REQUESTS, shard=shard):
                by_nft[upgrade.nft_id].append(upgrade)
        return by_nft

    def _request(
        self, mint: str, owner: str | None, waiting: Mapping[str, Sequence[Upgrade]]
    ) -> Upgrade | None:
        """The one that holds the NFT or redeemed it; indexes lag, so it is read again."""
        candidates = [*waiting.get(mint, ()), *(self._of_owner(mint, owner) if owner else ())]
        fresh = [self.upgrades.get(each.id) for each in candidates]
        for upgrade in fresh:
            if upgrade is not None and (upgrade.status in BURNED or upgrade.is_active):
                return upgrade
        return None

    def _of_owner(self, mint: str, owner: str) -> Sequence[Upgrade]:
        page = self.upgrades.of_user(owner, status=None, limit=REQUESTS_PER_PAGE, cursor=None)
        return [upgrade for upgrade in page.upgrades if upgrade.nft_id == mint]

    # --- rows and marks ------------------------------------------------------------------------

    def _write(self, base: str, traced: Traced, writes: bool) -> RebuildReport:
        report = RebuildReport(found=len(traced.ours), refused=list(traced.refused))
        look_up = self._looked_up(base, traced, self._waiting())
        with ThreadPoolExecutor(self.scanning.parallel) as workers:
            found = list(workers.map(look_up, traced.ours.values()))
        for nft in sorted(found, key=_rank):
            if nft.descent.remark:
                report.remarks.append(f"{nft.descent.mint}: {nft.descent.remark}")
            problem = _problem(nft)
            if problem is not None:
                report.differs.append(f"{nft.descent.mint}: {problem}")
                continue
            try:
                self._settle(self._row(base, nft), self._marks(base, nft), report, writes)
            except UpgradeError as fault:
                report.faults.append(f"{nft.descent.mint}: {type(fault).__name__}: {fault.detail}")
        return report

    def _row(self, base: str, found: Found) -> Nft:
        descent, now = found.descent, self.clock.now()
        creation = descent.creation
        status = NftStatus.BURNED if found.is_proven else NftStatus.ACTIVE
        if found.request is not None and found.request.is_active and not found.is_proven:
            status = NftStatus.UPGRADING
        return Nft(
            mint=descent.mint,
            owner=found.owner,
            level=descent.level,
            status=status,
            version=1,
            token_program=descent.account.token_program,
            mint_base=base,
            created_at=(creation.created_at if creation else None) or now,
            updated_at=now,
            predecessor=descent.predecessor,
            successor=self._successor(base, descent.mint) if found.is_proven else None,
            mint_signature=creation.signature if creation else None,
            burn_signature=_burn_signature(found),
        )

    def _marks(self, base: str, found: Found) -> Sequence[Lock]:
        """Every lock the NFT should have. The owner's comes last: it may be another NFT's."""
        mint, request = found.descent.mint, found.request
        marks: list[Lock] = []
        if found.is_proven:
            holder = request.id if request else f"chain:{self._successor(base, mint)}"
            marks.append(Lock(LockKind.BURN, mint, holder))
            signature = _burn_signature(found)
            if signature:
                marks.append(Lock(LockKind.SIGNATURE, f"{signature}#{mint}", holder))
        if request is not None and request.is_active:
            marks += [request.nft_lock, request.user_lock]
        is_held = request is not None and request.is_active and not found.is_redeemed
        if found.is_alive or is_held:
            marks.append(Lock(LockKind.OWNER, found.owner, mint))
        return marks

    def _settle(self, row: Nft, marks: Sequence[Lock], report: RebuildReport, writes: bool) -> None:
        known = self.nfts.get(row.mint)
        missing = self._missing(marks, report)
        after = None if known is None else self._repaired(known, row, report)
        if known is not None and after == known and not missing:
            report.kept += 1
            return
        report.wrote.append(_told(known, row if after is None else after, missing))
        if not writes:
            return
        if known is None or after is None:
            self.nfts.register(row, takes=missing)
        elif after != known:
            self.nfts.change(NftChange(known, after), takes=missing)
        else:
            self.nfts.take(missing)

    def _missing(self, marks: Sequence[Lock], report: RebuildReport) -> Sequence[Lock]:
        """Those that nobody holds. What another holds is newer than what we know: it stays."""
        missing = []
        for mark in marks:
            held = self.upgrades.lock(mark.kind, mark.name)
            if held is None:
                missing.append(mark)
            elif held.holder != mark.holder:
                report.differs.append(f"{mark.item} is held by {held.holder}, not {mark.holder}")
        return missing

    def _repaired(self, known: Nft, row: Nft, report: RebuildReport) -> Nft:
        """`known` with what was missing filled in. Its level, program and base are pinned, and its
        status is a request's or the sweep's business unless its successor is on chain."""
        filled = {
            name: getattr(row, name)
            for name in ("predecessor", "successor", "mint_signature", "burn_signature")
            if getattr(known, name) is None and getattr(row, name) is not None
        }
        if row.status is NftStatus.BURNED and known.status is not NftStatus.BURNED:
            filled["status"] = NftStatus.BURNED
        for name in ("level", "token_program", "mint_base", "owner", "status", "predecessor"):
            old, new = getattr(known, name), getattr(row, name)
            if old != new and name not in filled:
                report.differs.append(f"{known.mint}: {name} is {old}, on chain {new}")
        if not filled:
            return known
        return replace(known, **filled, version=known.version + 1, updated_at=row.updated_at)


def _burn_signature(found: Found) -> str | None:
    """Of a proven burn: as its request knows it, else as the mint's history shows it."""
    if not found.is_proven:
        return None
    known = found.request.burn_signature if found.request else None
    return known or found.burn_signature


def _rank(found: Found) -> tuple[bool, bool, int, str]:
    """Who gets the owner's lock first: living, in a request, of a higher level."""
    is_held = found.request is not None and found.request.is_active
    return (not found.is_alive, not is_held, -found.descent.level, found.descent.mint)


def _problem(found: Found) -> str | None:
    """What only a human may decide."""
    if found.is_alive and found.is_proven:
        return "its successor is minted or owed, but it is not burned"
    if not found.owner:
        return "no owner can be found: ask a provider that keeps its whole history"
    return None


def _told(known: Nft | None, after: Nft, missing: Sequence[Lock]) -> str:
    row = "" if known == after else f" row {after.status}, level {after.level}, of {after.owner}"
    locks = "".join(f" {lock.item}" for lock in missing)
    return f"{after.mint}:{row}{locks}"
