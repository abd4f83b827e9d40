"""Operators' commands as they are typed, against the emulator and a real node."""

import getpass
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from spl.token.constants import TOKEN_2022_PROGRAM_ID
from spl.token.instructions import get_associated_token_address

from local.aws_resources import create_tables
from nft_upgrade import wiring, wiring_events, wiring_ops
from nft_upgrade.adapters.dynamodb_items import Database
from nft_upgrade.adapters.dynamodb_journal import PARTITION, DynamoDbJournal, JournalItem
from nft_upgrade.adapters.dynamodb_nfts import DynamoDbNfts
from nft_upgrade.adapters.dynamodb_projections import DynamoDbAuditTrail
from nft_upgrade.adapters.dynamodb_upgrades import DynamoDbUpgrades
from nft_upgrade.adapters.kms_signer import KmsEd25519Key, KmsSigner
from nft_upgrade.adapters.token_program import TOKEN_2022
from nft_upgrade.consumers.ports import AuditEntry
from nft_upgrade.domain.burn import BurnProof
from nft_upgrade.domain.nft import Nft
from nft_upgrade.domain.upgrade import Upgrade, open_upgrade
from nft_upgrade.ops.__main__ import main
from tests.chain_builders import PROGRAM, SOL, approve, burn, keypair
from tests.contracts.samples import request
from tests.fakes.events import START, story
from tests.fixtures.aws import AwsEndpoint
from tests.fixtures.solana import SolanaNode
from tests.foreign_nfts import Foreign, minted
from tests.solana_world import SolanaWorld

PREFIX = "ops-test-"


@dataclass(frozen=True)
class Told:
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Told]


@pytest.fixture(scope="module")
def world(solana: SolanaNode) -> SolanaWorld:
    return SolanaWorld(solana.url)


@pytest.fixture(scope="module")
def settings(aws: AwsEndpoint, kms: str, solana: SolanaNode, world: SolanaWorld) -> dict[str, str]:
    create_tables(aws.url, PREFIX)
    return {
        **aws.environment,
        "AWS_ENDPOINT_URL_KMS": kms,
        "TABLE_PREFIX": PREFIX,
        "SOLANA_RPC_URLS": solana.url,
        "MINT_KMS_KEY_ID": "alias/mint",
        "STATE_MACHINE_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:none",
    }


@pytest.fixture(scope="module")
def run(settings: dict[str, str]) -> Run:
    """`run("status")`: the command as it is typed, knowing nothing of those before it."""

    def execute(*arguments: str) -> Told:
        with environment(settings), output() as (out, err):
            return Told(exit_code(arguments), out.getvalue(), err.getvalue())

    return execute


def exit_code(arguments: Sequence[str]) -> int:
    try:
        return main(arguments)
    except SystemExit as left:  # argparse
        return int(left.code or 0)


@contextmanager
def output() -> Iterator[tuple[StringIO, StringIO]]:
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        yield out, err


@contextmanager
def environment(settings: Mapping[str, str]) -> Iterator[None]:
    """The process's own, and no part of the wiring made before or kept after."""
    with pytest.MonkeyPatch.context() as patch:
        for name, text in settings.items():
            patch.setenv(name, text)
        forget()
        yield
        forget()


def forget() -> None:
    for client in (wiring._chain, wiring_ops.archive):
        if client.cache_info().currsize:
            client().close()  # type: ignore[union-attr]
    for module in (wiring, wiring_events, wiring_ops):
        for part in vars(module).values():
            if hasattr(part, "cache_clear"):
                part.cache_clear()


def issued(settings: Mapping[str, str], recipient: Keypair) -> str:
    """An NFT of ours; the first creates the collection, which successors are members of."""
    with environment(settings):
        return (
            wiring.issuing().issue(f"claim of {recipient.pubkey()}", str(recipient.pubkey())).mint
        )


@pytest.fixture(scope="module")
def system_wallet(kms_client: object, world: SolanaWorld) -> str:
    """The KMS stand-in's own, funded."""
    address = KmsSigner(KmsEd25519Key("alias/mint", kms_client)).address()  # type: ignore[arg-type]
    world.airdrop(Pubkey.from_string(address), 100 * SOL)
    return address


def test_a_command_is_a_process_with_an_exit_code(
    settings: dict[str, str], system_wallet: str
) -> None:
    def typed(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "nft_upgrade.ops", *arguments],
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            timeout=60,
        )

    told = typed("status")
    assert (told.returncode, "minting: on" in told.stdout) == (0, True), told.stderr
    refused = typed("pause", "  ")
    assert (refused.returncode, refused.stderr) == (1, "--reason must say why\n")


