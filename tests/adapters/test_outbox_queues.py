"""The outbox in the table: items that cannot be read take nobody's place."""

from datetime import timedelta
from uuid import uuid4

import boto3

from local.aws_resources import create_tables
from nft_upgrade.adapters.dynamodb_nfts import DynamoDbNfts
from nft_upgrade.adapters.dynamodb_upgrades import DynamoDbUpgrades
from tests.fakes.events import transitions
from tests.fixtures.aws import AwsEndpoint


def test_unreadable_events_never_fill_a_bounded_outbox(aws: AwsEndpoint) -> None:
    prefix = f"outbox-{uuid4().hex[:8]}-"
    create_tables(aws.url, prefix)
    upgrades, steps = DynamoDbUpgrades(prefix), transitions("up-1", "wallet-1")
    nft = steps[0].nfts[0].before
    assert nft
    DynamoDbNfts(prefix).register(nft, takes=())
    for step in steps[:4]:
        upgrades.commit(step)
    for number in (1, 2, 3):
        boto3.client("dynamodb").update_item(
            TableName=f"{prefix}upgrades",
            Key={"upgrade_id": {"S": "up-1"}, "entry": {"S": f"EVENT#{number:08d}"}},
            UpdateExpression="SET #type = :type",
            ExpressionAttributeNames={"#type": "type"},
            ExpressionAttributeValues={":type": {"S": "from_a_newer_version"}},
        )
    before = steps[3].event.occurred_at + timedelta(days=1)
    for limit in (1, 2, 500):
        assert upgrades.unpublished(before=before, limit=limit) == [steps[3].event]
