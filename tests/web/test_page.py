"""The page in a browser on the running stack: a whole upgrade, and every accident on its way.

What a person does and sees is in `web/browser/scenarios`; pictures of every state are kept in
`test-artifacts/page`. Each scenario has people and NFTs of its own.
"""

import base64
import gzip
import inspect
import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.page import SCENARIOS
from tests.local.running_stack import RunningStack
from tests.web.browser import PICTURES, Player, path_of, scenario_names
from tests.web.delegated import burned_by_a_delegate
from tests.web.node import WEB, node

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(300)]
WHOLE_WAY = [
    "upgrade_initiated",
    "burn_pending",
    "burn_confirmed",
    "mint_started",
    "upgrade_completed",
]
FIRST_TRY, ON_THE_WAY = WHOLE_WAY[:4], WHOLE_WAY[1:]
MOST_BYTES = 100 * 1024
PHONE_HEIGHT = 740
PEOPLE = 30
"""Wallets with an NFT that all scenarios need together."""


@pytest.fixture(scope="module")
def stack() -> Iterator[RunningStack]:
    stack = RunningStack()
    yield stack
    stack.part.stop(30)


@pytest.fixture(scope="module")
def solana(stack: RunningStack) -> str:
    told = httpx.get(f"{stack.origin}/local/addresses", trust_env=False).json()
    return str(told["solanaRpcUrl"])


@pytest.fixture(scope="module")
def player(request: pytest.FixtureRequest, stack: RunningStack, solana: str) -> Iterator[Player]:
    """Plays what the selected tests ask for, several at a time, while they wait."""
    shutil.rmtree(PICTURES, ignore_errors=True)
    player = Player(stack.origin, solana, people=PEOPLE)
    for name in _asked_for(request.session.items):
        player.order(name)
    yield player
    player.end()


def _asked_for(items: Iterable[pytest.Item]) -> Iterator[str]:
    """Scenarios that these tests play without telling them anything."""
    for item in items:
        if isinstance(item, pytest.Function) and item.module.__name__ == __name__:
            yield from re.findall(r'\.play\("([^"]+)"\)', inspect.getsource(item.function))


def is_calm(found: dict[str, Any]) -> bool:
    """Nothing thrown, nothing on the console, nothing that the Content-Security-Policy stopped."""
    assert found["troubles"] == []
    return True


def looks_right(states: list[dict[str, Any]], names: list[str]) -> bool:
    """axe finds nothing serious in either colour scheme; nothing sticks out on 360 px."""
    assert [state["name"] for state in states] == names
    for state in states:
        assert (state["violations"], state["wide"]) == ([], []), state["name"]
    return True


def test_every_state_of_an_upgrade_is_accessible_fits_a_phone_and_survives_a_reload(
    player: Player,
) -> None:
    found = player.play("the states of an upgrade")
    assert is_calm(found)
    names = ["entrance", "offer", "understood", "burn_pending", "mint_pending", "completed"]
    assert looks_right(found["states"], [*names, "developer"])
    assert [rule.strip() for rule in found["rules"]] == [f"V{number}" for number in range(1, 14)]
    assert found["top"] < PHONE_HEIGHT, "what happens is seen without scrolling"


def test_so_is_every_state_without_an_upgrade(player: Player) -> None:
    found = player.play("the states without an upgrade")
    assert is_calm(found)
    assert looks_right(found["states"], ["empty", "notice", "notifications", "offline"])


def test_a_request_that_nobody_burns_for_expires_before_ones_eyes(player: Player) -> None:
    found = player.play("a request that nobody burns for expires before one's eyes")
    assert is_calm(found)
    assert looks_right(found["states"], ["expired", "failed_permanent"])


def test_a_burn_that_a_machine_may_not_judge_says_so(player: Player, stack: RunningStack) -> None:
    found = player.play("a burn that people look at", key=burned_by_a_delegate(stack.origin))
    assert is_calm(found)
    assert looks_right(found["states"], ["under_review"])
    assert found["steps"] == ["upgrade_initiated", "burn_pending", "under_review"]
    assert len(found["judged"]) == 1
    assert "for people to judge" in found["judged"][0]


