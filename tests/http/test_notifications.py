"""Preferences, confirmed addresses and links that work without a session."""

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from nft_upgrade.ports import Mail
from tests.http.house import ALICE, BOB, ORIGIN, House, problem_of

BASE = "/api/notifications/preferences"
ADDRESS = "ape@example.org"
FORM = {"content-type": "application/x-www-form-urlencoded"}


def ask(client: TestClient, address: object = ADDRESS) -> Response:
    return client.put(f"{BASE}/email", json={"address": address})


def path_in(mail: Mail) -> str:
    (line,) = [line for line in mail.text.splitlines() if "link=" in line]
    return "/api" + line.split("/api", 1)[1]


def confirmed(house: House) -> TestClient:
    """Alice, whose address is confirmed."""
    client = house.signed_in()
    assert ask(client).status_code == 202
    assert house.browser().post(path_in(house.mailer.sent[-1])).status_code == 200
    return client


def unsubscribe_path(house: House) -> str:
    from nft_upgrade.domain.contact import LinkPurpose, make_link

    contact = house.contacts.kept[ALICE.address]
    assert contact.address
    return f"{BASE}/unsubscribe?link={make_link(contact, LinkPurpose.UNSUBSCRIBE, contact.address)}"


def test_a_user_who_said_nothing_has_defaults_and_no_address(house: House) -> None:
    body = house.signed_in().get(BASE).json()
    assert body["email"] == {
        "address": None,
        "pendingAddress": None,
        "enabled": True,
        "suppressed": False,
    }
    assert body["push"] == {"enabled": True, "devices": []}


def test_channels_are_switched(house: House) -> None:
    client = house.signed_in()
    answered = client.put(BASE, json={"emailEnabled": False, "pushEnabled": True})
    assert answered.status_code == 200
    body = client.get(BASE).json()
    assert (body["email"]["enabled"], body["push"]["enabled"]) == (False, True)
    assert house.signed_in(BOB).get(BASE).json()["email"]["enabled"] is True


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"emailEnabled": True}, "missing_field"),
        ({"emailEnabled": "yes", "pushEnabled": True}, "invalid_field"),
        ({"emailEnabled": True, "pushEnabled": 1}, "invalid_field"),
        ({"emailEnabled": True, "pushEnabled": True, "fax": True}, "unknown_field"),
    ],
)
def test_bad_switches_are_named(house: House, body: dict[str, object], code: str) -> None:
    assert problem_of(house.signed_in().put(BASE, json=body)) == (400, code)


@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_preferences_need_a_session(house: House, method: str) -> None:
    assert problem_of(house.browser().request(method, BASE, headers={"origin": ORIGIN}))[0] == 401


# --- the address ----------------------------------------------------------------------------------


def test_an_address_is_used_only_once_its_owner_has_confirmed_it(house: House) -> None:
    client = house.signed_in()
    asked = ask(client)
    assert asked.status_code == 202
    assert asked.json()["email"]["pendingAddress"] == ADDRESS
    assert asked.json()["email"]["address"] is None
    (mail,) = house.mailer.sent
    assert (mail.to, ALICE.address in mail.text) == (ADDRESS, True)
    path = path_in(mail)
    assert house.browser().get(path).status_code == 200
    assert client.get(BASE).json()["email"]["address"] is None, "a GET must change nothing"
    assert house.browser().post(path, headers=FORM, content="").status_code == 200
    body = client.get(BASE).json()["email"]
    assert (body["address"], body["pendingAddress"]) == (ADDRESS, None)
    assert house.browser().post(path).status_code == 200, "twice is the same as once"


def test_a_confirmation_is_valid_for_a_day(house: House) -> None:
    ask(house.signed_in())
    house.clock.advance(hours=24)
    answered = house.browser().post(path_in(house.mailer.sent[0]))
    assert problem_of(answered) == (400, "link_invalid")


