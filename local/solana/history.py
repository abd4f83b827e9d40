"""What landed on one chain, in order, and found by signature or by address."""

import bisect
from collections import defaultdict
from collections.abc import Iterator

from solders.pubkey import Pubkey

from local.solana.outcomes import Landed


class History:
    """Of one fork; a new fork begins a new one."""

    def __init__(self) -> None:
        self.landed: list[Landed] = []
        self._by_signature: dict[str, Landed] = {}
        self._by_address: defaultdict[Pubkey, list[Landed]] = defaultdict(list)

    def __contains__(self, signature: str) -> bool:
        return signature in self._by_signature

    def add(self, landed: Landed) -> Landed:
        self.landed.append(landed)
        self._by_signature[landed.signature] = landed
        for pubkey in dict.fromkeys(landed.loaded.pubkeys):
            self._by_address[pubkey].append(landed)
        return landed

    def find(self, signature: str) -> Landed | None:
        return self._by_signature.get(signature)

    def naming(self, address: Pubkey) -> Iterator[Landed]:
        """Newest first."""
        return reversed(self._by_address.get(address, []))

    def count(self, slot: int) -> int:
        """How many had landed by the end of `slot`."""
        return bisect.bisect_right(self.landed, slot, key=lambda landed: landed.slot)

    def since(self, slot: int) -> list[Landed]:
        """What landed after `slot`."""
        return self.landed[self.count(slot) :]
