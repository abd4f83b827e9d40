import assert from "node:assert/strict";
import { test } from "node:test";

import { NetworkError, WalletError, createTestWallet, wallets } from "../index.js";
import { fromBase64, toBase64 } from "../src/bytes.js";
import { ADDRESS, TRANSACTION, VECTORS, fromHex } from "./transactions.js";

const SEED = fromHex(VECTORS.seed);
const { input, text, signature } = VECTORS.signIn;

/** localStorage's two methods. */
class Storage extends Map {
  getItem(name) {
    return this.get(name) ?? null;
  }

  setItem(name, value) {
    this.set(name, value);
  }
}

function rpc(answer) {
  const asked = [];
  const fetch = async (url, init) => {
    asked.push({ url, ...init });
    if (answer instanceof Error) throw answer;
    return Response.json(answer);
  };
  return { fetch, asked };
}

test("a seed gives the same address as solders", async () => {
  assert.equal((await createTestWallet({ seed: SEED })).address, ADDRESS);
});

test("the sign-in text is the API's own, and signed as solders signs it", async () => {
  assert.equal(wallets.signInText(input), text);
  const wallet = await createTestWallet({ seed: SEED });
  const signed = await wallet.signIn(input);
  assert.equal(new TextDecoder().decode(signed.signedMessage), text);
  assert.equal(toBase64(signed.signature), signature);
});

for (const [name, { unsigned, signed }] of Object.entries(VECTORS.transactions)) {
  test(`a ${name} transaction is signed as solders signs it`, async () => {
    const wallet = await createTestWallet({ seed: SEED });
    assert.equal(toBase64(await wallet.signTransaction(fromBase64(unsigned))), signed);
  });
}

test("a transaction is sent to the node it was told", async () => {
  const { fetch, asked } = rpc({ jsonrpc: "2.0", id: 1, result: "SIGNATURE" });
  const wallet = await createTestWallet({ seed: SEED, rpcUrl: "http://node.example", fetch });
  assert.equal(await wallet.signAndSendTransaction(TRANSACTION), "SIGNATURE");
  assert.equal(asked[0].url, "http://node.example");
  const { method, params } = JSON.parse(asked[0].body);
  assert.equal(method, "sendTransaction");
  assert.deepEqual(params, [
    VECTORS.transactions.legacy.signed,
    { encoding: "base64", preflightCommitment: "confirmed" },
  ]);
});

test("what the node refuses is the wallet's error, and a node that is away a network error", async () => {
  const refusing = rpc({ error: { code: -32002, message: "Blockhash not found" } });
  const first = await createTestWallet({ seed: SEED, fetch: refusing.fetch });
  const refused = await first.signAndSendTransaction(TRANSACTION).catch((error) => error);
  assert.ok(refused instanceof WalletError);
  assert.deepEqual([refused.code, refused.message], ["wallet_failed", "Blockhash not found"]);
  const away = rpc(new TypeError("fetch failed"));
  const second = await createTestWallet({ seed: SEED, fetch: away.fetch });
  await assert.rejects(second.signAndSendTransaction(TRANSACTION), NetworkError);
});

test("the key is kept where the caller says, and nowhere else", async () => {
  const storage = new Storage();
  const first = await createTestWallet({ storage });
  const again = await createTestWallet({ storage });
  const other = await createTestWallet({ storage, name: "other" });
  assert.equal(again.address, first.address);
  assert.notEqual(other.address, first.address);
  assert.deepEqual([...storage.keys()], ["test-wallet", "other"]);
  assert.notEqual((await createTestWallet()).address, (await createTestWallet()).address);
  assert.equal(Object.values(first).some((value) => String(value).includes(JSON.parse(storage.get("other")).d)), false);
});

test("somebody else's transaction is not signed", async () => {
  const wallet = await createTestWallet();
  await assert.rejects(wallet.signTransaction(TRANSACTION), RangeError);
});