def test_an_older_address_cannot_be_confirmed_any_more(house: House) -> None:
    client = house.signed_in()
    ask(client, "old@example.org")
    ask(client, "new@example.org")
    old, new = (path_in(mail) for mail in house.mailer.sent)
    assert problem_of(house.browser().post(old)) == (400, "link_invalid")
    assert house.browser().post(new).status_code == 200


def test_a_confirmed_address_stays_in_use_until_the_next_is_confirmed(house: House) -> None:
    client = confirmed(house)
    ask(client, "new@example.org")
    body = client.get(BASE).json()["email"]
    assert (body["address"], body["pendingAddress"]) == (ADDRESS, "new@example.org")


def test_asking_for_the_confirmed_address_sends_nothing(house: House) -> None:
    ask(confirmed(house))
    assert len(house.mailer.sent) == 1


def test_asking_for_the_confirmed_address_takes_back_the_one_that_waits(house: House) -> None:
    client = confirmed(house)
    ask(client, "new@example.org")
    waiting = path_in(house.mailer.sent[-1])
    body = ask(client).json()["email"]
    assert (body["address"], body["pendingAddress"]) == (ADDRESS, None)
    assert len(house.mailer.sent) == 2, "no third mail: the address is confirmed"
    assert problem_of(house.browser().post(waiting)) == (400, "link_invalid")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ape",
        "ape@",
        "@example.org",
        "ape@localhost",
        "a..pe@example.org",
        ".ape@example.org",
        "ape.@example.org",
        "a.pe@example..org",
        "a b@example.org",
        "ape@example.org\r\nBcc: all@example.org",
        "ape@exämple.org",
        "Ape <ape@example.org>",
        "a@b.c," + ADDRESS,
        "a" * 65 + "@example.org",
        "ape@" + "a." * 126 + "org",
        7,
        None,
    ],
)
def test_what_is_no_address_is_refused(house: House, address: object) -> None:
    assert problem_of(ask(house.signed_in(), address)) == (400, "invalid_field")
    assert not house.mailer.sent


@pytest.mark.parametrize("address", ["a.p.e@example.org", "a" * 64 + "@example.org"])
def test_dots_between_other_characters_and_64_of_them_are_an_address(
    house: House, address: str
) -> None:
    assert ask(house.signed_in(), address).status_code == 202
    assert [mail.to for mail in house.mailer.sent] == [address]


def test_nobody_can_have_one_address_flooded_even_with_many_wallets(house: House) -> None:
    from tests.fakes.signing import TestKey

    answers = [
        ask(house.signed_in(TestKey(f"w{n}")), ADDRESS.title().replace("Org", "org"))
        for n in range(4)
    ]
    assert [answered.status_code for answered in answers] == [202, 202, 202, 429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert len(house.mailer.sent) == 3


def test_one_mailbox_is_not_flooded_under_its_other_names(house: House) -> None:
    """What follows a plus sign is for the owner's filters: the mail arrives all the same."""
    from tests.fakes.signing import TestKey

    statuses = [
        ask(house.signed_in(TestKey(f"w{n}")), f"ape+{n}@example.org").status_code for n in range(4)
    ]
    assert statuses == [202, 202, 202, 429]


def test_nobody_can_flood_many_addresses(house: House) -> None:
    client = house.signed_in()
    statuses = [ask(client, f"ape{n}@example.org").status_code for n in range(6)]
    assert statuses == [202] * 5 + [429]


def test_a_suppressed_address_gets_no_confirmation_and_nobody_learns_it(house: House) -> None:
    house.contacts.suppress(ADDRESS, "complained", at=house.clock.now())
    assert ask(house.signed_in()).status_code == 202
    assert not house.mailer.sent


def test_a_mail_service_that_is_away_can_be_asked_again(house: House) -> None:
    house.mailer.outages = 1
    client = house.signed_in()
    assert problem_of(ask(client)) == (503, "unavailable")
    assert ask(client).status_code == 202
    assert len(house.mailer.sent) == 1


def test_an_address_the_mail_service_refuses_is_said_so(house: House) -> None:
    house.mailer.refuses.add(ADDRESS)
    assert problem_of(ask(house.signed_in())) == (422, "address_refused")


# --- unsubscribing --------------------------------------------------------------------------------


def test_one_click_in_a_mail_program_ends_all_mail(house: House) -> None:
    """RFC 8058, section 3.2: no cookies, no session, a form's body."""
    client = confirmed(house)
    path = unsubscribe_path(house)
    page = house.browser().get(path)
    assert page.headers["content-type"].startswith("text/html")
    assert client.get(BASE).json()["email"]["enabled"] is True, "a GET must change nothing"
    for _ in range(2):
        answered = house.browser().post(path, headers=FORM, content="List-Unsubscribe=One-Click")
        assert answered.status_code == 200
    assert client.get(BASE).json()["email"]["enabled"] is False


def test_confirming_again_turns_mail_on_again(house: House) -> None:
    client = confirmed(house)
    house.browser().post(unsubscribe_path(house))
    ask(client, "new@example.org")
    house.browser().post(path_in(house.mailer.sent[-1]))
    assert client.get(BASE).json()["email"]["enabled"] is True


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path[:-1] + ("0" if path[-1] != "0" else "1"),
        lambda path: path.replace("unsubscribe.", "confirm."),
        lambda path: path.replace(ALICE.address, BOB.address),
        lambda path: path.replace(".0.", ".9999999999."),
        lambda path: path.split("=")[0] + "=nonsense",
        lambda path: path.split("=")[0] + "=a.b.c.d",
    ],
)
def test_a_link_that_is_not_exactly_ours_changes_nothing(house: House, spoil) -> None:  # type: ignore[no-untyped-def]
    client = confirmed(house)
    path = spoil(unsubscribe_path(house))
    assert problem_of(house.browser().post(path)) == (400, "link_invalid")
    assert client.get(BASE).json()["email"]["enabled"] is True


