"""The event services of a deployed stage, called as their event sources would call them.

The emulator has no event source that reads Kafka: here the records of the local Kafka are handed
over, one topic after the other, each in the shape of MSK's. Everything behind the call is deployed:
functions, tables, bucket, mail.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from kafka import TopicPartition

from infra.rows import Row, consumers
from local.consumer_pump import msk_event
from local.kafka import API_VERSION
from nft_upgrade.adapters.dynamodb_contacts import DynamoDbContacts
from nft_upgrade.adapters.dynamodb_items import Database
from nft_upgrade.config import KafkaSettings
from nft_upgrade.domain.contact import Contact
from nft_upgrade.messages import TOPICS
from tests.deploy_check.deployed import Deployed, NotAsExpected
from tests.kafka_reading import records_in

ADDRESS = "ape@wallet.example"


def consume(deployed: Deployed, kafka: str) -> None:
    """Every consumer takes every record of its topics."""
    batches = _batches(kafka)
    with ThreadPoolExecutor() as pool:
        for each in [pool.submit(_consume, deployed, row, batches) for row in consumers()]:
            each.result()


def _consume(deployed: Deployed, row: Row, batches: Mapping[str, Mapping[str, Any]]) -> None:
    for topic in row.topics:
        if topic not in batches:
            continue
        wanted = {"taken": sum(map(len, batches[topic]["records"].values())), "dead": 0}
        report = deployed.invoke(row.name, batches[topic])
        if report != wanted:
            raise NotAsExpected(f"{row.name} made {report} of {topic}, not {wanted}")


def _batches(kafka: str) -> dict[str, dict[str, Any]]:
    """By topic: what Kafka has, as Lambda would hand it over."""
    settings = KafkaSettings(kafka_bootstrap_servers=kafka, kafka_api_version=API_VERSION)
    found = {topic: _by_place(records_in(settings, topic)) for topic in TOPICS}
    return {topic: msk_event(batch, settings) for topic, batch in found.items() if batch}


def _by_place(records: Sequence[Any]) -> dict[TopicPartition, list[Any]]:
    batch: dict[TopicPartition, list[Any]] = {}
    for record in records:
        batch.setdefault(TopicPartition(record.topic, record.partition), []).append(record)
    return batch


def expect_audited(deployed: Deployed, upgrade_id: str, count: int) -> None:
    """An object per event in the locked bucket, and a chain that the deployed check follows."""
    bucket = deployed.client("lambda").get_function_configuration(
        FunctionName=f"{deployed.name}-audit"
    )["Environment"]["Variables"]["AUDIT_BUCKET"]
    listed = deployed.client("s3").list_objects_v2(Bucket=bucket)
    found = [each["Key"] for each in listed.get("Contents", ()) if upgrade_id in each["Key"]]
    report = deployed.invoke("verify-audit", {})
    if len(found) != count or not report["checked"] or report["broken"]:
        raise NotAsExpected(f"audit record: {found}, not {count}; {report}")


def expect_dead_letter(deployed: Deployed) -> None:
    """What nobody can read waits for an operator, who can drop it."""
    broken = {"topic": TOPICS[0], "partition": 0, "offset": 1_000, "value": "bm90IEpTT04="}
    report = deployed.invoke("analytics", {"records": {f"{TOPICS[0]}-0": [broken]}})
    letters = deployed.invoke("replay-dead-letters", {})["letters"]
    drop = [each["letterId"] for each in letters]
    done = deployed.invoke("replay-dead-letters", {"replay": True, "drop": drop})
    left = deployed.invoke("replay-dead-letters", {})
    if (report["dead"], len(drop), done["dropped"], left["waiting"]) != (1, 1, 1, 0):
        raise NotAsExpected(f"dead letters: {report}, {letters}, {done}, {left}")


def wants_mail(deployed: Deployed, user_id: str) -> None:
    """A contact as it is after the link in the mail was followed, and a sender SES knows."""
    variables = deployed.client("lambda").get_function_configuration(
        FunctionName=f"{deployed.name}-notify"
    )["Environment"]["Variables"]
    deployed.client("sesv2").create_email_identity(EmailIdentity=variables["NOTIFY_SENDER"])
    contact = Contact(user_id=user_id, link_key="07" * 32, address=ADDRESS, version=1)
    with _aws(deployed):
        DynamoDbContacts(Database(f"{deployed.name}-")).put(contact)


def expect_mail(deployed: Deployed) -> None:
    """Congratulations were sent, and a bounce of theirs ends all mail to that address."""
    sent = deployed.client("sesv2").get_account()["SendQuota"]["SentLast24Hours"]
    bounce = {
        "eventType": "Bounce",
        "bounce": {"bounceType": "Permanent", "bouncedRecipients": [{"emailAddress": ADDRESS}]},
    }
    told = {"Records": [{"Sns": {"Message": json.dumps(bounce)}}]}
    report = deployed.invoke("mail-feedback", told)
    if (sent, report) != (1, {"suppressed": 1}):
        raise NotAsExpected(f"{sent} mails were sent; of the bounce became {report}")


@contextmanager
def _aws(deployed: Deployed) -> Iterator[None]:
    """This process's own clients go to the emulator."""
    before = dict(os.environ)
    os.environ.update(deployed.emulator.environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
