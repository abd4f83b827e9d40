import base64

import pytest
from solders.account import Account
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction
from spl.token import instructions as spl
from spl.token import models
from spl.token.constants import TOKEN_2022_PROGRAM_ID, TOKEN_PROGRAM_ID

from local.solana.tokens import token_account_of, ui_amount
from nft_upgrade.ports import Blockhash
from tests import chain_builders
from tests.local.solana_chain import SOL, Chain, Refused, ata, burn, close, keypair

PROGRAMS = pytest.mark.parametrize("program", [TOKEN_PROGRAM_ID, TOKEN_2022_PROGRAM_ID])
PROCESSED = {"commitment": "processed"}
PARSED = {"commitment": "processed", "encoding": "jsonParsed"}


@pytest.fixture
def chain() -> Chain:
    return Chain()


def ui(amount: str) -> dict[str, object]:
    return {
        "amount": amount,
        "decimals": 0,
        "uiAmount": float(amount),
        "uiAmountString": amount,
    }


@PROGRAMS
def test_a_mint_shows_one_post_token_balance(chain: Chain, program: Pubkey) -> None:
    user = chain.wallet("user")
    mint = chain.mint_nft(user, "nft", program)
    meta = chain.meta(chain.ledger.landed[-1].signature)
    assert meta["preTokenBalances"] == []
    [balance] = meta["postTokenBalances"]
    index = balance.pop("accountIndex")
    assert chain.ledger.landed[-1].loaded.pubkeys[index] == ata(user, mint, program)
    assert balance == {
        "mint": str(mint),
        "owner": str(user.pubkey()),
        "programId": str(program),
        "uiTokenAmount": ui("1"),
    }


@PROGRAMS
def test_a_burn_shows_one_before_and_none_after(chain: Chain, program: Pubkey) -> None:
    user = chain.wallet("user")
    mint = chain.mint_nft(user, "nft", program)
    meta = chain.meta(chain.send(chain.signed([burn(user, mint, program)], user)))
    [before], [after] = meta["preTokenBalances"], meta["postTokenBalances"]
    assert before["uiTokenAmount"] == ui("1")
    assert after["uiTokenAmount"] == ui("0")
    assert before["owner"] == after["owner"] == str(user.pubkey())


@PROGRAMS
def test_a_burn_with_close_leaves_no_post_token_balance(chain: Chain, program: Pubkey) -> None:
    user = chain.wallet("user")
    mint = chain.mint_nft(user, "nft", program)
    instructions = [burn(user, mint, program), close(user, mint, program)]
    meta = chain.meta(chain.send(chain.signed(instructions, user)))
    assert [each["uiTokenAmount"]["amount"] for each in meta["preTokenBalances"]] == ["1"]
    assert meta["postTokenBalances"] == []
    assert chain.value("getAccountInfo", str(ata(user, mint, program)), PROCESSED) is None


@PROGRAMS
def test_token_reads_follow_the_commitment(chain: Chain, program: Pubkey) -> None:
    user = chain.wallet("user")
    mint = chain.mint_nft(user, "nft", program)
    chain.finalize()
    instructions = [burn(user, mint, program), close(user, mint, program)]
    chain.send(chain.signed(instructions, user))
    owner = str(user.pubkey())
    for commitment, supply in (("processed", "0"), ("finalized", "1")):
        at = {"commitment": commitment, "encoding": "base64"}
        assert chain.value("getTokenSupply", str(mint), at)["amount"] == supply
        owned = chain.value("getTokenAccountsByOwner", owner, {"mint": str(mint)}, at)
        assert len(owned) == int(supply)
        assert len(chain.value("getTokenLargestAccounts", str(mint), at)) == int(supply)
    chain.finalize()
    assert chain.value("getTokenAccountsByOwner", owner, {"programId": str(program)}) == []
    assert chain.value("getTokenLargestAccounts", str(mint)) == []


