"""Burns that were made outside any request: the wallet's own burn button, another tab, too early.

The last rightful owner on chain names the NFT or the burn and gets the same single successor
(chain.md section 6). A request is opened only for a burn that is already proven, so that nobody can
lock an NFT that is not theirs; what follows is the ordinary path: verify, mint, complete.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from nft_upgrade.domain.burn import BurnProof, ObservedTransaction, Verdict
from nft_upgrade.domain.errors import (
    AlreadyOwnsNft,
    AlreadyRedeemed,
    BurnAlreadyUsed,
    BurnRefused,
    ChainUnavailable,
    ClaimUnclear,
    NftLocked,
    NftNotBurned,
    NftNotFound,
    NftNotOwned,
    RequirementsNotMet,
    UpgradeError,
    VersionConflict,
)
from nft_upgrade.domain.nft import Nft
from nft_upgrade.domain.upgrade import CLAIM_PATIENCE, LockKind, Mode, Status, Upgrade, open_claim
from nft_upgrade.ports import Chain, Clock, Ids, NftProgram, Nfts, Qualifications, Upgrades
from nft_upgrade.use_cases import burning as burns
from nft_upgrade.use_cases.burn_search import (
    SIGNATURES_ASKED_FOR,
    from_both_ends,
    is_burn_by_other_owner,
)
from nft_upgrade.use_cases.burning import Burning
from nft_upgrade.use_cases.ending import Ending
from nft_upgrade.use_cases.policy import Policy
from nft_upgrade.use_cases.races import settled

SIGNATURES_LOOKED_AT = 20
"""How many of the mint's transactions one claim examines: a browser waits for the answer. Who names
the burn's signature does not depend on it."""


class Answer(StrEnum):
    """What a claim led to."""

    ACCEPTED = "accepted"
    """The burn is real and the claim is written down; the successor follows."""
    CURRENT = "current"
    """It was claimed, or is in a request of the caller's, already: the state as it is."""
    PENDING = "pending"
    """Not decidable yet; nothing was written. The same call may be repeated."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The upgrade that the claim became; None while it is pending."""

    answer: Answer
    upgrade: Upgrade | None = None


