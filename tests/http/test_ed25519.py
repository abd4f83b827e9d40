"""Strict signatures: one key, one text, one encoding."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from nft_upgrade.http import ed25519
from tests.fakes.signing import TestKey

WALLET = TestKey("wallet")
TEXT = b"example.org wants you to sign in"
CURVE_D = -121665 * pow(121666, -1, ed25519.FIELD) % ed25519.FIELD
SIGN_BIT = 1 << 255

Point = tuple[int, int]


def added(one: Point, other: Point) -> Point:
    """The curve's addition law (RFC 8032 section 5.1.4), in affine coordinates."""
    (x1, y1), (x2, y2), p = one, other, ed25519.FIELD
    k = CURVE_D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + k, -1, p) % p
    return x, (y1 * y2 + x1 * x2) * pow(1 - k, -1, p) % p


def x_of(y: int) -> int:
    p = ed25519.FIELD
    square = (y * y - 1) * pow(CURVE_D * y * y + 1, -1, p) % p
    root = pow(square, (p + 3) // 8, p)
    return root if (root * root - square) % p == 0 else root * pow(2, (p - 1) // 4, p) % p


def encodings(y: int) -> list[bytes]:
    """Every 32 bytes that decode to this y: both signs, canonical or not."""
    values = [y, y + ed25519.FIELD] if y < 19 else [y]
    return [(v | sign).to_bytes(32, "little") for v in values for sign in (0, SIGN_BIT)]


SMALL_ORDER_KEYS = [
    pytest.param(encoded, id=encoded.hex())
    for y in sorted(ed25519.SMALL_ORDER_Y)
    for encoded in encodings(y)
]


def test_a_wallets_own_signature_verifies() -> None:
    assert ed25519.verifies(WALLET.public_key, WALLET.sign(TEXT), TEXT)


def test_another_text_or_key_does_not_verify() -> None:
    signature = WALLET.sign(TEXT)
    assert not ed25519.verifies(WALLET.public_key, signature, TEXT + b".")
    assert not ed25519.verifies(TestKey("other").public_key, signature, TEXT)


@pytest.mark.parametrize("y", sorted(ed25519.SMALL_ORDER_Y))
def test_the_refused_points_are_those_whose_order_divides_eight(y: int) -> None:
    point = (x_of(y), y)
    for _ in range(3):
        point = added(point, point)
    assert point == (0, 1)


def test_openssl_alone_would_let_a_key_of_small_order_sign_any_text() -> None:
    """Why the checks before it are needed."""
    neutral = (1).to_bytes(32, "little")
    Ed25519PublicKey.from_public_bytes(neutral).verify(neutral + bytes(32), TEXT)
    assert not ed25519.verifies(neutral, neutral + bytes(32), TEXT)


@pytest.mark.parametrize("public_key", SMALL_ORDER_KEYS)
def test_keys_of_small_order_are_refused(public_key: bytes) -> None:
    for point in (public_key, (1).to_bytes(32, "little")):
        assert not ed25519.verifies(public_key, point + bytes(32), TEXT)


@pytest.mark.parametrize("point", SMALL_ORDER_KEYS)
def test_signatures_with_a_point_of_small_order_are_refused(point: bytes) -> None:
    assert not ed25519.verifies(WALLET.public_key, point + WALLET.sign(TEXT)[32:], TEXT)


def test_the_same_signature_with_another_scalar_is_refused() -> None:
    """S + L is the same number modulo the group's order: a second encoding of one signature."""
    signature = WALLET.sign(TEXT)
    scalar = int.from_bytes(signature[32:], "little") + ed25519.ORDER
    malleable = signature[:32] + scalar.to_bytes(32, "little")
    assert not ed25519.verifies(WALLET.public_key, malleable, TEXT)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_keys_of_another_size_are_refused(size: int) -> None:
    assert not ed25519.verifies(WALLET.public_key.ljust(33, b"x")[:size], WALLET.sign(TEXT), TEXT)


@pytest.mark.parametrize("size", [0, 63, 65])
def test_signatures_of_another_size_are_refused(size: int) -> None:
    signature = WALLET.sign(TEXT).ljust(65, b"x")[:size]
    assert not ed25519.verifies(WALLET.public_key, signature, TEXT)


def test_a_key_that_is_no_point_of_the_curve_is_refused() -> None:
    assert not ed25519.verifies((2).to_bytes(32, "little"), WALLET.sign(TEXT), TEXT)
