"""Ed25519 as strict as it gets: one signature, one key, one text.

Libraries differ in what they let through (RFC 8032 leaves room), and OpenSSL lets keys of small
order pass: with such a key one signature fits many texts. What is checked before the library is
asked follows the "strict" rules of Chalkias, Garillot and Nikolaenko, "Taming the Many EdDSAs".
"""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FIELD = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
_SIGN_BIT = 1 << 255

_ORDER_8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
SMALL_ORDER_Y = frozenset({0, 1, FIELD - 1, _ORDER_8, FIELD - _ORDER_8})
"""The y coordinates of the eight points whose order divides 8."""


def verifies(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether `signature` (64 bytes) is the key's (32 bytes) own, canonical one."""
    if len(public_key) != 32 or len(signature) != 64:
        return False
    point, scalar = signature[:32], int.from_bytes(signature[32:], "little")
    if scalar >= ORDER or not (_is_sound(public_key) and _is_sound(point)):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _is_sound(encoded: bytes) -> bool:
    """Canonical (y below the field's prime) and not of small order."""
    y = int.from_bytes(encoded, "little") & (_SIGN_BIT - 1)
    return y < FIELD and y not in SMALL_ORDER_Y
