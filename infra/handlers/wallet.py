"""Custom resource: the Solana address of a KMS key."""

from typing import Any

from cfn import answer  # type: ignore[import-not-found]

from nft_upgrade.adapters.kms_signer import KmsEd25519Key, KmsSigner


def handler(event: dict[str, Any], context: object) -> None:
    """`{KeyId}` -> `{Address}`."""
    answer(
        event,
        lambda properties: {"Address": KmsSigner(KmsEd25519Key(properties["KeyId"])).address()},
    )