@pytest.mark.parametrize(
    "link",
    [
        "",
        "...",
        "unsubscribe...",
        "unsubscribe.%00.0.00",
        "unsubscribe.%ff%fe.0.00",
        "unsubscribe.%ed%a0%80.0.%ed%a0%80",
        "unsubscribe.{user}.%D9%A0.{mac}",
        "unsubscribe.{user}.1_0.{mac}",
        "unsubscribe.{user}.-1.{mac}",
        "unsubscribe.{user}.99999999999999999999999999.{mac}",
        "unsubscribe.{user}.nan.{mac}",
        "UNSUBSCRIBE.{user}.0.{mac}",
        "unsubscribe.{user}.0.{mac}%0d%0aSet-Cookie:%20a=b",
        "unsubscribe.{user}.0.%C3%A9",
        "unsubscribe.{user}.0",
        "unsubscribe.{user}.0." + "0" * 600,
    ],
)
def test_a_link_made_up_by_a_stranger_is_refused_and_changes_nothing(
    house: House, link: str
) -> None:
    client = confirmed(house)
    mac = unsubscribe_path(house).rsplit(".", 1)[1]
    before = house.contacts.kept[ALICE.address]
    for path in (f"{BASE}/unsubscribe", f"{BASE}/email/confirmation"):
        made_up = link.format(user=ALICE.address, mac=mac)
        answered = house.browser().post(f"{path}?link={made_up}")
        assert answered.status_code == 400, answered.text
        assert house.browser().get(f"{path}?link={made_up}").status_code in (200, 400)
    assert house.contacts.kept[ALICE.address] == before
    assert client.get(BASE).json()["email"]["enabled"] is True


def test_one_click_may_also_come_as_multipart(house: House) -> None:
    """RFC 8058, section 3.2, allows both kinds of form."""
    client = confirmed(house)
    kind = {"content-type": "multipart/form-data; boundary=x"}
    part = 'Content-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click'
    form = f"--x\r\n{part}\r\n--x--\r\n"
    answered = house.browser().post(unsubscribe_path(house), headers=kind, content=form)
    assert answered.status_code == 200
    assert client.get(BASE).json()["email"]["enabled"] is False