def test_burn_and_mint_are_one_transaction_for_who_wants_it(player: Player) -> None:
    found = player.play("burn and mint in one transaction")
    assert is_calm(found)
    assert "Both happen or neither does" in found["promise"]
    assert found["order"]["mode"] == "atomic"
    request = found["upgradeRequest"]
    assert request["burnTransactionHash"] == request["mintTransactionHash"]


def test_the_keyboard_alone_is_enough_and_the_end_is_spoken(player: Player) -> None:
    found = player.play("the whole way with the keyboard alone")
    assert is_calm(found)
    assert found["focus"] == "upgrade-title"
    assert "complete" in found["announced"]


def test_reduced_motion_is_respected(player: Player) -> None:
    found = player.play("reduced motion is respected")
    assert found["reduce"] == 0
    assert found["no-preference"] > 0, "then nothing was shown by the other"


def test_the_new_nft_comes_with_its_line_its_receipt_and_its_place(player: Player) -> None:
    found = player.play("the new NFT, its line, receipt and place")
    assert is_calm(found)
    new, old = found["nfts"]
    assert (new["level"], new["status"], new["predecessor"]) == (2, "active", found["burned"])
    assert (old["nftId"], old["status"]) == (found["burned"], "burned")
    receipt = found["receipt"]["receipt"]
    assert (receipt["wallet"], receipt["newNftId"]) == (found["who"], new["nftId"])
    assert found["lineage"] == ["Tech Chicken", "Quant Ape"]
    assert len(found["checks"]) == 13


def test_two_tabs_show_the_same_upgrade(player: Player) -> None:
    found = player.play("two tabs show the same upgrade")
    assert is_calm(found)
    assert found["steps"] == [WHOLE_WAY, WHOLE_WAY]


def test_of_four_tabs_the_first_gives_its_stream_away_and_does_not_come_back(
    player: Player,
) -> None:
    """A stream evicts the oldest: a tab that came back would evict the next one, without end."""
    found = player.play("of four tabs the first gives its stream away and asks instead")
    assert is_calm(found)
    assert found["tabs"] == 4
    assert found["reopened"] == 0
    assert found["states"] == ["live", "live", "live"]
    assert found["first"] == WHOLE_WAY


def test_a_second_user_sees_nothing_of_the_first(player: Player) -> None:
    found = player.play("a second user sees nothing of the first")
    assert "There is no such upgrade for this wallet." in found["text"]
    for private in (found["nftId"][:6], "signature"):
        assert private not in found["text"]
    assert found["answers"] == [404, 404, 404, 404]


def test_another_wallet_in_another_tab_replaces_what_this_one_shows(player: Player) -> None:
    found = player.play("another wallet in another tab replaces what this one shows")
    assert found["address"][:6] not in found["text"]


def test_a_page_that_was_offline_catches_up(player: Player) -> None:
    found = player.play("offline and online again")
    assert is_calm(found)
    assert (found["meanwhile"], found["banner"]) == (1, 0)
    assert found["steps"] == WHOLE_WAY


def test_an_upgrade_outlives_a_solana_that_does_not_answer(player: Player) -> None:
    found = player.play("Solana does not answer while the burn is proven")
    assert is_calm(found)
    assert "Your burn is on its way." in found["meanwhile"]
    assert found["steps"] == WHOLE_WAY


def test_without_solana_nothing_is_opened_and_the_page_says_what_to_do(player: Player) -> None:
    """It is told within seconds, and tried again by itself: one open, however often repeated."""
    found = player.play("Solana does not answer before the burn")
    assert is_calm(found)
    assert looks_right(found["states"], ["chain_away"])
    said = "Solana cannot be read at the moment. Nothing has been burned. The next attempt is in "
    assert re.fullmatch(re.escape(said) + r"\d s\.", found["lead"])
    assert found["ms"] < 8_000
    assert len(found["keys"]) >= 2
    assert len(set(found["keys"])) == 1
    assert found["steps"] == WHOLE_WAY


def test_nobody_has_to_wait_for_solana(player: Player) -> None:
    found = player.play("who does not want to wait for Solana keeps the NFT")
    assert is_calm(found)
    assert found["sheets"] == 0


def test_a_burn_whose_confirmation_was_never_sent_is_found(player: Player) -> None:
    found = player.play("the burn landed and its confirmation was never sent")
    assert is_calm(found)
    assert found["steps"] == WHOLE_WAY


