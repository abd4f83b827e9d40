"""A level-1 NFT for a wallet, exactly once per claim id. Only operators may invoke this."""

from typing import Any

from nft_upgrade import observability, wiring


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{claimId, recipient}` -> `{nftId, level, owner, mintTransactionHash}`."""
    claim_id, recipient = str(event["claimId"]), str(event["recipient"])
    with observability.step("issue_nft", claim_id):
        nft = wiring.issuing().issue(claim_id, recipient)
    return {
        "nftId": nft.mint,
        "level": nft.level,
        "owner": nft.owner,
        "mintTransactionHash": nft.mint_signature,
    }
