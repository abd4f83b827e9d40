import os
import subprocess
import sys
from dataclasses import replace

import pytest

from local.demo import is_in_its_topic
from local.witnesses import KafkaRecord
from nft_upgrade.domain.events import EventType
from nft_upgrade.messages import topic_of
from tests.contracts.samples import nft, opening

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def run_demo(**environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "local.demo"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )


def test_the_demo_verifies_a_whole_upgrade() -> None:
    answer = run_demo()
    assert answer.returncode == 0, answer.stdout + answer.stderr
    for step in ("signed in", "burn signature", "mint signature", "Quant Ape", "'level': '2'"):
        assert step in answer.stdout
    assert "5 upgrade_completed in nft-upgrade-completed" in answer.stdout
    assert answer.stdout.rstrip().splitlines()[-1].startswith("Verified:")


def test_every_event_is_expected_in_the_topic_it_is_published_to() -> None:
    for type_ in EventType:
        event = replace(opening("an upgrade", nft("any", "alice")).event, type=type_)
        record = KafkaRecord(topic_of(event), "alice", {"eventType": type_.value})
        assert is_in_its_topic(record), type_


@pytest.mark.engines
def test_the_demo_verifies_the_same_on_the_real_engines() -> None:
    answer = run_demo(KAFKA="apache", DYNAMODB="local")
    assert answer.returncode == 0, answer.stdout + answer.stderr
