"""`python -m nft_upgrade.audit_verify [UPGRADE_ID ...]`: check every chain of the audit archive.

Exit code 1 when a link is broken; each upgrade's first one is named. It needs AUDIT_BUCKET,
TABLE_PREFIX and AWS credentials that may read both (docs/operations.md).
"""

import argparse
import sys
from collections.abc import Sequence

from nft_upgrade import wiring_events
from nft_upgrade.consumers.audit_check import AuditReport, BrokenLink


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="nft_upgrade.audit_verify", description=__doc__)
    parser.add_argument("upgrades", nargs="*", metavar="UPGRADE_ID", help="without: all of them")
    options = parser.parse_args(arguments)
    report = report_on(options.upgrades) if options.upgrades else wiring_events.audit_check().run()
    sys.stdout.write("".join(f"{told(link)}\n" for link in report.broken))
    sys.stdout.write(f"{report.checked} upgrades checked, {len(report.broken)} broken.\n")
    return 1 if report.broken else 0


def report_on(upgrade_ids: Sequence[str]) -> AuditReport:
    """Of these alone."""
    links = [wiring_events.audit_check().first_broken_link(each) for each in upgrade_ids]
    return AuditReport(checked=len(upgrade_ids), broken=[link for link in links if link])


def told(link: BrokenLink) -> str:
    """One line."""
    return f"{link.upgrade_id}: event {link.sequence} is the first broken link: {link.fault}"


if __name__ == "__main__":
    sys.exit(main())
