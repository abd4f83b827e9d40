"""What we sign for a user whose upgrade is complete: which NFT was burned, which was minted for it.

The signed bytes are `PREFIX` and the receipt as canonical JSON (RFC 8785; a receipt holds only
text and whole numbers, for which that is: sorted members, no spaces, UTF-8). The prefix holds a
space and a line feed, which the signing input of a session token (two base64url words and a dot,
RFC 7515) never does: a receipt's signature proves no session, and a session's no receipt.
"""

from collections.abc import Mapping

from nft_upgrade.domain.canonical import canonical_json
from nft_upgrade.domain.errors import WrongStatus
from nft_upgrade.domain.events import UpgradeEvent, iso
from nft_upgrade.domain.upgrade import Status, Upgrade

PREFIX = b"nft-upgrade receipt v1\n"
TYPE = "nft-upgrade-receipt"
VERSION = 1

Facts = Mapping[str, str | int]


def receipt_of(upgrade: Upgrade, last: UpgradeEvent, *, issuer: str) -> Facts:
    """The same facts whenever it is asked for, all of them from `last`, the event that completed
    the upgrade: its hash covers them and ties the receipt to the audit record. WrongStatus for an
    upgrade that is not complete."""
    if upgrade.status is not Status.COMPLETED:
        raise WrongStatus(
            f"Only a completed upgrade has a receipt; this one is {upgrade.status.value}."
        )
    assert last.burn_signature and last.mint_signature and last.new_nft_id
    return {
        "type": TYPE,
        "version": VERSION,
        "issuer": issuer,
        "upgradeRequestId": last.upgrade_id,
        "wallet": last.user_id,
        "burnedNftId": last.nft_id,
        "burnTransactionHash": last.burn_signature,
        "newNftId": last.new_nft_id,
        "mintTransactionHash": last.mint_signature,
        "oldLevel": last.current_level,
        "newLevel": last.target_level,
        "completedAt": iso(last.occurred_at),
        "eventHash": last.hash,
    }


def signed_bytes(receipt: Facts) -> bytes:
    """What the signature is over."""
    return PREFIX + canonical_json(receipt)