PENDING = Claim(Answer.PENDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claiming:
    """One claim per burned NFT: its lock is the NFT's, its burn's lock is permanent."""

    upgrades: Upgrades
    nfts: Nfts
    chain: Chain
    burning: Burning
    ending: Ending
    program: NftProgram
    qualifications: Qualifications
    policy: Policy
    clock: Clock
    ids: Ids

    def claim(self, user_id: str, *, mint: str | None, burn_signature: str | None) -> Claim:
        """At least one of the two must be given (ValueError).

        Raises NftNotFound, NftNotOwned, NftNotBurned, BurnRefused, ClaimUnclear, AlreadyRedeemed,
        BurnAlreadyUsed, NftLocked, MaxLevel, RequirementsNotMet. What cannot be decided yet,
        because Solana or a provider is behind, is PENDING and never a refusal.
        """

        def decide() -> Claim:
            nft = self._nft(user_id, mint, burn_signature)
            return self._claim(user_id, nft, burn_signature) if nft else PENDING

        try:
            return settled(decide)
        except ChainUnavailable:
            return PENDING

    def _claim(self, user_id: str, nft: Nft, burn_signature: str | None) -> Claim:
        running = self._running(user_id, nft)
        if running is not None and running.user_id == user_id:
            return self._join(running, burn_signature)
        if running is not None:
            self._end_foreign(running, self._draft(user_id, nft), burn_signature)
            nft = self._registered(nft.mint)
        self._require_qualified(user_id, nft)
        draft = self._draft(user_id, nft)
        proof = self._proof(draft, burn_signature)
        if proof is None or proof.verdict is Verdict.PENDING:
            return PENDING
        if proof.verdict is Verdict.REJECTED:
            raise _refusal(proof)
        return self._open(replace(draft, burn_signature=proof.signature), nft)

    # --- which NFT, and whose it is already ----------------------------------------------------

    def _nft(self, user_id: str, mint: str | None, burn_signature: str | None) -> Nft | None:
        """None: the transaction is not final yet, so what it burned is not known."""
        if mint is not None:
            return self._registered(mint)
        if burn_signature is None:
            raise ValueError("a claim names an NFT, a burn, or both")
        seen = self.chain.transaction(burn_signature)
        if seen is None or not (seen.finalized and seen.agreed):
            return None
        return self._burned_nft(user_id, seen)

    def _burned_nft(self, user_id: str, seen: ObservedTransaction) -> Nft:
        """The registered NFT that the caller burned in it; ClaimUnclear when there are several."""
        burned = dict.fromkeys(burn.mint for burn in seen.burns)
        known = [nft for nft in map(self.nfts.get, burned) if nft is not None]
        if not known:
            raise NftNotFound("This transaction burned none of our NFTs.")
        held = {balance.mint for balance in seen.pre_balances if balance.owner == user_id}
        mine = [nft for nft in known if nft.mint in held]
        if not mine:
            raise NftNotOwned("Another wallet held the NFT at the burn.")
        if len(mine) > 1:
            raise ClaimUnclear("This transaction burned several NFTs: name one.", field="mint")
        return mine[0]

    def _registered(self, mint: str) -> Nft:
        nft = self.nfts.get(mint)
        if nft is None:
            raise NftNotFound("This mint is not one of our NFTs.")
        return nft

    def _running(self, user_id: str, nft: Nft) -> Upgrade | None:
        """The request that has this NFT: the caller's own, or somebody else's that may have to
        give way; a refusal when its burn is somebody else's."""
        burned = self.upgrades.lock(LockKind.BURN, nft.mint)
        lock = burned or self.upgrades.lock(LockKind.NFT, nft.mint)
        if lock is None:
            return None
        upgrade = self.upgrades.get(lock.holder)
        is_theirs = upgrade is not None and upgrade.user_id == user_id
        if burned is not None and not is_theirs:
            raise AlreadyRedeemed("This burned NFT has its successor, or it is on its way.")
        if upgrade is None:
            raise NftLocked("A request that is not there holds the NFT; the sweep releases it.")
        return upgrade

    def _end_foreign(self, other: Upgrade, draft: Upgrade, burn_signature: str | None) -> None:
        """Whoever opened a request and sold the NFT must not keep its last owner from what is owed:
        that one's proven burn ends the request. NftLocked when the burn is not proven (yet)."""
        proof = self._proof(draft, burn_signature)
        if proof is None or proof.verdict is not Verdict.PROVEN:
            raise NftLocked("The NFT is in another wallet's request, and your burn is not proven.")
        self.ending.end_for_other_owner(other, proof)

    def _join(self, upgrade: Upgrade, burn_signature: str | None) -> Claim:
        """A burn that belongs to a request is a confirmation of it."""
        if upgrade.status is Status.INITIATED and burn_signature is None:
            proof = self._proof(upgrade, None)
            if proof is None or proof.verdict is Verdict.REJECTED:
                return Claim(Answer.CURRENT, upgrade)
            burn_signature = proof.signature
        if upgrade.status is not Status.INITIATED or burn_signature is None:
            return Claim(Answer.CURRENT, upgrade)
        confirmed = self.burning.confirm(upgrade.user_id, upgrade.id, burn_signature)
        is_new = confirmed.answer is burns.Answer.ACCEPTED
        return Claim(Answer.ACCEPTED if is_new else Answer.CURRENT, confirmed.upgrade)

    # --- the burn ------------------------------------------------------------------------------

    def _proof(self, draft: Upgrade, burn_signature: str | None) -> BurnProof | None:
        """None: burned, but not final yet."""
        if burn_signature is not None:
            return self.burning.examine(draft, burn_signature)
        if not self._is_burned(draft.nft_id):
            return None
        return self._found(draft)

    def _is_burned(self, mint: str) -> bool:
        """At finalized; NftNotBurned when it is not even burned at confirmed."""
        (final,) = self.chain.mints([mint], commitment="finalized")
        if not final.exists or final.supply == 0:
            return True
        (recent,) = self.chain.mints([mint], commitment="confirmed")
        if recent.exists and recent.supply > 0:
            raise NftNotBurned(
                "Solana shows this NFT unburned. If you burned it a moment ago, ask again soon."
            )
        return False

    def _found(self, draft: Upgrade) -> BurnProof:
        """The burn, from the mint's own history; one for a human only when none is proven."""
        others: dict[Verdict, BurnProof] = {}
        for proof in self._examined(draft):
            if proof.verdict is Verdict.PROVEN:
                return proof
            if is_burn_by_other_owner(proof):
                raise NftNotOwned("Another wallet held the NFT at the burn.")
            others.setdefault(proof.verdict, proof)
        for verdict in (Verdict.PENDING, Verdict.UNDER_REVIEW):
            if verdict in others:
                return others[verdict]
        raise ClaimUnclear(
            "The burn is not among this NFT's latest and oldest transactions: name it.",
            field="burnTransactionHash",
        )

    def _examined(self, draft: Upgrade) -> Iterator[BurnProof]:
        asked = self.chain.signatures_for(draft.nft_id, limit=SIGNATURES_ASKED_FOR)
        signatures: Sequence[str] = from_both_ends(asked)[:SIGNATURES_LOOKED_AT]
        return (self.burning.examine(draft, signature) for signature in signatures)

    # --- the request ---------------------------------------------------------------------------

    def _require_qualified(self, user_id: str, nft: Nft) -> None:
        """What a level asks for cannot be jumped by burning first; the claim waits, for ever."""
        catalogue = self.policy.catalogue
        catalogue.check_target(current=nft.level, target=nft.level + 1)
        missing = catalogue.blockers(nft.level + 1, self.qualifications.of(user_id))
        if missing:
            raise RequirementsNotMet(" ".join(missing))

    def _draft(self, user_id: str, nft: Nft) -> Upgrade:
        """`opened_slot` 0: the burn may be of any age."""
        now = self.clock.now()
        successor = self.program.successor_address(
            mint_base=nft.mint_base,
            predecessor=nft.mint,
            token_program=self.policy.token_program,
        )
        return Upgrade(
            id=self.ids.new(),
            user_id=user_id,
            nft_id=nft.mint,
            current_level=nft.level,
            target_level=nft.level + 1,
            status=Status.BURN_PENDING,
            version=1,
            token_program=nft.token_program,
            mint_base=nft.mint_base,
            successor=successor,
            opened_slot=0,
            created_at=now,
            updated_at=now,
            expires_at=now + self.policy.upgrade_ttl,
            mode=Mode.CLAIM,
            due_at=now + CLAIM_PATIENCE,
        )

    def _open(self, upgrade: Upgrade, nft: Nft) -> Claim:
        """A crash after the commit is the sweep's to carry on: the request is due by itself."""
        free = self.upgrades.lock(LockKind.OWNER, upgrade.user_id) is None
        try:
            opened = self._commit(upgrade, nft, takes_owner_lock=free)
        except AlreadyOwnsNft:
            # Another NFT came to the wallet just now: what is owed is owed all the same.
            opened = self._commit(upgrade, nft, takes_owner_lock=False)
        except NftLocked as locked:
            # It was free a moment ago: the same claim, sent twice, was faster.
            raise VersionConflict(locked.detail) from locked
        self.burning.start(opened)
        return Claim(Answer.ACCEPTED, opened)

    def _commit(self, upgrade: Upgrade, nft: Nft, *, takes_owner_lock: bool) -> Upgrade:
        transition = open_claim(upgrade, nft=nft, takes_owner_lock=takes_owner_lock)
        self.upgrades.commit(transition)
        return transition.after


def _refusal(proof: BurnProof) -> UpgradeError:
    problem = proof.first_problem
    reason = problem.reason if problem else ""
    match problem.code if problem else None:
        case "burn_wrong_owner":
            return NftNotOwned(reason)
        case "burn_already_used":
            return BurnAlreadyUsed(reason)
        case "already_redeemed":
            return AlreadyRedeemed(reason)
        case _:
            return BurnRefused(reason, burnProof=proof.as_json())
