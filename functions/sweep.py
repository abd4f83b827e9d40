"""The scheduled sweep: events the stream missed, burns nobody confirmed, executions that died."""

from dataclasses import asdict
from typing import Any

from nft_upgrade import observability, wiring


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Any event starts one bounded run; the answer is its report."""
    report = asdict(wiring.sweeping().run())
    observability.logger().info("sweep", extra={"report": report})
    return report
