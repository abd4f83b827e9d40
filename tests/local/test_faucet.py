"""The faucet's reading of what it is sent."""

import json
import time

import pytest

from local.faucet import LONGEST_ADDRESS, AddressProblem, read_address

SYSTEM_PROGRAM = "1" * 32


def body(address: object) -> bytes:
    return json.dumps({"address": address}).encode()


def test_an_address_is_read() -> None:
    assert read_address(body(SYSTEM_PROGRAM)) == SYSTEM_PROGRAM


@pytest.mark.parametrize("size", [LONGEST_ADDRESS + 1, 8_000, 200_000])
def test_a_long_address_is_refused_before_it_costs_any_time(size: int) -> None:
    """Decoding base58 takes time with the square of its length, on the gateway's event loop."""
    begun = time.process_time()
    with pytest.raises(AddressProblem):
        read_address(body("z" * size))
    assert time.process_time() - begun < 1
