"""Atomic mode's transaction: signed by its owner first, by the system wallet last, then sent.

It is written down with the owner's signature before we sign (`Upgrade.submitted`), our signature is
written down before it is sent, and the same bytes are sent until the chain has decided. A crash
anywhere means: go on with what is written. Nothing can land before our signature, so nothing is
burned by then.
"""

from contextlib import suppress
from dataclasses import dataclass

from nft_upgrade.domain.errors import TransactionRefused
from nft_upgrade.domain.upgrade import Submitted, Upgrade
from nft_upgrade.ports import AtomicProgram, Chain, Holder, Signer
from nft_upgrade.use_cases.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosigning:
    """`signer` is needed by `sign` alone: SubmitMint's function has the key, no other."""

    chain: Chain
    atomic: AtomicProgram
    signer: Signer
    policy: Policy

    def sign(self, upgrade: Upgrade) -> bytes:
        """The system wallet's signature; ValueError when the transaction is anything but the burn
        and the mint that the stored facts ask for."""
        submitted = _submitted(upgrade)
        message = self.atomic.require(
            submitted.transaction,
            self.policy.successor_order(upgrade),
            _holder(upgrade, submitted),
            rent=submitted.rent,
        )
        return self.signer.sign(message)

    def send(self, upgrade: Upgrade) -> None:
        """Relay the co-signed transaction once; nothing to do before it is co-signed.

        A preflight that refuses it is no news: it may have landed, or never will, and the burn's
        verification tells which.
        """
        submitted = _submitted(upgrade)
        if submitted.cosignature is None:
            return
        wire = self.atomic.cosigned(
            submitted.transaction, self.policy.successor_order(upgrade), submitted.cosignature
        )
        with suppress(TransactionRefused):
            self.chain.send(wire)


def _submitted(upgrade: Upgrade) -> Submitted:
    if upgrade.submitted is None:
        raise ValueError("no transaction is submitted")
    return upgrade.submitted


def _holder(upgrade: Upgrade, submitted: Submitted) -> Holder:
    """The account that the transaction burns from, as it was checked at the submit."""
    return Holder(
        token_account=submitted.token_account,
        owner=upgrade.user_id,
        amount=1,
        token_program=upgrade.token_program,
        frozen=False,
        delegate=None,
        close_authority=None,
        slot=0,
    )
