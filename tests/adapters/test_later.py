"""What is imported and built only when it is asked something."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from spl.token.constants import TOKEN_2022_PROGRAM_ID

from nft_upgrade.adapters.later import later
from nft_upgrade.adapters.token_addresses import TOKEN_2022

FUNCTIONS = Path(__file__).parents[2] / "functions"
CHAIN_LIBRARIES = ("solders", "solana", "spl")
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "SOLANA_RPC_URLS": "secret:unreadable",
    "MINT_KMS_KEY_ID": "alias/mint",
    "SESSION_KMS_KEY_ID": "alias/session",
    "STATE_MACHINE_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:upgrade",
}


class Unlucky:
    """Cannot be built at first."""

    attempts = 0

    def __init__(self) -> None:
        Unlucky.attempts += 1
        if Unlucky.attempts == 1:
            raise ConnectionError("not now")

    def answer(self) -> int:
        return 42


def test_it_is_built_when_asked_once_and_a_failure_is_tried_again() -> None:
    adapter = later(cache(Unlucky))
    assert Unlucky.attempts == 0
    with pytest.raises(ConnectionError):
        adapter.answer()
    assert (adapter.answer(), adapter.answer()) == (42, 42)
    assert Unlucky.attempts == 2


def test_the_light_address_is_the_token_programs() -> None:
    assert str(TOKEN_2022_PROGRAM_ID) == TOKEN_2022


def loaded(statements: str) -> list[str]:
    """Which of the chain's libraries a fresh process has loaded after these."""
    shown = f"print(*[name for name in {CHAIN_LIBRARIES} if name in sys.modules])"
    program = f"import sys\n{statements}\n{shown}"
    environment: dict[str, Any] = {**os.environ, **ENVIRONMENT}
    answer = subprocess.run(
        [sys.executable, "-c", program],
        cwd=FUNCTIONS,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return answer.stdout.split()


def test_the_api_starts_without_the_chains_libraries() -> None:
    assert loaded("import api\nfrom nft_upgrade import wiring\nwiring.api_app()") == []


def test_a_step_that_mints_loads_them() -> None:
    asked = "from nft_upgrade import wiring\nwiring.program().collection_address"
    assert "solders" in loaded(asked)


def test_consumers_load_neither_them_nor_the_http_framework() -> None:
    for name in ("analytics", "notify", "audit", "publish_events"):
        assert loaded(f"import {name}\nassert 'fastapi' not in sys.modules") == []


def test_steps_load_no_http_framework() -> None:
    built = "from nft_upgrade import wiring\nwiring.minting(); wiring.burning()"
    loaded(f"{built}\nassert 'fastapi' not in sys.modules")