def test_a_wallets_no_is_not_believed_when_the_burn_landed(player: Player) -> None:
    found = player.play("the wallet says no but the burn landed")
    assert is_calm(found)
    assert found["steps"] == WHOLE_WAY


def test_a_burn_nobody_told_of_is_seen_where_the_page_cannot_read_the_chain(
    player: Player,
) -> None:
    found = player.play("a burn nobody told of is seen where the page cannot read the chain")
    assert is_calm(found)
    assert re.search(r"Burn in my wallet|Cancel|nothing is burned", found["text"]) is None
    assert found["steps"] == WHOLE_WAY


def test_a_cancel_after_the_burn_leads_on_to_the_next_level(player: Player) -> None:
    found = player.play("a cancel that comes after the burn leads on to the next level")
    assert is_calm(found)
    assert "cannot be seen at the moment" in found["before"]
    assert "nothing is burned" not in found["before"]
    assert "the next one is owed to you" in found["alert"]
    assert found["steps"] == WHOLE_WAY


def test_a_signature_is_kept_until_the_api_has_it_whoever_answers_first(player: Player) -> None:
    found = player.play("a confirmation that a stranger answered is sent again by the button")
    assert is_calm(found)
    assert "nothing is lost" in found["text"]
    assert found["kept"] == []
    assert found["steps"] == WHOLE_WAY


def test_a_strangers_answer_to_the_stream_ends_no_following(player: Player) -> None:
    found = player.play("a stranger's answer to the stream ends no following")
    assert is_calm(found)
    assert found["steps"] == WHOLE_WAY


def test_who_has_signed_in_atomic_mode_is_not_told_that_nothing_happens(player: Player) -> None:
    found = player.play("what is signed in atomic mode may happen at any moment")
    assert is_calm(found)
    assert "it may burn and mint at any moment" in found["text"]
    assert re.search("nothing is burned|Your wallet is asking", found["text"], re.I) is None


def test_a_wallet_that_never_answers_is_asked_again(player: Player) -> None:
    found = player.play("a wallet that never answers is asked again")
    assert is_calm(found)
    assert (found["cancels"], found["sends"]) == (1, 2)
    assert found["steps"] == WHOLE_WAY


def test_nobody_has_to_wait_for_a_wallet_that_does_not_answer(player: Player) -> None:
    assert is_calm(player.play("an upgrade is cancelled while the wallet does not answer"))


def test_a_wallet_that_never_connects_locks_nobody_out(player: Player) -> None:
    found = player.play("a wallet that never connects is not waited for")
    assert is_calm(found)
    assert found["alerts"] == 0


def test_nobody_sees_another_wallets_data_under_their_own_address(player: Player) -> None:
    found = player.play("another wallet signs in on the operators' page")
    assert is_calm(found)
    assert "Another wallet has signed in in this browser." in found["body"]
    assert found["address"][:6] not in found["body"]


def test_a_session_that_ends_in_the_middle_is_signed_in_to_again(player: Player) -> None:
    found = player.play("the session ends during an upgrade")
    assert is_calm(found)
    assert "You are not signed in any more." in found["alert"]
    assert found["steps"] == WHOLE_WAY


def test_a_failed_mint_is_repeated_by_the_button(player: Player) -> None:
    found = player.play("a mint that fails is repeated by the button")
    assert is_calm(found)
    assert looks_right(found["states"], ["failed_retryable"])
    assert "Nothing is lost" in found["lead"]
    assert found["steps"][:4] == FIRST_TRY
    assert found["steps"][-1] == "upgrade_completed"
    assert {"mint_failed_retryable", "retry_started"} <= set(found["steps"])


def test_a_killed_relay_is_not_noticed_but_by_the_lamp(player: Player) -> None:
    found = player.play("the relay is killed")
    assert is_calm(found)
    assert found["steps"] == WHOLE_WAY


def test_a_request_is_given_up_and_another_gone_on_with_later(player: Player) -> None:
    found = player.play("a request that is given up, and one that is gone on with later")
    assert is_calm(found)
    assert looks_right(found["states"], ["initiated", "cancelled"])
    assert found["statuses"] == [201, 201]
    assert found["steps"] == WHOLE_WAY


