"""Commands for operators: `python -m nft_upgrade.ops`. docs/operations.md."""
