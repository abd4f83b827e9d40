"""Addresses of Solana's token programs, for who needs no more of them than that."""

TOKEN_2022 = "TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb"
