"""Opening an upgrade: every check that must pass before a user is asked for an irreversible act.

chain.md section 6: never ask for a burn that could not be honoured.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nft_upgrade.domain.errors import (
    AlreadyRedeemed,
    InvalidTargetLevel,
    MintingPaused,
    NftNotFound,
    NftNotFree,
    NftNotOwned,
    RequirementsNotMet,
    UnsupportedNft,
    UpgradeActive,
    UpgradeError,
    WrongStatus,
)
from nft_upgrade.domain.nft import Nft, NftStatus
from nft_upgrade.domain.upgrade import (
    WATCH_INTERVAL,
    LockKind,
    Mode,
    Status,
    Transition,
    Upgrade,
    open_upgrade,
)
from nft_upgrade.ports import (
    Blockhash,
    Chain,
    Clock,
    Holder,
    Ids,
    MintOrder,
    NftProgram,
    Nfts,
    Qualifications,
    Switch,
    Upgrades,
)
from nft_upgrade.use_cases.offering import Offering
from nft_upgrade.use_cases.policy import Policy
from nft_upgrade.use_cases.reading import Reading
from nft_upgrade.use_cases.sending import MOST_UNITS, UNSIGNED

RESERVE_FACTOR = 3
"""The system wallet holds this many times the cost of all open requests (chain.md section 6)."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A new upgrade and the unsigned wire transaction for its owner's wallet: the burn alone, or in
    atomic mode burn and mint together."""

    upgrade: Upgrade
    transaction: bytes


@dataclass(frozen=True, slots=True)
class Blocker:
    """One reason why an upgrade cannot be opened now; `code` is the error's code."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Eligibility:
    """Whether the user could open an upgrade now. `current_level` is 0 without an NFT."""

    can_upgrade: bool
    current_level: int
    target_level: int
    requirements: Mapping[str, Any]
    blockers: tuple[Blocker, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Preflight, the first transition, and the burn transaction for the wallet."""

    upgrades: Upgrades
    nfts: Nfts
    reading: Reading
    chain: Chain
    program: NftProgram
    offering: Offering
    qualifications: Qualifications
    switch: Switch
    policy: Policy
    clock: Clock
    ids: Ids

    def open(
        self, user_id: str, nft_id: str, target_level: int, mode: Mode = Mode.TWO_STEP
    ) -> Opened:
        """Raises the Refused or Unavailable that stands in the way; then nothing was written."""
        nft = self._registered(nft_id)
        self._require_unredeemed(nft)
        self._require_no_active(user_id)
        self.policy.catalogue.check_target(current=nft.level, target=target_level)
        self._require_qualified(user_id, target_level)
        self._require_switched_on()
        holder = self._require_free(user_id, nft)
        self._require_reserve(nft)
        blockhash = self.chain.latest_blockhash()
        self._require_mintable(self._order(user_id, nft), blockhash)
        transition = self._first_transition(user_id, nft, holder, mode)
        transaction = self._transaction(transition.after, holder, blockhash)
        self.upgrades.commit(transition)
        return Opened(transition.after, transaction)

    def _transaction(self, upgrade: Upgrade, holder: Holder, blockhash: Blockhash) -> bytes:
        if upgrade.mode is Mode.ATOMIC:
            return self.offering.transaction(upgrade, holder, blockhash)
        return self.program.burn_transaction(holder, upgrade.nft_id, blockhash)

    def burn_transaction(self, user_id: str, upgrade_id: str) -> bytes:
        """A fresh unsigned burn; WrongStatus once a burn is claimed or the time is over."""
        upgrade = self.reading.owned(user_id, upgrade_id)
        holder = self.free_to_burn(upgrade)
        return self.program.burn_transaction(holder, upgrade.nft_id, self.chain.latest_blockhash())

    def atomic_transaction(self, user_id: str, upgrade_id: str) -> bytes:
        """A fresh unsigned transaction of an atomic request; WrongStatus as above."""
        upgrade = self.reading.owned(user_id, upgrade_id)
        if upgrade.mode is not Mode.ATOMIC:
            raise WrongStatus("The request was not opened in atomic mode.")
        holder = self.free_to_burn(upgrade)
        return self.offering.transaction(upgrade, holder, self.chain.latest_blockhash())

    def free_to_burn(self, upgrade: Upgrade) -> Holder:
        """Who holds it, once more before anything irreversible; else a Refused or Unavailable."""
        if upgrade.status is not Status.INITIATED:
            raise WrongStatus(f"There is nothing to burn while the upgrade is {upgrade.status}.")
        if self.clock.now() >= upgrade.expires_at:
            raise WrongStatus("The request has expired. Open a new one.")
        self._require_switched_on()
        return self._require_free(upgrade.user_id, self._registered(upgrade.nft_id))

    def eligibility(self, user_id: str, target_level: int | None) -> Eligibility:
        """Every blocker at once, where `open` stops at the first."""
        nft = self._current(user_id)
        level = nft.level if nft else 0
        target = level + 1 if target_level is None else target_level
        blockers = self._blockers(user_id, nft, target)
        return Eligibility(not blockers, level, target, self._requirements(target), blockers)

    # --- the checks ------------------------------------------------------------------------

    def _blockers(self, user_id: str, nft: Nft | None, target: int) -> tuple[Blocker, ...]:
        if nft is None:
            return (Blocker(NftNotFound.code, "You do not own an NFT yet."),)
        catalogue = self.policy.catalogue
        checks: tuple[Callable[[], object], ...] = (
            lambda: self._require_unredeemed(nft),
            lambda: self._require_no_active(user_id),
            lambda: catalogue.check_target(current=nft.level, target=target),
            lambda: self._require_qualified(user_id, target),
            self._require_switched_on,
            lambda: self._require_free(user_id, nft),
            lambda: self._require_reserve(nft),
        )
        problems = [_problem_of(check) for check in checks]
        return tuple(problem for problem in problems if problem)

    def _current(self, user_id: str) -> Nft | None:
        owned = [n for n in self.nfts.owned_by(user_id) if n.status is not NftStatus.BURNED]
        return owned[0] if owned else None

    def _requirements(self, target: int) -> Mapping[str, Any]:
        catalogue = self.policy.catalogue
        if not 1 <= target <= catalogue.top:
            return {}
        level = catalogue[target]
        return {
            "tradingVolumeUsdt": level.trading_volume_usdt,
            "badges": level.badges,
            "enforced": catalogue.requirements_enforced,
        }

    def _registered(self, nft_id: str) -> Nft:
        nft = self.nfts.get(nft_id)
        if nft is None:
            raise NftNotFound("This mint is not one of our NFTs.")
        return nft

    def _require_unredeemed(self, nft: Nft) -> None:
        if nft.status is NftStatus.BURNED:
            raise AlreadyRedeemed("This NFT was burned and its successor is owed or minted.")

    def _require_no_active(self, user_id: str) -> None:
        lock = self.upgrades.lock(LockKind.USER, user_id)
        if lock is not None:
            raise UpgradeActive(
                "User already has an active upgrade request", upgradeRequestId=lock.holder
            )

    def _require_qualified(self, user_id: str, target: int) -> None:
        catalogue = self.policy.catalogue
        if not 1 <= target <= catalogue.top:
            raise InvalidTargetLevel(f"There is no level {target}.")
        missing = catalogue.blockers(target, self.qualifications.of(user_id))
        if missing:
            raise RequirementsNotMet(" ".join(missing))

    def _require_switched_on(self) -> None:
        reason = self.switch.paused()
        if reason is not None:
            raise MintingPaused(f"Minting is paused: {reason}")

    def _require_free(self, user_id: str, nft: Nft) -> Holder:
        """The chain, not the registry, says who holds it and whether the holder alone can burn."""
        holder = self.chain.holder(nft.mint)
        if holder is None or holder.amount != 1:
            raise NftNotFree("Nobody holds this NFT on chain: it may be burned already.")
        if holder.owner != user_id:
            raise NftNotOwned("Another wallet holds this NFT.")
        if holder.token_program != nft.token_program:
            raise UnsupportedNft("The token program on chain is not the registered one.")
        if holder.hindrance is not None:
            raise UnsupportedNft(holder.hindrance)
        if holder.frozen or holder.delegate or holder.close_authority:
            raise NftNotFree("The NFT is frozen, delegated, escrowed or listed: free it first.")
        return holder

    def _require_reserve(self, nft: Nft) -> None:
        affordable = self.chain.balance(nft.mint_base) // (
            RESERVE_FACTOR * self.policy.mint_cost_lamports
        )
        if self.upgrades.count_active(at_most=affordable) >= affordable:
            raise MintingPaused("The system wallet must be topped up before anybody burns.")

    def _require_mintable(self, order: MintOrder, blockhash: Blockhash) -> None:
        """A dry run of the very mint that will follow the burn."""
        rent = self.chain.rent(self.program.account_size(order))
        message = self.program.mint_message(order, blockhash, rent=rent, units=MOST_UNITS, fee=0)
        dry_run = self.chain.simulate(self.program.wire(message, UNSIGNED))
        if dry_run.error is None:
            return
        address = self.program.address_of(order)
        if self.chain.minted(address, recipient=order.recipient, commitment="confirmed"):
            raise AlreadyRedeemed("This NFT's successor is minted already.")
        raise MintingPaused("A dry run of the mint failed; nobody should burn now.")

    # --- the first transition --------------------------------------------------------------

    def _order(self, user_id: str, nft: Nft) -> MintOrder:
        return self.policy.order(
            recipient=user_id,
            level=nft.level + 1,
            mint_base=nft.mint_base,
            predecessor=nft.mint,
        )

    def _first_transition(self, user_id: str, nft: Nft, holder: Holder, mode: Mode) -> Transition:
        now = self.clock.now()
        upgrade = Upgrade(
            id=self.ids.new(),
            user_id=user_id,
            nft_id=nft.mint,
            current_level=nft.level,
            target_level=nft.level + 1,
            status=Status.INITIATED,
            version=1,
            token_program=nft.token_program,
            mint_base=nft.mint_base,
            successor=self.program.address_of(self._order(user_id, nft)),
            # Where it was seen unburned: what is burned from then on belongs to this request.
            opened_slot=holder.slot,
            created_at=now,
            updated_at=now,
            expires_at=now + self.policy.upgrade_ttl,
            mode=mode,
            due_at=now + WATCH_INTERVAL,
        )
        return open_upgrade(upgrade, nft=nft)


def _problem_of(check: Callable[[], object]) -> Blocker | None:
    try:
        check()
    except UpgradeError as problem:
        return Blocker(problem.code, problem.detail)
    return None