def test_status_tells_the_switch_the_wallet_and_the_requests(run: Run, system_wallet: str) -> None:
    told = run("status")
    assert told.returncode == 0, told.stderr
    assert "minting: on" in told.stdout
    assert f"system wallet: {system_wallet}" in told.stdout
    assert "active requests: 0" in told.stdout
    assert "waiting after their burn: 0" in told.stdout
    assert "events not in Kafka: 0" in told.stdout
    assert "nft-audit: unknown records behind" in told.stdout
    assert "relay streams: unknown" in told.stdout


def test_minting_is_paused_with_a_reason_and_resumed(run: Run, system_wallet: str) -> None:
    assert "minting: paused: we move house" in run("pause", "we move house").stdout
    assert "minting: paused: we move house" in run("status").stdout
    assert "minting: on" in run("resume", "--operator", "night shift").stdout
    kept = run("journal", "--limit", "2")
    assert kept.returncode == 0, kept.stderr
    newest, before, sound = kept.stdout.splitlines()
    assert "night shift asked to resume: resumed" in newest
    assert f"{getpass.getuser()} asked to pause: we move house" in before
    assert sound == "unbroken"


def test_a_pause_without_a_reason_is_refused(run: Run) -> None:
    refused = run("pause", "  ")
    assert (refused.returncode, refused.stderr) == (1, "--reason must say why\n")
    assert "minting: on" in run("status").stdout


def test_an_upgrades_audit_record_is_shown_and_a_changed_one_is_named(run: Run) -> None:
    trail = DynamoDbAuditTrail(Database(PREFIX))
    events = story("up-audited", "wallet")
    for event in events:
        trail.append(AuditEntry(event, START))
    told = run("audit", "up-audited")
    assert told.returncode == 0, told.stderr
    assert events[-1].hash in told.stdout and f"mint {events[-1].mint_signature}" in told.stdout
    assert f"{len(events)} entries, unbroken" in told.stdout
    trail.append(AuditEntry(replace(events[0], upgrade_id="up-changed"), START))
    changed = run("audit", "up-changed")
    assert (changed.returncode, "NOT WHOLE: entry 1" in changed.stdout) == (1, True)
    assert run("audit", "up-unknown").returncode == 1


def test_a_journal_that_was_tampered_with_says_so(run: Run, system_wallet: str) -> None:
    run("pause", "the real reason")
    database = Database(PREFIX)
    entries = database.bind(JournalItem)
    kept = DynamoDbJournal(database).last()
    assert kept is not None
    item = entries.get(PARTITION, f"ENTRY#{kept.number:09d}")
    item.update([JournalItem.reason.set("another reason")])
    told = run("journal")
    assert told.returncode == 1 and "BROKEN" in told.stdout
    item.update([JournalItem.reason.set("the real reason")])
    assert run("journal").returncode == 0
    run("resume")


def test_a_registry_is_registered_lost_and_rebuilt(
    run: Run, system_wallet: str, world: SolanaWorld, settings: dict[str, str], tmp_path: Path
) -> None:
    owner, first = keypair("ops owner"), keypair("ops first")
    world.airdrop(owner.pubkey(), SOL)
    ours = issued(settings, first)
    mint = minted(world, keypair("ops foreign"), owner, Foreign())
    told = run("register", "--mint", mint, "--level", "2")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout) == {"mint": mint, "level": 2}
    registered = tmp_path / "registered.jsonl"
    registered.write_text(told.stdout)

    lose_everything()
    dry = run("rebuild", "--registered", str(registered))
    assert dry.returncode == 0, dry.stderr + dry.stdout
    assert f"would write: {mint}" in dry.stdout
    journal = str(tmp_path / "journal")
    done = run("rebuild", "--write", "--registered", str(registered), "--journal", journal)
    assert done.returncode == 0, done.stderr + done.stdout
    assert f"wrote: {ours}" in done.stdout
    again = run("rebuild", "--write", "--registered", str(registered), "--journal", journal)
    assert "0 to write, 2 as they were, 0 differ" in again.stdout