def test_a_wallet_of_the_wallet_standard_signs_in_and_its_no_is_respected(player: Player) -> None:
    found = player.play("a wallet of the Wallet Standard signs in, and its no is respected")
    assert is_calm(found)
    assert found["alert"].startswith("Your wallet said no.")
    assert [nft["status"] for nft in found["nfts"]] == ["active"]


def test_the_browser_keeps_no_secret_but_the_test_wallets(player: Player) -> None:
    found = player.play("what is kept in the browser")
    kept = found["kept"]
    assert (kept["cookies"], kept["session"]) == ("", {}), "no script reads the session"
    assert json.loads(kept["local"].pop("nft-upgrade.test-wallet")) == found["key"]
    assert set(json.loads(kept["local"].pop("nft-upgrade.session"))) <= {
        "wallet",
        "isTest",
        "address",
        "chain",
    }
    assert kept["local"] == {}


def test_the_session_is_a_cookie_out_of_reach_of_scripts_and_other_sites(player: Player) -> None:
    (cookie,) = player.play("what is kept in the browser")["cookies"]
    assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Strict")
    assert cookie["path"] == "/"
    claims = base64.urlsafe_b64decode(cookie["value"].split(".")[1] + "==")
    assert cookie["expires"] == pytest.approx(json.loads(claims)["exp"], abs=2)


def test_a_first_visit_loads_less_than_100_kib(player: Player) -> None:
    files = player.play("files of a first visit")
    paths = {file["path"] for file in files}
    assert {"/", "/main.js", "/base.css", "/client/src/client.js"} <= paths
    read = sum(file["decodedBodySize"] for file in files)
    sent = sum(file["encodedBodySize"] for file in files)
    squeezed = [gzip.compress(path_of(path).read_bytes(), mtime=0) for path in sorted(paths)]
    assert sent == sum(map(len, squeezed))
    assert read < MOST_BYTES, f"{read} bytes, {sent} as sent"


def test_the_page_names_every_file_that_it_loads_so_that_they_come_at_once(
    player: Player,
) -> None:
    html = path_of("/").read_text(encoding="utf-8")
    named = set(re.findall(r'(?:href|src)="(/[^"]*\.(?:js|css|svg))"', html))
    loaded = {file["path"] for file in player.play("files of a first visit")} - {"/"}
    assert loaded <= named
    assert named - loaded <= {"/icon.svg"}


def test_no_script_and_no_style_is_written_into_the_page(stack: RunningStack) -> None:
    answer = httpx.get(f"{stack.origin}/", trust_env=False)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "unsafe" not in policy
    assert re.findall(r"<script[^>]*>[^<]", answer.text) == []
    assert re.search(r"<style|\sstyle=|\son\w+=|javascript:", answer.text) is None


def test_where_there_is_no_local_stack_nothing_of_it_is_shown(player: Player) -> None:
    found = player.play("as it is on AWS")
    assert is_calm(found)
    assert found["asked"] == []
    assert re.search(r"test wallet|faucet|Developer|this machine", found["text"]) is None
    assert found["steps"] == WHOLE_WAY


def test_every_error_code_of_the_api_is_explained() -> None:
    documented = (WEB.parent / "docs" / "api.md").read_text(encoding="utf-8")
    codes = set(re.findall(r"^\| `(\w+)` \| \d{3} \|", documented, re.MULTILINE)) - {"not_operator"}
    script = "import('./demo/words.js').then((w) => console.log(process.argv.slice(1)"
    script += ".filter((code) => !w.explained(code)).join()))"
    done = subprocess.run(
        ["node", "--no-warnings", "-e", script, *sorted(codes)],
        cwd=WEB,
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(codes) > 50
    assert done.stdout.strip() == ""


def test_durations_are_read_at_a_glance() -> None:
    given = [-5, 85, 100, 3_249, 42_000, 59_960, 200_000, 7_500_000, 100_000_000]
    script = "import('./demo/duration.js').then(({duration}) => console.log("
    script += f"{given}.map(duration).join()))"
    shown = "0 ms,85 ms,0.1 s,3.2 s,42 s,1 min,3 min 20 s,2 h 5 min,1 d 3 h"
    assert node("-e", script, cwd=WEB).strip() == shown


def test_every_scenario_is_played_here_or_measured() -> None:
    played = set(re.findall(r'\.play\("([^"]+)"[,)]', Path(__file__).read_text(encoding="utf-8")))
    assert played | set(SCENARIOS) == scenario_names()
