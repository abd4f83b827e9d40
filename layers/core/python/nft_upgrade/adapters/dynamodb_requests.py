"""Every request there ever was, page by page: a scan, for checks that must not miss one."""

from collections.abc import Sequence

from nft_upgrade.adapters.dynamodb_cursors import read_cursor, write_cursor
from nft_upgrade.adapters.dynamodb_errors import read_item, storage
from nft_upgrade.adapters.dynamodb_facts import REQUEST, upgrade_of
from nft_upgrade.adapters.dynamodb_items import Database, RequestItem
from nft_upgrade.domain.upgrade import Upgrade

PAGE = 500
"""Items (requests, events, attempts) that one call looks at."""


class DynamoDbRequests:
    """`Requests` of the audit check, over the same table as `DynamoDbUpgrades`."""

    def __init__(self, database: Database) -> None:
        self._requests = database.bind(RequestItem)

    def get(self, upgrade_id: str) -> Upgrade | None:
        item = read_item(self._requests, upgrade_id, REQUEST)
        return upgrade_of(item) if item else None

    def page(self, *, limit: int, cursor: str | None) -> tuple[Sequence[Upgrade], str | None]:
        keys = read_cursor(cursor, 2) if cursor else None
        start = {"upgrade_id": {"S": keys[0]}, "entry": {"S": keys[1]}} if keys else None
        with storage():
            found = self._requests.scan(
                RequestItem.entry == REQUEST, limit=limit, page_size=PAGE, last_evaluated_key=start
            )
            page = [upgrade_of(item) for item in found]
        last = found.last_evaluated_key
        return page, write_cursor(last["upgrade_id"]["S"], last["entry"]["S"]) if last else None