def test_accounts_of_an_owner_are_found_by_mint_and_by_program(chain: Chain) -> None:
    user = chain.wallet("user")
    first = chain.mint_nft(user, "first", TOKEN_2022_PROGRAM_ID)
    chain.mint_nft(user, "second", TOKEN_2022_PROGRAM_ID)
    classic = chain.mint_nft(user, "classic", TOKEN_PROGRAM_ID)
    owner = str(user.pubkey())

    def found(**wanted: str) -> list[str]:
        entries = chain.value("getTokenAccountsByOwner", owner, wanted, PARSED)
        return [entry["account"]["data"]["parsed"]["info"]["mint"] for entry in entries]

    assert found(mint=str(first)) == [str(first)]
    assert found(programId=str(TOKEN_PROGRAM_ID)) == [str(classic)]
    assert len(found(programId=str(TOKEN_2022_PROGRAM_ID))) == 2


def plain_transfer(owner: Keypair, mint: Pubkey, target: Pubkey, amount: int) -> Instruction:
    """A transfer that does not name the mint."""
    return spl.transfer(
        models.TransferParams(
            program_id=TOKEN_PROGRAM_ID,
            source=ata(owner, mint, TOKEN_PROGRAM_ID),
            dest=target,
            owner=owner.pubkey(),
            amount=amount,
        )
    )


def shared(chain: Chain) -> tuple[Pubkey, Pubkey, str]:
    """A coin of which 70 of 100 went elsewhere: its mint, that account, the transfer."""
    user, other = chain.wallet("user"), chain.wallet("other")
    mint = chain.mint_nft(user, "coin", TOKEN_PROGRAM_ID, amount=100)
    target = ata(other, mint, TOKEN_PROGRAM_ID)
    create = spl.create_associated_token_account(
        user.pubkey(), other.pubkey(), mint, TOKEN_PROGRAM_ID
    )
    chain.send(chain.signed([create], user))
    signature = chain.send(chain.signed([plain_transfer(user, mint, target, 70)], user))
    return mint, target, signature


def test_largest_accounts_come_first(chain: Chain) -> None:
    mint, target, _ = shared(chain)
    largest = chain.value("getTokenLargestAccounts", str(mint), PROCESSED)
    assert [each["amount"] for each in largest] == ["70", "30"]
    assert largest[0]["address"] == str(target)
    balance = chain.value("getTokenAccountBalance", str(target), PROCESSED)
    assert balance == ui("70")


def test_a_transfer_that_does_not_name_the_mint_shows_its_balances(chain: Chain) -> None:
    mint, _, signature = shared(chain)
    assert mint not in chain.ledger.landed[-1].loaded.pubkeys
    meta = chain.meta(signature)

    def amounts(side: str) -> list[str]:
        return sorted(each["uiTokenAmount"]["amount"] for each in meta[side])

    assert amounts("preTokenBalances") == ["0", "100"]
    assert amounts("postTokenBalances") == ["30", "70"]


def test_a_multisig_is_no_token_account(chain: Chain) -> None:
    data = bytearray(355)
    data[108], data[165] = 1, 2
    multisig = Account(1, bytes(data), TOKEN_2022_PROGRAM_ID)
    assert token_account_of(multisig) is None
    assert token_account_of(Account(1, bytes(data[:354]), TOKEN_2022_PROGRAM_ID)) is not None


def test_parsed_accounts_name_their_fields(chain: Chain) -> None:
    user = chain.wallet("user")
    mint = chain.mint_nft(user, "nft", TOKEN_2022_PROGRAM_ID)
    data = chain.value("getAccountInfo", str(mint), PARSED)["data"]
    assert data["program"] == "spl-token-2022"
    assert data["parsed"] == {
        "type": "mint",
        "info": {
            "mintAuthority": str(user.pubkey()),
            "supply": "1",
            "decimals": 0,
            "isInitialized": True,
            "freezeAuthority": None,
        },
    }
    wallet = chain.value("getAccountInfo", str(user.pubkey()), PARSED)
    assert wallet["data"] == ["", "base64"]


