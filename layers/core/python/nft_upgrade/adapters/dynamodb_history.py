"""Every event from the table `upgrades`: complete whatever Kafka kept, at the price of a scan."""

from collections.abc import Iterator

from nft_upgrade.adapters.dynamodb_errors import storage
from nft_upgrade.adapters.dynamodb_facts import event_of
from nft_upgrade.adapters.dynamodb_items import Database, EventItem
from nft_upgrade.domain.events import UpgradeEvent

PAGE = 200


class DynamoDbHistory:
    """`EventHistory`: a strongly consistent scan, events published or not."""

    def __init__(self, database: Database) -> None:
        self._events = database.bind(EventItem)

    def events(self) -> Iterator[UpgradeEvent]:
        is_event = EventItem.entry.startswith("EVENT#")
        with storage():
            for item in self._events.scan(is_event, consistent_read=True, page_size=PAGE):
                yield event_of(item)
