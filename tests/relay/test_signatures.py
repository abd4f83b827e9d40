"""The relay's signature check lets nothing through that the API's does not."""

import pytest

from nft_upgrade.http import ed25519
from relay import signatures
from tests.fakes.signing import TestKey

KEY = TestKey("sessions")
TEXT = b"header.claims"
SIGNED = KEY.sign(TEXT)


def test_a_key_s_own_signature_verifies() -> None:
    assert signatures.verifies(KEY.public_key, SIGNED, TEXT)


@pytest.mark.parametrize("place", range(64))
def test_no_changed_byte_verifies(place: int) -> None:
    changed = bytearray(SIGNED)
    changed[place] ^= 1
    assert not signatures.verifies(KEY.public_key, bytes(changed), TEXT)


def test_another_text_or_key_does_not_verify() -> None:
    assert not signatures.verifies(KEY.public_key, SIGNED, TEXT + b".")
    assert not signatures.verifies(TestKey("other").public_key, SIGNED, TEXT)


def test_the_same_scalar_in_another_encoding_does_not_verify() -> None:
    scalar = int.from_bytes(SIGNED[32:], "little") + ed25519.ORDER
    again = SIGNED[:32] + scalar.to_bytes(32, "little")
    assert not signatures.verifies(KEY.public_key, again, TEXT)


@pytest.mark.parametrize("y", sorted(ed25519.SMALL_ORDER_Y))
def test_a_key_of_small_order_verifies_nothing(y: int) -> None:
    """With such a key, and itself as the point, a scalar of zero fits every eighth text."""
    small = y.to_bytes(32, "little")
    identity = (1).to_bytes(32, "little")
    for point in (small, identity):
        for number in range(64):
            assert not signatures.verifies(small, point + bytes(32), b"%d" % number)


def test_another_length_is_an_error() -> None:
    with pytest.raises(ValueError, match="length 64"):
        signatures.verifies(KEY.public_key, SIGNED[:-1], TEXT)
