"""Where a job that goes on over many runs stands, in the table `projections`."""

import json
from typing import Any

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import DoesNotExist
from pynamodb.models import Model

from nft_upgrade.adapters import dynamodb_tables as tables
from nft_upgrade.adapters.dynamodb_errors import storage
from nft_upgrade.adapters.dynamodb_items import Database


class PlaceItem(Model):
    """projection `place#<job>`, entry `place`, facts `{"after": ...}`."""

    TABLE = tables.PROJECTIONS
    projection = UnicodeAttribute(hash_key=True)
    entry = UnicodeAttribute(range_key=True)
    facts = UnicodeAttribute()


class DynamoDbPlace:
    """`Place` of one job."""

    def __init__(self, database: Database, job: str) -> None:
        self._table: type[Any] = database.bind(PlaceItem)
        self._keys = (f"place#{job}", "place")

    def get(self) -> str | None:
        with storage():
            try:
                item = self._table.get(*self._keys, consistent_read=True)
            except DoesNotExist:
                return None
        after: str | None = json.loads(item.facts)["after"]
        return after

    def put(self, upgrade_id: str | None) -> None:
        with storage():
            self._table(*self._keys, facts=json.dumps({"after": upgrade_id})).save()
