"""First NFTs: level 1, exactly once per claim id, whatever crashes in between.

Before the very first one their collection is created, once: its address derives from the base key.
"""

from dataclasses import dataclass
from datetime import timedelta

from nft_upgrade.domain.errors import AlreadyOwnsNft, ChainUnavailable
from nft_upgrade.domain.nft import Nft, NftStatus
from nft_upgrade.domain.upgrade import Lock, LockKind
from nft_upgrade.ports import Clock, MintOrder, Nfts
from nft_upgrade.use_cases.policy import Policy
from nft_upgrade.use_cases.sending import Sending

FIRST_LEVEL = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuing:
    """The address derives from the claim id, so the chain itself refuses a second mint of it."""

    nfts: Nfts
    sending: Sending
    policy: Policy
    clock: Clock

    def issue(self, claim_id: str, recipient: str) -> Nft:
        """The claim's NFT, minted now or before.

        AlreadyOwnsNft: the recipient holds another one, or the claim was for another recipient.
        ChainUnavailable: not final yet; the same call goes on where this one stopped.
        """
        order = self._order(claim_id, recipient)
        mint = self.sending.program.address_of(order)
        known = self.nfts.get(mint)
        if known is not None:
            return _same_claim(known, recipient)
        locks = (
            Lock(LockKind.CLAIM, claim_id, recipient),
            Lock(LockKind.OWNER, recipient, mint),
        )
        # Before the mint: a recipient with two claims must not get a second NFT on chain.
        self.nfts.take(locks)
        self._ensure_collection(order)
        signature = self._mint_once(order, mint)
        nft = self._row(order, mint, signature)
        self.nfts.register(nft, takes=locks)
        return nft

    def _order(self, claim_id: str, recipient: str) -> MintOrder:
        return self.policy.order(
            recipient=recipient,
            level=FIRST_LEVEL,
            mint_base=self.sending.signer.address(),
            claim_id=claim_id,
        )

    def _ensure_collection(self, order: MintOrder) -> None:
        """Two at once do no harm: the second creation fails on chain."""
        if order.collection is None or self._exists(order.collection):
            return
        message = self.sending.build_collection(self.policy.collection_order(order.mint_base))
        # No stored message, no allow-list: it was built on the line above.
        signature = self.sending.signer.sign(message)
        started = self.clock.now()
        while not self._exists(order.collection):
            if self.clock.now() - started >= timedelta(seconds=self.policy.patience_seconds):
                raise ChainUnavailable("The collection is not there yet; ask again.")
            self.sending.send(message, signature)
            self.clock.sleep(self.policy.poll_seconds)

    def _exists(self, mint: str) -> bool:
        (seen,) = self.sending.chain.mints([mint], commitment="confirmed")
        return seen.exists

    def _mint_once(self, order: MintOrder, mint: str) -> str | None:
        """Send until it is final; None when an earlier call's transaction did it."""
        if self.sending.is_minted(mint, recipient=order.recipient):
            return None
        message = self.sending.build(order).message
        signature = self.sending.sign(message, order)
        self._send_until_final(order, mint, message, signature)
        return self.sending.program.signature_text(signature)

    def _send_until_final(
        self, order: MintOrder, mint: str, message: bytes, signature: bytes
    ) -> None:
        started = self.clock.now()
        last_sent = None
        while not self.sending.is_minted(mint, recipient=order.recipient):
            now = self.clock.now()
            if now - started >= timedelta(seconds=self.policy.patience_seconds):
                raise ChainUnavailable("The first NFT is not final yet; ask again.")
            if last_sent is None or now - last_sent >= self._resend_after:
                self.sending.send(message, signature)
                last_sent = now
            self.clock.sleep(self.policy.poll_seconds)

    @property
    def _resend_after(self) -> timedelta:
        return timedelta(seconds=self.policy.resend_seconds)

    def _row(self, order: MintOrder, mint: str, signature: str | None) -> Nft:
        now = self.clock.now()
        return Nft(
            mint=mint,
            owner=order.recipient,
            level=order.level,
            status=NftStatus.ACTIVE,
            version=1,
            token_program=order.token_program,
            mint_base=order.mint_base,
            created_at=now,
            updated_at=now,
            mint_signature=signature,
        )


def _same_claim(known: Nft, recipient: str) -> Nft:
    if known.owner != recipient:
        raise AlreadyOwnsNft("This claim's NFT belongs to another wallet.")
    return known
