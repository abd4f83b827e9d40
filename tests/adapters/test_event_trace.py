"""The call that committed an event is named in its item, in the stream and in Kafka's headers."""

import uuid

from local.aws_resources import create_tables
from nft_upgrade.adapters.dynamodb_nfts import DynamoDbNfts
from nft_upgrade.adapters.dynamodb_upgrades import DynamoDbUpgrades
from nft_upgrade.adapters.kafka_events import headers
from nft_upgrade.domain.events import first_broken_link
from tests.contracts.samples import NOW, SECOND, nft, opening
from tests.fixtures.aws import AwsEndpoint

ROOT = "1-67891233-abcdef012345678912345678"


def test_the_sweep_publishes_an_event_under_the_trace_of_the_call_that_made_it(
    aws: AwsEndpoint,
) -> None:
    prefix = f"t{uuid.uuid4().hex[:10]}-"
    create_tables(aws.url, prefix)
    DynamoDbNfts(prefix).register(nft("a", "alice"), takes=())
    upgrades = DynamoDbUpgrades(prefix, trace_id=lambda: ROOT)
    upgrades.commit(opening("one", nft("a", "alice")))
    (event,) = upgrades.unpublished(before=NOW + SECOND, limit=10)
    assert ("traceId", ROOT.encode()) in headers(event, "the sweep's own")
    assert first_broken_link(upgrades.events("one")) is None


def test_an_event_committed_outside_of_lambda_names_no_call(aws: AwsEndpoint) -> None:
    prefix = f"t{uuid.uuid4().hex[:10]}-"
    create_tables(aws.url, prefix)
    DynamoDbNfts(prefix).register(nft("a", "alice"), takes=())
    upgrades = DynamoDbUpgrades(prefix)
    upgrades.commit(opening("one", nft("a", "alice")))
    assert upgrades.events("one")[0].trace_id is None
