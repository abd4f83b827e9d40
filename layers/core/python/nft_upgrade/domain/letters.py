"""What we write to users, as text and as HTML. Every value in HTML is escaped."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from nft_upgrade.domain.events import UpgradeEvent
from nft_upgrade.domain.levels import Catalogue


@dataclass(frozen=True, slots=True)
class Letter:
    """One message, to nobody yet."""

    subject: str
    text: str
    html: str


def congratulation(event: UpgradeEvent, catalogue: Catalogue, origin: str) -> Letter:
    """For a completed upgrade; `origin` is the page's address."""
    name = catalogue[event.target_level].name
    facts = (
        ("NFT", event.new_nft_id or ""),
        ("Mint transaction", event.mint_signature or ""),
        ("Burn transaction", event.burn_signature or ""),
    )
    return _letter(
        f"You reached level {event.target_level}: {name}",
        f"Congratulations: your NFT is now level {event.target_level}, {name}.",
        facts,
        ("See it at", origin),
    )


def confirmation(wallet: str, url: str) -> Letter:
    """Asks the owner of an address whether mail is wanted there."""
    return _letter(
        "Confirm your e-mail address",
        "Somebody who signed in with the wallet below wants news of their NFT upgrades sent to "
        "this address. If that was not you, ignore this mail: nothing else will be sent.",
        (("Wallet", wallet),),
        ("Confirm within 24 hours:", url),
    )


def with_unsubscribe(letter: Letter, url: str) -> Letter:
    """The same with a way out at its end."""
    text = f"{letter.text}\n\nNo more of these: {url}"
    link = f'<p><a href="{escape(url)}">No more of these</a></p>'
    return Letter(letter.subject, text, letter.html.replace("</body>", f"{link}</body>"))


def _letter(
    subject: str, opening: str, facts: Sequence[tuple[str, str]], link: tuple[str, str]
) -> Letter:
    lines = [f"{name}: {value}" for name, value in facts]
    text = "\n".join((opening, "", *lines, "", f"{link[0]} {link[1]}"))
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in facts
    )
    html = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(subject)}</title></head><body><p>{escape(opening)}</p>"
        f"<table>{rows}</table>"
        f'<p>{escape(link[0])} <a href="{escape(link[1])}">{escape(link[1])}</a></p></body></html>'
    )
    return Letter(subject, text, html)
