"""`verify_audit` and the command against real objects: versions, folders, and the table beside."""

from uuid import uuid4

import boto3
import pytest

from nft_upgrade import audit_verify
from nft_upgrade.adapters.dynamodb_nfts import DynamoDbNfts
from nft_upgrade.adapters.dynamodb_upgrades import DynamoDbUpgrades
from nft_upgrade.domain.events import UpgradeEvent
from tests.fakes.events import msk_event, transitions
from tests.fixtures.aws import AwsEndpoint
from tests.functions.events_harness import loaded

PREFIX = "nft-upgrade-"


def recorded(aws: AwsEndpoint, count: int = 1) -> list[list[UpgradeEvent]]:
    """Whole upgrades, committed to the table and recorded by `audit`."""
    stories = []
    for _ in range(count):
        name = uuid4().hex[:10]
        steps = transitions(f"up-{name}", f"wallet-{name}")
        before = steps[0].nfts[0].before
        assert before
        DynamoDbNfts(PREFIX).register(before, takes=())
        for step in steps:
            DynamoDbUpgrades(PREFIX).commit(step)
        stories.append([step.event for step in steps])
    with loaded("audit", aws.environment) as audit:
        for events in stories:
            audit(msk_event(events))
    return stories


def object_of(event: UpgradeEvent) -> str:
    return f"audit/{event.upgrade_id}/{event.sequence:08d}.json"


def broken(aws: AwsEndpoint, events: list[UpgradeEvent]) -> list[tuple[int, str]]:
    """What a whole round of the function says about this upgrade."""
    found = []
    with loaded("verify_audit", aws.environment) as verify_audit:
        while True:
            report = verify_audit({})
            found += [
                (link["sequence"], str(link["fault"]))
                for link in report["broken"]
                if link["upgrade_id"] == events[0].upgrade_id
            ]
            if report["next"] is None:
                return found


def test_what_audit_recorded_is_whole_and_locked(aws: AwsEndpoint) -> None:
    events = recorded(aws)[0]
    assert broken(aws, events) == []
    bucket = aws.environment["AUDIT_BUCKET"]
    kept = boto3.client("s3").head_object(Bucket=bucket, Key=object_of(events[0]))
    assert kept["ObjectLockMode"] == "GOVERNANCE"


def test_an_object_that_was_written_over_is_found(aws: AwsEndpoint) -> None:
    events = recorded(aws)[0]
    bucket = aws.environment["AUDIT_BUCKET"]
    boto3.client("s3").put_object(Bucket=bucket, Key=object_of(events[3]), Body=b"{}")
    assert broken(aws, events) == [(4, "replaced")]


def test_a_deleted_object_is_found(aws: AwsEndpoint) -> None:
    events = recorded(aws)[0]
    bucket = aws.environment["AUDIT_BUCKET"]
    boto3.client("s3").delete_object(Bucket=bucket, Key=object_of(events[5]))
    assert broken(aws, events) == [(6, "replaced")]


def test_every_upgrade_is_met_once_in_many_short_runs(aws: AwsEndpoint) -> None:
    stories = recorded(aws, 3)
    wanted = {events[0].upgrade_id for events in stories}
    checked = 0
    with loaded("verify_audit", {**aws.environment, "AUDIT_CHECK_SECONDS": "0"}) as verify_audit:
        while verify_audit({})["next"]:
            checked += 1
    listed = boto3.client("s3").list_objects_v2(
        Bucket=aws.environment["AUDIT_BUCKET"], Prefix="audit/", Delimiter="/"
    )["CommonPrefixes"]
    folders = {each["Prefix"].split("/")[1] for each in listed}
    assert wanted <= folders
    assert checked == len(folders)


def test_the_command_names_the_first_broken_link_and_fails(
    aws: AwsEndpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    sound, changed = recorded(aws, 2)
    bucket = aws.environment["AUDIT_BUCKET"]
    boto3.client("s3").put_object(Bucket=bucket, Key=object_of(changed[1]), Body=b"{}")
    with loaded("verify_audit", aws.environment):
        assert audit_verify.main([sound[0].upgrade_id]) == 0
        assert audit_verify.main([sound[0].upgrade_id, changed[0].upgrade_id]) == 1
        assert audit_verify.main([]) == 1
    said = capsys.readouterr().out
    assert f"{changed[0].upgrade_id}: event 2 is the first broken link: replaced" in said
    assert "2 upgrades checked, 1 broken." in said
