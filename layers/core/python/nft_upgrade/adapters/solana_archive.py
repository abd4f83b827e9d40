"""What a rebuild of the registry asks of Solana: long histories, old transactions, whole accounts.

Everything is read at finalized. What decides (the accounts) needs two nodes that agree; histories
and transactions are only leads to addresses that are checked afterwards, so one node that has them
is enough. Nodes keep histories for different times: the longest answer is taken. RPC requests per
call and node: 1.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from nft_upgrade.adapters.creations import creations_of
from nft_upgrade.adapters.nft_accounts import nft_account
from nft_upgrade.adapters.solana_questions import FINALIZED, NEWEST_VERSION
from nft_upgrade.adapters.solana_rpc import RpcNode, RpcPool
from nft_upgrade.adapters.token_accounts import account_of
from nft_upgrade.adapters.token_extensions import group_offset, nft_size
from nft_upgrade.adapters.token_program import TOKEN_2022
from nft_upgrade.domain.errors import ChainUnavailable, ProvidersDisagree
from nft_upgrade.domain.nft_account import Creation, HistoryRow, NftAccount
from nft_upgrade.ports import MintOrder

MOST_ACCOUNTS = 100
"""Per getMultipleAccounts."""
log = logging.getLogger(__name__)


class SolanaArchive:
    """Synchronous and thread-safe; close it in the end."""

    def __init__(
        self, urls: Sequence[str], *, genesis_hash: str | None = None, timeout_seconds: float = 30.0
    ) -> None:
        self._pool = RpcPool(urls, genesis_hash=genesis_hash, timeout=timeout_seconds)

    def close(self) -> None:
        """End connections and the event loop's thread."""
        self._pool.close()

    def accounts(self, addresses: Sequence[str]) -> Sequence[NftAccount | None]:
        """In the order asked; None where no mint is. ProvidersDisagree; ValueError above 100."""
        if len(addresses) > MOST_ACCOUNTS:
            raise ValueError(f"at most {MOST_ACCOUNTS} accounts per call")
        if not addresses:
            return ()
        rows = self._pool.every(lambda node: _accounts(node, addresses))
        return tuple(_agreed(column) for column in zip(*rows, strict=True))

    def history(self, address: str, *, before: str | None, limit: int) -> Sequence[HistoryRow]:
        """Newest first, older than the signature `before`; an empty page is the end."""
        config: dict[str, Any] = {"limit": limit, "commitment": FINALIZED}
        if before is not None:
            config["before"] = before
        pages = self._pool.every(lambda node: _history(node, address, config), at_least=1)
        longest = max(pages, key=len)
        if any(len(page) < len(longest) for page in pages):
            log.warning("RPC providers keep histories of different length; the longest is read")
        return longest

    def creations(self, signature: str, base: str) -> Sequence[Creation]:
        """What the transaction allocated under `base`; ChainUnavailable when no node has it."""
        return self._pool.first(lambda node: _creations(node, signature, base))

    def members(self, order: MintOrder) -> Sequence[str]:
        """Mints of the order's collection whose texts are as long as the order's.

        getProgramAccounts: many providers refuse it for Token-2022, which is ChainUnavailable.
        """
        if order.collection is None:
            return ()
        name, symbol, uri, level = order.name, order.symbol, order.uri, order.level
        size = nft_size(name=name, symbol=symbol, uri=uri, level=level, in_collection=True)
        offset = group_offset(name=name, symbol=symbol, uri=uri, level=level)
        config = {
            "commitment": FINALIZED,
            "encoding": "base64",
            "dataSlice": {"offset": 0, "length": 0},
            "filters": [
                {"dataSize": size},
                {"memcmp": {"offset": offset, "bytes": order.collection}},
            ],
        }
        return self._pool.first(lambda node: _members(node, config))


async def _accounts(node: RpcNode, addresses: Sequence[str]) -> list[NftAccount | None]:
    config = {"encoding": "base64", "commitment": FINALIZED}
    answer = await node.call("getMultipleAccounts", list(addresses), config)
    slot = int(answer["context"]["slot"])
    return [
        nft_account(address, account_of(value), slot=slot)
        for address, value in zip(addresses, answer["value"], strict=True)
    ]


def _agreed(seen: Sequence[NftAccount | None]) -> NftAccount | None:
    """Compared without the slot. Nodes at different slots may differ: asking again is the way."""
    first = seen[0]
    if any(_without_slot(each) != _without_slot(first) for each in seen):
        raise ProvidersDisagree(f"RPC providers contradict each other about {first or seen}")
    return first


def _without_slot(account: NftAccount | None) -> NftAccount | None:
    return None if account is None else replace(account, slot=0)


async def _history(node: RpcNode, address: str, config: Mapping[str, Any]) -> list[HistoryRow]:
    rows = await node.call("getSignaturesForAddress", address, config)
    return [HistoryRow(row["signature"], row["err"] is not None) for row in rows]


async def _creations(node: RpcNode, signature: str, base: str) -> Sequence[Creation]:
    config = {
        "encoding": "base64",
        "commitment": FINALIZED,
        "maxSupportedTransactionVersion": NEWEST_VERSION,
    }
    answer = await node.call("getTransaction", signature, config)
    if answer is None:
        raise ChainUnavailable(f"The provider lists {signature} but does not serve it.")
    return creations_of(answer, base)


async def _members(node: RpcNode, config: Mapping[str, Any]) -> list[str]:
    found = await node.call("getProgramAccounts", TOKEN_2022, config)
    return [row["pubkey"] for row in found]
