"""What an operator chooses stays chosen, and what was never chosen is said."""

import json
from dataclasses import replace

import pytest

from infra.rows import ROWS, concurrency_needed
from infra.stages import DEV, OVERRIDES, PROD, SECRET, STAGES, UnknownChoice, chosen
from infra.unsettled import unsettled
from tests.infra.synthesized import Assembly

REAL = replace(
    PROD,
    alarm_email="ops@nft.test",
    nft_metadata_base_uri="https://nft.test/levels/",
    notify_sender="no-reply@nft.test",
    operator_wallets="operator",
)


def outputs(assembly: Assembly) -> dict[str, str]:
    return {name: json.dumps(each["Value"]) for name, each in assembly.service["Outputs"].items()}


def warnings(assembly: Assembly) -> str:
    found = json.loads((assembly.directory / "manifest.json").read_text())
    return json.dumps([each.get("metadata", {}) for each in found["artifacts"].values()]) + "".join(
        path.read_text() for path in assembly.directory.glob("*.metadata.json")
    )


@pytest.mark.parametrize("name", OVERRIDES)
def test_a_choice_that_is_kept_is_in_every_deployment_of_its_stage_alone(name: str) -> None:
    choices = {"prod": {name: "chosen"}}
    assert getattr(chosen({"stage": "prod", "choices": choices}), name) == "chosen"
    assert chosen({"stage": "dev", "choices": choices}) == DEV


def test_the_command_line_goes_before_what_is_kept() -> None:
    kept = {"dev": {"alarm_email": "kept@nft.test", "kafka": "express"}}
    stage = chosen({"alarm_email": "said@nft.test", "choices": kept})
    assert (stage.alarm_email, stage.kafka.name) == ("said@nft.test", "express")


def test_a_misspelt_choice_is_refused() -> None:
    with pytest.raises(UnknownChoice, match="alarm_mail"):
        chosen({"choices": {"dev": {"alarm_mail": "ops@nft.test"}}})


@pytest.mark.parametrize("context", [{SECRET: "u"}, {"choices": {"dev": {SECRET: "u"}}}])
def test_providers_urls_cannot_get_into_a_template(context: dict[str, object]) -> None:
    with pytest.raises(UnknownChoice, match="put-secret-value"):
        chosen(context)


def test_the_secrets_first_content_never_changes() -> None:
    """CloudFormation would write it over what the operator has put in."""
    first = {name: stage.solana_rpc_urls for name, stage in STAGES.items()}
    assert first == {
        "dev": "https://api.devnet.solana.com",
        "prod": "https://api.mainnet-beta.solana.com",
    }


def test_placeholders_and_nobody_to_wake_are_unsettled() -> None:
    assert {each.name for each in unsettled(PROD)} == {
        "alarm_email",
        "nft_metadata_base_uri",
        "notify_sender",
        "operator_wallets",
    }
    assert list(unsettled(REAL)) == []


def test_prod_warns_of_each_at_synthesis_and_dev_does_not(prod: Assembly, dev: Assembly) -> None:
    for each in unsettled(PROD):
        assert f"nft-upgrade:{each.name}" in warnings(prod)
        assert f"nft-upgrade:{each.name}" not in warnings(dev)


def test_the_deployment_says_what_is_left_and_how_somebody_is_woken(assembly: Assembly) -> None:
    said = outputs(assembly)
    assert "aws sns subscribe" in said["Next4WakeSomebody"]
    assert "AlarmsTopic" in said["Next4WakeSomebody"]
    for each in unsettled(assembly.stage):
        assert each.name in said["Next5Choose"]


def test_the_first_nft_is_not_asked_for_twice_by_an_impatient_command(assembly: Assembly) -> None:
    assert "--cli-read-timeout 0" in outputs(assembly)["Next2FirstNft"]


def test_the_deployment_says_which_quota_its_reservations_need(
    prod: Assembly, dev: Assembly
) -> None:
    reserved = [
        each.properties.get("ReservedConcurrentExecutions", 0)
        for each in prod.resources("AWS::Lambda::Function")
    ]
    assert concurrency_needed() == sum(reserved) + 100
    assert outputs(prod)["ConcurrencyNeeded"] == json.dumps(str(concurrency_needed()))
    assert "ConcurrencyNeeded" not in outputs(dev)
    assert all(row.concurrency is None or row.concurrency <= 100 for row in ROWS)
