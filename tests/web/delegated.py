"""A burn that a machine may not judge, for the page: made by a delegate of the owner's."""

import base64
import json

from solders.keypair import Keypair
from solders.pubkey import Pubkey
from spl.token.constants import TOKEN_2022_PROGRAM_ID
from spl.token.instructions import get_associated_token_address

from tests.chain_builders import approve, burn, signed
from tests.local.running_stack import Person
from tests.local.stand_ins import until


def burned_by_a_delegate(origin: str) -> str:
    """The key (JWK) of a wallet whose upgrade is under review."""
    owner, delegate = Keypair(), Keypair()
    person = Person(origin, owner)
    try:
        nft_id = person.first_nft()
        upgrade_id = person.open(nft_id)["upgradeRequestId"]
        person.confirm(upgrade_id, _burn(person, Pubkey.from_string(nft_id), owner, delegate))
        until(lambda: person.status(upgrade_id)["status"] == "under_review", seconds=30)
    finally:
        person.close()
    return _jwk(owner)


def _burn(person: Person, mint: Pubkey, owner: Keypair, delegate: Keypair) -> str:
    account = get_associated_token_address(owner.pubkey(), mint, TOKEN_2022_PROGRAM_ID)
    instructions = [
        approve(account, mint, owner.pubkey(), delegate.pubkey()),
        burn(account, mint, delegate.pubkey()),
    ]
    latest = person.rpc.call("getLatestBlockhash", {"commitment": "confirmed"})["value"]
    transaction = signed(instructions, latest["blockhash"], owner, delegate)
    signature = person.rpc.send(base64.b64encode(transaction).decode())
    person.rpc.wait_for(signature, commitment="confirmed")
    return signature


def _jwk(keypair: Keypair) -> str:
    halves = {"d": keypair.secret(), "x": bytes(keypair.pubkey())}
    texts = {n: base64.urlsafe_b64encode(raw).rstrip(b"=").decode() for n, raw in halves.items()}
    return json.dumps({"kty": "OKP", "crv": "Ed25519", **texts})