def test_parsed_nfts_show_their_metadata_and_membership(chain: Chain) -> None:
    base = chain_builders.SYSTEM_WALLET
    chain.ask("requestAirdrop", str(base.pubkey()), 10 * SOL)
    latest = chain.value("getLatestBlockhash", PROCESSED)
    blockhash = Blockhash(latest["blockhash"], latest["lastValidBlockHeight"], slot=0)
    order = chain_builders.mint_order(in_collection=False)
    program = chain_builders.PROGRAM
    rent = chain.ledger.rent(program.account_size(order))
    message = program.mint_message(order, blockhash, rent=rent, units=200_000, fee=0)
    chain.send(VersionedTransaction.from_bytes(chain_builders.sign_message(message)))
    address = program.address_of(order)
    parsed = chain.value("getAccountInfo", address, PARSED)["data"]["parsed"]
    shown = {each["extension"]: each.get("state") for each in parsed["info"]["extensions"]}
    assert shown["metadataPointer"] == {"authority": None, "metadataAddress": address}
    assert shown["tokenMetadata"] == {
        "updateAuthority": None,
        "mint": address,
        "name": order.name,
        "symbol": order.symbol,
        "uri": order.uri,
        "additionalMetadata": [["level", "2"]],
    }
    [held] = chain.value("getTokenAccountsByOwner", order.recipient, {"mint": address}, PARSED)
    info = held["account"]["data"]["parsed"]["info"]
    assert info["extensions"] == [{"extension": "immutableOwner"}]


def test_program_accounts_are_filtered_by_size_and_content(chain: Chain) -> None:
    user = chain.wallet("user")
    mint = chain.mint_nft(user, "nft", TOKEN_PROGRAM_ID)
    chain.mint_nft(user, "other nft", TOKEN_PROGRAM_ID)

    def found(*filters: object) -> list[str]:
        config = {"commitment": "processed", "encoding": "base64", "filters": list(filters)}
        entries = chain.ask("getProgramAccounts", str(TOKEN_PROGRAM_ID), config)
        return [entry["pubkey"] for entry in entries]

    assert str(mint) in found({"dataSize": 82})
    assert found({"memcmp": {"offset": 0, "bytes": str(mint)}}) == [
        str(ata(user, mint, TOKEN_PROGRAM_ID))
    ]
    encoded = base64.b64encode(bytes(user.pubkey())).decode()
    owned = {"memcmp": {"offset": 32, "bytes": encoded, "encoding": "base64"}}
    assert len(found({"dataSize": 165}, owned)) == 2
    assert found({"dataSize": 83}) == []


def test_program_accounts_follow_the_commitment(chain: Chain) -> None:
    user = chain.wallet("user")
    mint = chain.mint_nft(user, "nft", TOKEN_PROGRAM_ID)
    chain.finalize()
    instructions = [burn(user, mint, TOKEN_PROGRAM_ID), close(user, mint, TOKEN_PROGRAM_ID)]
    chain.send(chain.signed(instructions, user))

    def holders(commitment: str) -> int:
        filters = [{"memcmp": {"offset": 0, "bytes": str(mint)}}]
        config = {"commitment": commitment, "encoding": "base64", "filters": filters}
        return len(chain.ask("getProgramAccounts", str(TOKEN_PROGRAM_ID), config))

    assert (holders("processed"), holders("finalized")) == (0, 1)


def test_what_is_no_token_account_or_mint_is_said_so(chain: Chain) -> None:
    user = chain.wallet("user")
    mint = chain.mint_nft(user, "nft", TOKEN_PROGRAM_ID)
    absent = str(keypair("absent").pubkey())
    for method, address, message in (
        ("getTokenAccountBalance", absent, "could not find account"),
        ("getTokenAccountBalance", str(mint), "not a Token account"),
        ("getTokenSupply", absent, "could not find account"),
        ("getTokenSupply", str(user.pubkey()), "not a Token mint"),
        ("getTokenLargestAccounts", str(user.pubkey()), "not a Token mint"),
    ):
        with pytest.raises(Refused, match=message) as refused:
            chain.ask(method, address, PROCESSED)
        assert refused.value.code == -32602
    for wanted, message in (
        ({"mint": absent}, "could not find mint"),
        ({"programId": absent}, "unrecognized Token program id"),
        ({}, "expected `mint` or `programId`"),
    ):
        with pytest.raises(Refused, match=message):
            chain.ask("getTokenAccountsByOwner", absent, wanted, PROCESSED)


def test_amounts_read_as_decimals_without_trailing_zeros() -> None:
    assert ui_amount(1_500_000, 6)["uiAmountString"] == "1.5"
    assert ui_amount(5, 6)["uiAmountString"] == "0.000005"
    assert ui_amount(0, 6)["uiAmountString"] == "0"
    assert ui_amount(100, 0)["uiAmountString"] == "100"
