"""A sweep over 100,000 open requests: RPC calls, DynamoDB calls, seconds, memory, runs.

Storage is DynamoDB Local, the chain the local node; both share the two cores with the sweep, so the
seconds are an upper bound. 1,000 real NFTs stand for 100,000: the node reads a hundred accounts per
call either way, and no hundred names one twice. Nothing is burned and no request is past its time:
that is what the sweep does nearly always, for everybody. Figures: of all runs until each request
was looked at once. `SWEEP_FIRST_LOOK=1`: they are due for their first look, which writes.
"""

import base64
import os
import resource
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import solders.system_program as system
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import Message
from solders.transaction import VersionedTransaction
from spl.token import instructions as spl
from spl.token import models
from spl.token.constants import MINT_LEN, TOKEN_PROGRAM_ID

from benchmarks.calls import Tally, counting
from benchmarks.figures import table
from benchmarks.house import LAMPORTS, advance, engines
from local.client import Rpc
from nft_upgrade.adapters.dynamodb_facts import REQUEST, request_facts
from nft_upgrade.adapters.dynamodb_items import Database, RequestItem
from nft_upgrade.adapters.dynamodb_transitions import present
from nft_upgrade.domain.upgrade import Status, Upgrade
from nft_upgrade.use_cases.sweeping import SweepReport

REQUESTS = int(os.environ.get("SWEEP_REQUESTS", "100000"))
IS_FIRST_LOOK = os.environ.get("SWEEP_FIRST_LOOK") == "1"
NFTS = 1_000
SEEDERS = 4
SHOWN = ("rpc getMultipleAccounts", "dynamodb Query", "dynamodb UpdateItem")
MIB = 1024


def main() -> None:
    """Print the table."""
    tally = Tally()
    with engines(slot_ms=400, dynamodb_local=True) as url:
        os.environ["KAFKA_BOOTSTRAP_SERVERS"] = "127.0.0.1:1"  # Nothing is to be published.
        mints = _mints(url)
        begun = time.perf_counter()
        _seed(mints)
        print(f"{REQUESTS} requests written in {time.perf_counter() - begun:.0f} s", flush=True)
        with counting(tally):
            runs = list(_runs())
    seconds = [took for took, _ in runs]
    looked_at = sum(report.watched + report.walked for _, report in runs)
    faults = [fault for _, report in runs for fault in report.faults]
    rows = [
        ("requests looked at", looked_at),
        ("runs until all were looked at", len(runs)),
        ("requests per run, at most", max(report.watched + report.walked for _, report in runs)),
        ("seconds, all runs", f"{sum(seconds):.1f}"),
        ("seconds, longest run", f"{max(seconds):.1f}"),
        ("requests per second", f"{looked_at / sum(seconds):.0f}"),
        *((kind, tally.calls["", kind]) for kind in SHOWN),
        ("read units", f"{tally.units['', 'ReadCapacityUnits']:g}"),
        ("write units", f"{tally.units['', 'WriteCapacityUnits']:g}"),
        ("memory at most, MiB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // MIB),
        ("faults", f"{len(faults)} {faults[:1]}" if faults else 0),
    ]
    table(f"A sweep over {REQUESTS} open requests", ("what", "figure"), rows)


def _runs() -> Iterator[tuple[float, SweepReport]]:
    from nft_upgrade import wiring

    most = int(os.environ.get("SWEEP_RUNS", "1000"))
    looked_at = 0
    for _ in range(most):
        begun = time.perf_counter()
        report = wiring.sweeping().run()
        took = time.perf_counter() - begun
        looked_at += report.watched + report.walked
        print(f"run: {report.watched} + {report.walked} in {took:.1f} s", flush=True)
        yield took, report
        if looked_at >= REQUESTS:
            return


def _seed(mints: Sequence[str]) -> None:
    from nft_upgrade import wiring

    requests = Database(wiring.table_prefix()).bind(RequestItem)
    now = wiring.clock().now()

    def write(first: int) -> None:
        with requests.batch_write() as batch:
            for number in range(first, REQUESTS, SEEDERS):
                upgrade = _request(number, mints[number % NFTS], now)
                batch.save(requests(upgrade.id, REQUEST, **present(request_facts(upgrade))))

    with ThreadPoolExecutor(SEEDERS) as workers:
        list(workers.map(write, range(SEEDERS)))


def _request(number: int, mint: str, now: datetime) -> Upgrade:
    wallet = str(Keypair.from_seed(number.to_bytes(32, "big")).pubkey())
    return Upgrade(
        id=f"01BENCHMARK{number:015d}",
        user_id=wallet,
        nft_id=mint,
        current_level=1,
        target_level=2,
        status=Status.INITIATED,
        version=1,
        token_program=str(TOKEN_PROGRAM_ID),
        mint_base=wallet,
        successor=wallet,
        opened_slot=1,
        created_at=now,
        updated_at=now,
        expires_at=now + timedelta(days=1),
        due_at=now if IS_FIRST_LOOK else now + timedelta(days=1),
        last_event_hash="0" * 64,
    )


def _mints(url: str) -> Sequence[str]:
    """Real classic NFTs, all final."""
    rpc = Rpc(url)
    owner = Keypair()
    rpc.call("requestAirdrop", str(owner.pubkey()), 100 * LAMPORTS)
    rent = int(rpc.call("getMinimumBalanceForRentExemption", MINT_LEN))
    options = {"encoding": "base64", "skipPreflight": True}
    mints = [Keypair() for _ in range(NFTS)]
    for number, mint in enumerate(mints):
        if number % 100 == 0:
            latest = rpc.call("getLatestBlockhash")["value"]["blockhash"]
        wire = _nft(mint, owner, rent, latest)
        signature = rpc.call("sendTransaction", base64.b64encode(wire).decode(), options)
    advance(rpc, url, 10)
    rpc.wait_for(signature, commitment="finalized")
    rpc.close()
    return [str(mint.pubkey()) for mint in mints]


def _nft(mint: Keypair, owner: Keypair, rent: int, blockhash: str) -> bytes:
    payer, address = owner.pubkey(), mint.pubkey()
    account = spl.get_associated_token_address(payer, address)
    instructions = [
        system.create_account(
            system.CreateAccountParams(
                from_pubkey=payer,
                to_pubkey=address,
                lamports=rent,
                space=MINT_LEN,
                owner=TOKEN_PROGRAM_ID,
            )
        ),
        spl.initialize_mint2(
            models.InitializeMint2Params(
                decimals=0, program_id=TOKEN_PROGRAM_ID, mint=address, mint_authority=payer
            )
        ),
        spl.create_idempotent_associated_token_account(payer, payer, address),
        spl.mint_to(
            models.MintToParams(
                amount=1,
                dest=account,
                mint=address,
                mint_authority=payer,
                program_id=TOKEN_PROGRAM_ID,
            )
        ),
    ]
    message = Message.new_with_blockhash(instructions, payer, Hash.from_string(blockhash))
    return bytes(VersionedTransaction(message, [owner, mint]))
