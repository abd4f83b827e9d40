"""The trace that Lambda has set."""

import pytest

from nft_upgrade.adapters.system import xray_trace_id

ROOT = "1-67891233-abcdef012345678912345678"


@pytest.mark.parametrize(
    ("header", "trace_id"),
    [
        (f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1;Lineage=25b:0", ROOT),
        (f"Sampled=0;Root={ROOT}", ROOT),
        ("Sampled=1", None),
        ("", None),
    ],
)
def test_trace_is_the_root_of_the_call(
    header: str, trace_id: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", header)
    assert xray_trace_id() == trace_id


def test_outside_of_lambda_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("_X_AMZN_TRACE_ID", raising=False)
    assert xray_trace_id() is None
