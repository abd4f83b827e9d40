"""Where recurring walks stopped. They lie with the locks, which nothing expires or rebuilds."""

from nft_upgrade.adapters.dynamodb_errors import read_item, storage
from nft_upgrade.adapters.dynamodb_items import BookmarkItem, Database

BOOKMARK = "BOOKMARK#"


class DynamoDbBookmarks:
    """One item per walk; the last writer counts, since a walk that goes back harms nothing."""

    def __init__(self, tables: str | Database) -> None:
        self._bookmarks = Database.of(tables).bind(BookmarkItem)

    def get(self, name: str) -> str | None:
        item = read_item(self._bookmarks, BOOKMARK + name)
        return item.place if item else None

    def put(self, name: str, place: str | None) -> None:
        with storage():
            self._bookmarks(BOOKMARK + name, place=place).save()
