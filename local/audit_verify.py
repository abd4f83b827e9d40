"""`python -m local.audit_verify`: check the audit record of the stack that runs on this machine.

PORT is its public port (8000). What is checked, and how, is `nft_upgrade.audit_verify`.
"""

import sys

from local.on_stack import NoStack, prepare


def main() -> int:
    """The check's exit code; 2 when no stack answers."""
    from nft_upgrade import audit_verify

    try:
        prepare()
    except NoStack as problem:
        sys.stderr.write(f"{problem}\n")
        return 2
    return audit_verify.main()


if __name__ == "__main__":
    sys.exit(main())
