"""Base58 in the alphabet of Bitcoin and Solana, strictly: what decodes also encodes back."""

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_LONGEST = 128
"""Characters; decoding is quadratic, and nothing of ours is longer than a signature's 88."""


def encode(raw: bytes) -> str:
    """Leading zero bytes become leading `1`s."""
    number = int.from_bytes(raw, "big")
    digits = ""
    while number:
        number, digit = divmod(number, 58)
        digits = ALPHABET[digit] + digits
    return "1" * (len(raw) - len(raw.lstrip(b"\x00"))) + digits


def decode(text: str) -> bytes:
    """ValueError for a character that is none of the 58, or for more than 128 of them."""
    if len(text) > _LONGEST:
        raise ValueError(f"longer than {_LONGEST} characters")
    number = 0
    for character in text:
        number = number * 58 + ALPHABET.index(character)
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def is_canonical(text: str, *, length: int) -> bool:
    """Whether `text` is the one base58 text of some `length` bytes."""
    try:
        raw = decode(text)
    except ValueError:
        return False
    return len(raw) == length and encode(raw) == text
