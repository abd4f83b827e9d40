"""The JSON of the session's own routes."""

from nft_upgrade.http.schemas import Moment, Success


class WhoAnswer(Success):
    """Who is signed in, until when; `chainId` is the Wallet Standard's, to sign for."""

    address: str
    expires_at: Moment
    chain_id: str
