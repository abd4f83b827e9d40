"""A Solana node for one machine: the public JSON-RPC in front of LiteSVM, a real SVM.

slots.py     when slots begin, which are skipped, heights and blockhashes: a function of time alone
accounts.py  every account's versions by slot, so that each commitment reads its own state
ledger.py    executes and simulates transactions, keeps what landed
journal.py   the accepted transactions on disk, replayed at start
tokens.py    token accounts and mints, both programs
messages.py  transactions on the wire: decoding, lookup tables, fees
shapes.py    the JSON of accounts and transactions
rpc.py       JSON-RPC 2.0; app.py: HTTP; *_methods.py: the methods
"""
