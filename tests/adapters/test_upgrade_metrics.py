"""What is counted when a transition was committed."""

import json
import uuid
from datetime import timedelta

import pytest

from local.aws_resources import create_tables
from nft_upgrade.adapters.dynamodb_nfts import DynamoDbNfts
from nft_upgrade.adapters.dynamodb_upgrades import DynamoDbUpgrades
from nft_upgrade.adapters.upgrade_metrics import counts, durations, tell
from nft_upgrade.domain.errors import UpgradeActive
from nft_upgrade.domain.upgrade import Transition
from tests.contracts.samples import NOW, nft, opening, proof, successor
from tests.fixtures.aws import AwsEndpoint


def burned(seconds: float) -> Transition:
    row = nft("a", "alice")
    upgrade = opening("one", row).after
    return upgrade.prove_burn(proof(upgrade), nft=row, at=NOW + timedelta(seconds=seconds))


def test_an_opened_upgrade_is_counted() -> None:
    transition = opening("one", nft("a", "alice"))
    assert counts(transition) == {"UpgradesOpened": 1}
    assert durations(transition) == {}


def test_a_proven_burn_tells_how_long_the_user_took() -> None:
    assert counts(burned(90)) == {"UpgradesBurned": 1}
    assert durations(burned(90)) == {"OpenToBurnedSeconds": 90}


def test_a_completed_upgrade_tells_how_long_the_user_waited() -> None:
    minting = burned(90).after.start_mint(at=NOW + timedelta(seconds=91)).after
    done = NOW + timedelta(seconds=102)
    completed = minting.complete(
        "m1nt", successor=successor(minting, at=done), holds_owner_lock=True, at=done
    )
    assert counts(completed) == {"UpgradesCompleted": 1}
    assert durations(completed) == {"BurnedToCompletedSeconds": 12}


def test_steps_on_the_way_are_not_counted() -> None:
    assert counts(burned(90).after.start_mint(at=NOW + timedelta(seconds=91))) == {}


def test_in_lambda_it_is_one_line_of_embedded_metrics(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "verify_burn")
    monkeypatch.delenv("POWERTOOLS_METRICS_DISABLED", raising=False)
    tell(burned(90))
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert told["service"] == "nft-upgrade"
    assert (told["UpgradesBurned"], told["OpenToBurnedSeconds"]) == ([1.0], [90.0])
    assert told["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "NftUpgrade"


def test_elsewhere_nothing_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    tell(burned(90))
    assert capsys.readouterr().out == ""


def test_only_the_call_that_committed_counts(aws: AwsEndpoint) -> None:
    told: list[Transition] = []
    prefix = f"t{uuid.uuid4().hex[:10]}-"
    create_tables(aws.url, prefix)
    DynamoDbNfts(prefix).register(nft("a", "alice"), takes=())
    upgrades = DynamoDbUpgrades(prefix, on_commit=told.append)
    first = opening("one", nft("a", "alice"))
    upgrades.commit(first)
    upgrades.commit(first)
    other = nft("b", "bob")
    with pytest.raises(UpgradeActive):
        upgrades.commit(opening("two", other, user="alice"))
    assert [each.event for each in told] == [first.event]
