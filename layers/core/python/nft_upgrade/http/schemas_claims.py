"""The JSON of claims, burn proofs and lineages."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field, model_validator

from nft_upgrade.domain.levels import Catalogue
from nft_upgrade.domain.nft import NftStatus
from nft_upgrade.domain.upgrade import Status
from nft_upgrade.http.errors import MissingField
from nft_upgrade.http.schemas import UPGRADE_ID, Moment, Success
from nft_upgrade.http.schemas_in import MINT, BurnSignature, Mint, Wire
from nft_upgrade.use_cases.claiming import Claim
from nft_upgrade.use_cases.explaining import BurnReport
from nft_upgrade.use_cases.lineage import Ancestor


class ClaimRequest(Wire):
    """Which burn: by the NFT, by the transaction, or both (then nothing has to be searched)."""

    mint: Mint | None = Field(None, examples=[MINT], description="The burned NFT.")
    burn_transaction_hash: BurnSignature | None = Field(
        None, description="The signature of the transaction that burned it."
    )

    @model_validator(mode="after")
    def _names_something(self) -> "ClaimRequest":
        if self.mint is None and self.burn_transaction_hash is None:
            raise MissingField("Name the NFT or the burn.", field="mint")
        return self


class ClaimAnswer(Success):
    """`upgradeRequestId` and `eventsUrl` are null while the claim is `claim_pending`."""

    upgrade_request_id: str | None = Field(examples=[UPGRADE_ID])
    status: Status | None
    code: str
    message: str
    events_url: str | None

    @classmethod
    def of(cls, claim: Claim, code: str, message: str) -> "ClaimAnswer":
        upgrade = claim.upgrade
        return cls(
            upgrade_request_id=upgrade.id if upgrade else None,
            status=upgrade.status if upgrade else None,
            code=code,
            message=message,
            events_url=f"/api/nft/upgrade/{upgrade.id}/events" if upgrade else None,
        )


class BurnProofAnswer(Success):
    """`burnProof`: `{signature, mint, slot, owner, commitment, verdict, checks}`, null before any
    burn was named or found; each check is `{rule, title, outcome, code, reason, evidence}`.
    `isDecided`: the status rests on it and it is in the audit record."""

    upgrade_request_id: str = Field(examples=[UPGRADE_ID])
    status: Status
    is_decided: bool
    looked_at: Moment | None
    burn_proof: Mapping[str, Any] | None

    @classmethod
    def of(cls, report: BurnReport) -> "BurnProofAnswer":
        return cls(
            upgrade_request_id=report.upgrade.id,
            status=report.upgrade.status,
            is_decided=report.is_decided,
            looked_at=report.looked_at,
            burn_proof=report.proof,
        )


class AncestorView(Wire):
    """One NFT of a line. Its address is `createWithSeed(mintBase, seed, tokenProgram)` with the
    Token-2022 program; `seed` is null for the first of a line."""

    nft_id: str = Field(examples=[MINT])
    level: int
    name: str
    status: NftStatus
    predecessor: str | None
    successor: str | None
    token_program: str
    mint_base: str
    seed: str | None
    mint_transaction_hash: str | None
    burn_transaction_hash: str | None

    @classmethod
    def of(cls, ancestor: Ancestor, catalogue: Catalogue) -> "AncestorView":
        nft = ancestor.nft
        return cls(
            nft_id=nft.mint,
            level=nft.level,
            name=catalogue.name_of(nft.level),
            status=nft.status,
            predecessor=nft.predecessor,
            successor=nft.successor,
            token_program=nft.token_program,
            mint_base=nft.mint_base,
            seed=ancestor.seed,
            mint_transaction_hash=nft.mint_signature,
            burn_transaction_hash=nft.burn_signature,
        )


class LineageAnswer(Success):
    """The NFT itself first, then what was burned for it, and so on."""

    nft_id: str = Field(examples=[MINT])
    lineage: Sequence[AncestorView]
