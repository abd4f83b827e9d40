"""Upgrades that wait for a person. They are on no index by time, since no machine goes on with
them: what is active and not due is looked at one by one."""

from collections.abc import Iterable
from itertools import islice

from nft_upgrade.adapters.dynamodb_errors import read_item, storage
from nft_upgrade.adapters.dynamodb_facts import REQUEST, active_partition, upgrade_of
from nft_upgrade.adapters.dynamodb_items import Database, RequestItem
from nft_upgrade.domain.upgrade import Status, Upgrade
from nft_upgrade.ports import DUE_SHARDS


class DynamoDbReviews:
    """Over the same tables as `DynamoDbUpgrades`."""

    def __init__(self, database: Database) -> None:
        self._requests = database.bind(RequestItem)

    def held(self, *, besides: Iterable[str], limit: int) -> list[Upgrade]:
        """Under review. `besides`: ids that are known to be something else, so that they are not
        read; at most `limit` others are. Raises StorageUnavailable."""
        known = frozenset(besides)
        with storage():
            active = (
                item.upgrade_id
                for shard in range(DUE_SHARDS)
                for item in self._requests.by_active.query(active_partition(shard))
            )
            unknown = list(islice((each for each in active if each not in known), limit))
        read = (read_item(self._requests, upgrade_id, REQUEST) for upgrade_id in unknown)
        found = [upgrade_of(item) for item in read if item]
        return [upgrade for upgrade in found if upgrade.status is Status.UNDER_REVIEW]
