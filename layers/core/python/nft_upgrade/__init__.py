"""One burned NFT, one successor: the house that Lambda, the relay and the local stack share."""
