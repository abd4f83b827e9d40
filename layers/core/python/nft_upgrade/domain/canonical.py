"""One spelling of facts, so that whoever has the same facts has the same hash and signature.

RFC 8785 for text, whole numbers, lists and objects of them: sorted members, no spaces, UTF-8.
"""

import hashlib
import json
from collections.abc import Mapping


def canonical_json(facts: Mapping[str, object]) -> bytes:
    """UTF-8. TypeError for what JSON does not have."""
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def canonical_hash(facts: Mapping[str, object]) -> str:
    """SHA-256, hex."""
    return hashlib.sha256(canonical_json(facts)).hexdigest()
