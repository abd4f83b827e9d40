"""What the commands print, a line for each thing."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from nft_upgrade.consumers.ports import AuditEntry
from nft_upgrade.domain.events import iso
from nft_upgrade.domain.operations import JournalEntry
from nft_upgrade.domain.upgrade import Upgrade
from nft_upgrade.use_cases.watching import Case, Overview, is_stuck, waits_since


def overview_lines(overview: Overview) -> Iterator[str]:
    """The same figures as the operators' page."""
    people, backlog, readings = overview.people, overview.backlog, overview.readings
    yield f"minting: {'on' if overview.paused is None else f'paused: {overview.paused}'}"
    yield f"system wallet: {known(overview.wallet)}"
    yield f"lamports: {known(overview.lamports)}"
    yield f"active requests: {overview.active}"
    yield (
        f"waiting after their burn: {len(people.waiting)}, the oldest for "
        f"{people.oldest_seconds:.0f} s; stuck: {people.stuck}; under review: {people.held}"
    )
    yield f"events not in Kafka: {backlog.unpublished}, the oldest {backlog.oldest_seconds:.0f} s"
    for group, records in readings.records_behind.items():
        yield f"{group}: {known(records)} records behind"
    yield f"relay streams: {known(readings.relay_streams)}"


def case_line(upgrade: Upgrade, now: datetime) -> str:
    """Who waits, for how long, for what."""
    seconds = (now - waits_since(upgrade)).total_seconds()
    failure = f" {upgrade.failure.code}" if upgrade.failure else ""
    mark = "  STUCK" if is_stuck(upgrade, now) else ""
    return f"{upgrade.id}  {upgrade.status}  {seconds:.0f} s  {upgrade.user_id}{failure}{mark}"


def case_lines(case: Case) -> Iterator[str]:
    """History, attempts, proof."""
    upgrade = case.upgrade
    yield case_line(upgrade, case.at)
    yield f"  NFT {upgrade.nft_id}, level {upgrade.current_level} -> {upgrade.target_level}"
    yield f"  successor {upgrade.successor}; burn {known(upgrade.burn_signature)}"
    for event in case.events:
        yield f"  {event.sequence:>3} {iso(event.occurred_at)} {event.type}: {event.message}"
        if review := event.data.get("review"):
            yield f"      by {review['operator']}: {review['reason']}"
    for attempt in case.attempts:
        signed = "signed" if attempt.signature else "not signed"
        yield f"  attempt {attempt.number} {iso(attempt.created_at)}, {signed}"
    if case.proof:
        yield from proof_lines(case.proof)


def proof_lines(proof: Mapping[str, Any]) -> Iterator[str]:
    """Check by check; evidence of what did not pass."""
    held = f"burned {proof['mint']}, held by {proof['owner']}"
    yield f"{proof['signature']} {held}: {proof['verdict']}"
    for check in proof["checks"]:
        yield f"  {check['rule']:<4} {check['outcome']:<8} {check['reason']}"
        if check["outcome"] != "pass":
            yield f"       {json.dumps(check['evidence'])}"


def record_lines(entries: Sequence[AuditEntry]) -> Iterator[str]:
    """The audit record: each event with its hash, both signatures, and a burn's evidence."""
    for event in (entry.event for entry in entries):
        yield f"{event.sequence:>3} {iso(event.occurred_at)} {event.type} {event.hash}"
        if event.burn_signature:
            yield f"    burn {event.burn_signature}"
        if event.mint_signature:
            yield f"    mint {event.mint_signature} of {event.new_nft_id}"
        if proof := event.data.get("proof"):
            yield from (f"    {line}" for line in proof_lines(proof))


def entry_line(entry: JournalEntry) -> str:
    """One line of the journal."""
    about = f" {entry.upgrade_id}" if entry.upgrade_id else ""
    return (
        f"{entry.number:>5} {iso(entry.asked_at)} {entry.operator} asked to "
        f"{entry.act}{about}: {entry.reason}"
    )


def known(figure: object) -> object:
    """None is what nobody can tell just now."""
    return "unknown" if figure is None else figure
