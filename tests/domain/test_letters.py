"""What stands in a letter is text, wherever it came from: no markup, no header, no line of ours."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.domain.letters import Letter, congratulation, with_unsubscribe
from nft_upgrade.domain.levels import Catalogue, Level, default_catalogue
from tests.fakes.events import story

ORIGIN = "https://nft.example"
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</body></html>",
    "&lt;b&gt;",
    "Ape\r\nBcc: everybody@example.org",
    "Ape\n\nSee it at https://evil.example",
    "Ape\u2028Subject: other",
    "Ape\x00\x1b[31m",
    "\u202eepA",
)


def letter_about(name: str, **facts: str) -> Letter:
    catalogue = Catalogue("NFT", [Level(n, name, 0, 0) for n in (1, 2)], False)
    event: UpgradeEvent = replace(story()[-1], **facts)  # type: ignore[arg-type]
    return with_unsubscribe(congratulation(event, catalogue, ORIGIN), f"{ORIGIN}/out?link=1&x=2")


class Seen(HTMLParser):
    """Elements and attributes of a page, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


PLAIN = letter_about("Ape")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_adds_nothing_but_text(name: str) -> None:
    letter = letter_about(name)
    seen, plain = Seen(letter.html), Seen(PLAIN.html)
    assert (seen.elements, seen.attributes) == (plain.elements, plain.attributes)
    assert len(letter.text.splitlines()) == len(PLAIN.text.splitlines())
    assert all(each.isprintable() for each in letter.subject)


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("fact", ["new_nft_id", "mint_signature", "burn_signature"])
def test_a_hostile_fact_adds_nothing_but_text(fact: str, value: str) -> None:
    letter = letter_about("Ape", **{fact: value})
    assert Seen(letter.html).elements == Seen(PLAIN.html).elements
    assert len(letter.text.splitlines()) == len(PLAIN.text.splitlines())


def test_what_was_escaped_is_read_as_it_was_meant() -> None:
    letter = letter_about("Ape <&> \"Queen\" 'd'Or'")
    assert "Ape <&> \"Queen\" 'd'Or'" in Seen(letter.html).text
    assert letter.subject == "You reached level 2: Ape <&> \"Queen\" 'd'Or'"


def test_a_name_without_end_is_cut() -> None:
    assert len(letter_about("A" * 10_000).subject) < 250


def test_a_level_that_the_catalogue_does_not_have_is_congratulated_by_its_number() -> None:
    event = replace(story()[-1], target_level=99)
    assert congratulation(event, default_catalogue(), ORIGIN).subject.startswith(
        "You reached level 99"
    )


def test_every_mail_ends_with_its_way_out() -> None:
    assert PLAIN.text.endswith(f"{ORIGIN}/out?link=1&x=2")
    assert f'href="{ORIGIN}/out?link=1&amp;x=2"' in PLAIN.html