@pytest.mark.parametrize(
    ("decision", "status"), [("accept", "burn_confirmed"), ("refuse", "initiated")]
)
def test_a_burn_under_review_is_shown_and_decided(
    run: Run,
    settings: dict[str, str],
    system_wallet: str,
    world: SolanaWorld,
    decision: str,
    status: str,
) -> None:
    issued(settings, keypair(f"review first {decision}"))
    upgrade = under_review(run, world, decision)
    shown = run("review", upgrade.id)
    assert shown.returncode == 0, shown.stderr
    assert "under_review" in shown.stdout and "V10" in shown.stdout
    assert f"{upgrade.id}  under_review" in run("waiting").stdout
    words = (upgrade.id, "--operator", "on duty", "--reason", "shown by mail")
    decided = run(decision, *words)
    assert decided.returncode == 0, decided.stderr
    assert f"{upgrade.id}: {status}" in decided.stdout
    assert "by on duty: shown by mail" in run("show", upgrade.id).stdout
    assert f"on duty asked to {decision} {upgrade.id}" in run("journal").stdout
    again = run(decision, *words)
    assert again.returncode == 1 and again.stderr.startswith("wrong_status: ")
    retried = run("retry", upgrade.id, "--reason", "now")
    assert retried.returncode == 1 and retried.stderr.startswith("not_retryable: ")


def test_what_is_not_there_cannot_be_reviewed(run: Run) -> None:
    assert run("review", "01ARZ3NDEKTSV4RRFFQ69G5FAV").stderr.startswith("upgrade_not_found: ")


def under_review(run: Run, world: SolanaWorld, name: str) -> Upgrade:
    """A foreign NFT whose owner let a delegate burn it, claimed and held."""
    owner, delegate = keypair(f"review owner {name}"), keypair(f"review delegate {name}")
    for wallet in (owner, delegate):
        world.airdrop(wallet.pubkey(), SOL)
    kind = Foreign(program=TOKEN_2022_PROGRAM_ID)
    mint = minted(world, keypair(f"review NFT {name}"), owner, kind)
    assert run("register", "--mint", mint, "--level", "1").returncode == 0
    database = Database(PREFIX)
    nft = DynamoDbNfts(database).get(mint)
    assert nft is not None
    opened = open_upgrade(draft_of(nft), nft=nft)
    upgrades = DynamoDbUpgrades(database)
    upgrades.commit(opened)
    signature = burned_by(world, owner, delegate, Pubkey.from_string(mint))
    claimed = opened.after.claim_burn(signature, height=None, at=nft.created_at)
    upgrades.commit(claimed)
    held = claimed.after.review_burn(BurnProof(signature, mint, None, None, ()), at=nft.created_at)
    upgrades.commit(held)
    return held.after


def draft_of(nft: Nft) -> Upgrade:
    successor = PROGRAM.successor_address(
        mint_base=nft.mint_base, predecessor=nft.mint, token_program=TOKEN_2022
    )
    return replace(
        request(f"review-{nft.mint}", nft),
        target_level=2,
        successor=successor,
        opened_slot=0,
        due_at=None,
    )


def burned_by(world: SolanaWorld, owner: Keypair, delegate: Keypair, mint: Pubkey) -> str:
    account = get_associated_token_address(owner.pubkey(), mint, TOKEN_2022_PROGRAM_ID)
    world.send([approve(account, mint, owner.pubkey(), delegate.pubkey())], owner)
    return world.send([burn(account, mint, delegate.pubkey())], delegate)


def test_what_is_refused_says_why_and_ends_with_1(run: Run, system_wallet: str) -> None:
    refused = run("register", "--mint", "not base58!", "--level", "1")
    assert refused.returncode == 1
    assert refused.stderr.startswith("invalid_mint: ")
    assert run("rebuild", "--registered", "/no/such/file").returncode == 1


def test_a_setting_that_is_missing_is_named(settings: dict[str, str]) -> None:
    known = {name: value for name, value in settings.items() if name != "MINT_KMS_KEY_ID"}
    with environment(known), output() as (_, err):
        assert exit_code(["status"]) == 1
    assert err.getvalue().startswith("MINT_KMS_KEY_ID: Field required\ndocs/operations.md ")


def test_wrong_arguments_end_with_2(run: Run) -> None:
    assert run("rebuild", "--write", "--dry-run").returncode == 2
    assert run().returncode == 2


def lose_everything() -> None:
    """Registry and locks are gone."""
    from nft_upgrade.adapters.dynamodb_items import Database, LockItem, NftItem

    database = Database(PREFIX)
    for model in (NftItem, LockItem):
        bound = database.bind(model)
        for item in bound.scan():
            item.delete()
