"""A Solana node for one machine: the public JSON-RPC in front of LiteSVM, a real SVM.

slots.py       when slots begin, which are skipped, heights and blockhashes: functions of time
accounts.py    every account's versions by slot, so that each commitment reads its own state
ledger.py      executes and simulates transactions, keeps what landed, forks; svm.py: LiteSVM
history.py     what landed, found by signature and by address
outcomes.py    what an execution left behind: balances, logs, errors
journal.py     the accepted transactions on disk; node.py replays them at start
messages.py    transactions on the wire: decoding, lookup tables, fees
tokens.py      token accounts and mints of both programs; extensions.py: Token-2022's
shapes.py      the JSON of accounts and transactions; parsed.py: `jsonParsed`
params.py      the parameters of a call; errors.py: the errors it may end in
methods.py     the methods by name, implemented in *_methods.py
rpc.py         JSON-RPC 2.0; app.py: HTTP
faults.py      what goes wrong on one node, with lies.py; scenarios.py: bad days by name
controls.py    how tests and developers order it
"""
