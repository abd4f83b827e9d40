"""`Nfts` on DynamoDB: the registry's rows, and how a transition changes one."""

import time
from collections.abc import Sequence

from nft_upgrade.adapters.dynamodb_cursors import cut, read_cursor, write_cursor
from nft_upgrade.adapters.dynamodb_errors import Pause, read_item, storage
from nft_upgrade.adapters.dynamodb_facts import nft_facts, nft_of
from nft_upgrade.adapters.dynamodb_items import Database, LockItem, NftItem
from nft_upgrade.adapters.dynamodb_locks import release, take
from nft_upgrade.adapters.dynamodb_transactions import Order, Step, transact
from nft_upgrade.domain.errors import VersionConflict
from nft_upgrade.domain.nft import Nft
from nft_upgrade.domain.upgrade import Lock, NftChange


class DynamoDbNfts:
    """The port over a Database, or the tables of a prefix. Safe to share between threads."""

    def __init__(self, tables: str | Database, *, pause: Pause = time.sleep) -> None:
        database = Database.of(tables)
        self._connection = database.connection
        self._nfts = database.bind(NftItem)
        self._locks = database.bind(LockItem)
        self._pause = pause

    def get(self, mint: str) -> Nft | None:
        item = read_item(self._nfts, mint)
        return nft_of(item) if item else None

    def owned_by(self, owner: str) -> Sequence[Nft]:
        with storage():
            found = self._nfts.by_owner.query(owner, scan_index_forward=False)
            return [nft_of(item) for item in found]

    def take(self, locks: Sequence[Lock]) -> None:
        self._write([take(self._locks, lock) for lock in locks])

    def register(self, nft: Nft, *, takes: Sequence[Lock]) -> None:
        row = write_nft(self._nfts, NftChange(None, nft))
        steps = [*(take(self._locks, lock) for lock in takes), row]
        refused = transact(self._connection, steps, self._pause)
        # The row alone stands in the way: it was registered before, under these very locks.
        if refused and refused[0].step is not row:
            raise refused[0].error

    def change(
        self, change: NftChange, *, takes: Sequence[Lock] = (), releases: Sequence[Lock] = ()
    ) -> None:
        self._write(
            [
                *(take(self._locks, lock) for lock in takes),
                *(release(self._locks, lock) for lock in releases),
                write_nft(self._nfts, change),
            ]
        )

    def all(self, *, limit: int, cursor: str | None) -> tuple[Sequence[Nft], str | None]:
        start = {"mint": {"S": read_cursor(cursor, 1)[0]}} if cursor else None
        with storage():
            found = self._nfts.scan(limit=limit + 1, last_evaluated_key=start)
            page, last = cut([nft_of(item) for item in found], limit)
        return page, write_cursor(last.mint) if last else None

    def _write(self, steps: Sequence[Step]) -> None:
        refused = transact(self._connection, steps, self._pause)
        if refused:
            raise refused[0].error


def write_nft(nfts: type[NftItem], change: NftChange) -> Step:
    """The whole row, if it is still at the version the change was made from (or not there)."""
    item = nfts(
        **{name: fact for name, fact in nft_facts(change.after).items() if fact is not None}
    )
    is_new = NftItem.mint.does_not_exist()
    is_unmoved = None if change.before is None else NftItem.version == change.before.version
    return Step(
        Order.PUT,
        lambda write: write.save(item, is_new if is_unmoved is None else is_unmoved),
        lambda _: VersionConflict("The NFT's registry row moved meanwhile."),
    )
