"""TEST KEY of the local operator: a wallet that may operate the stack on this machine, no other.

The seed is made of a word, so anybody can compute it; `python -m local.wallet operator ...` is the
same wallet. The gateway hands it to the operators' page, whose button signs in with it.
"""

import hashlib

OPERATOR = "2UAwogeUgVu7avUSHJ9MP6LV3cb6Zhuy6fjn3troa1hn"
SEED = hashlib.sha256(b"TEST KEY wallet operator").digest()