def test_one_click_does_not_ask_where_it_comes_from(house: House) -> None:
    """The mail program's page is a foreign origin; the link itself is the proof."""
    confirmed(house)
    foreign = {**FORM, "origin": "https://mail.example", "sec-fetch-site": "cross-site"}
    answered = house.browser().post(
        unsubscribe_path(house), headers=foreign, content="List-Unsubscribe=One-Click"
    )
    assert answered.status_code == 200


def test_a_link_says_nothing_of_who_or_what_it_is_for_on_its_page(house: House) -> None:
    confirmed(house)
    page = house.browser().get(unsubscribe_path(house))
    assert ALICE.address not in page.text and ADDRESS not in page.text
    assert "no-store" in page.headers["cache-control"]
    assert page.headers["referrer-policy"] == "no-referrer"


def test_one_kind_of_link_does_not_do_the_others_work(house: House) -> None:
    client = confirmed(house)
    link = unsubscribe_path(house).split("link=")[1]
    wrong = house.browser().post(f"{BASE}/email/confirmation?link={link}")
    assert problem_of(wrong) == (400, "link_invalid")
    assert client.get(BASE).json()["email"]["enabled"] is True


def test_a_link_for_an_address_that_was_replaced_is_void(house: House) -> None:
    client = confirmed(house)
    old = unsubscribe_path(house)
    ask(client, "new@example.org")
    house.browser().post(path_in(house.mailer.sent[-1]))
    assert problem_of(house.browser().post(old)) == (400, "link_invalid")


def test_forgetting_removes_everything_and_voids_every_link(house: House) -> None:
    client = confirmed(house)
    client.post(f"{BASE}/devices", json={"platform": "apns", "deviceToken": "a" * 64})
    path = unsubscribe_path(house)
    assert client.delete(BASE).status_code == 200
    assert not house.contacts.kept and not house.contacts.rows and not house.contacts.holders
    assert problem_of(house.browser().post(path)) == (400, "link_invalid")
    assert client.delete(BASE).status_code == 200


# --- devices --------------------------------------------------------------------------------------


def register(client: TestClient, token: object = "a" * 64, platform: object = "apns") -> Response:
    return client.post(f"{BASE}/devices", json={"platform": platform, "deviceToken": token})


def test_a_device_is_registered_once_and_removed(house: House) -> None:
    client = house.signed_in()
    device_id = register(client).json()["device"]["id"]
    assert register(client).json()["device"]["id"] == device_id
    assert [d["id"] for d in client.get(BASE).json()["push"]["devices"]] == [device_id]
    assert client.delete(f"{BASE}/devices/{device_id}").json()["push"]["devices"] == []
    assert client.delete(f"{BASE}/devices/{device_id}").status_code == 200


def test_a_device_belongs_to_whoever_registered_it_last(house: House) -> None:
    alice, bob = house.signed_in(), house.signed_in(BOB)
    device_id = register(alice).json()["device"]["id"]
    register(bob)
    assert alice.get(BASE).json()["push"]["devices"] == []
    alice.delete(f"{BASE}/devices/{device_id}")
    assert len(bob.get(BASE).json()["push"]["devices"]) == 1


def test_the_oldest_device_gives_way_to_the_eleventh(house: House) -> None:
    client = house.signed_in()
    ids = []
    for n in range(11):
        house.clock.advance(seconds=1)
        ids.append(register(client, f"{n:064d}").json()["device"]["id"])
    assert [d["id"] for d in client.get(BASE).json()["push"]["devices"]] == ids[1:]


@pytest.mark.parametrize(
    ("token", "platform", "expected"),
    [
        ("a" * 64, "pigeon", (422, "device_refused")),
        ("a" * 64, "APNS/..", (400, "invalid_field")),
        ("short", "apns", (400, "invalid_field")),
        ("with space" * 3, "apns", (400, "invalid_field")),
        (7, "apns", (400, "invalid_field")),
    ],
)
def test_a_bad_device_is_refused(
    house: House, token: object, platform: object, expected: tuple[int, str]
) -> None:
    assert problem_of(register(house.signed_in(), token, platform)) == expected
