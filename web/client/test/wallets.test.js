import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { WalletError, wallets } from "../index.js";
import { toBase58, utf8 } from "../src/bytes.js";

const ADDRESS = "GmaDrppBC7P5ARKV8g3djiwP89vz1jLK23V2GBjuAEGB";
const INPUT = {
  domain: "nft.example",
  address: ADDRESS,
  statement: "Sign in.",
  uri: "https://nft.example",
  version: "1",
  chainId: "solana:devnet",
  nonce: "0123456789abcdef",
  issuedAt: "2026-11-24T06:20:00.000Z",
  expirationTime: "2026-11-24T06:25:00.000Z",
  notBefore: "2026-11-24T06:20:00.000Z",
};

beforeEach(() => {
  globalThis.window = new EventTarget();
});
afterEach(() => {
  delete globalThis.window;
});

/** A wallet of the standard; `features` replaces what it can do. */
function walletOf(features = {}, facts = {}) {
  const account = { address: ADDRESS, publicKey: new Uint8Array(32), chains: ["solana:devnet"], features: [] };
  const asked = [];
  const telling = (name, output) => async (...inputs) => {
    asked.push([name, ...inputs]);
    return [output];
  };
  const wallet = {
    version: "1.0.0",
    name: "A wallet",
    icon: "data:image/svg+xml;base64,",
    chains: ["solana:mainnet", "solana:devnet"],
    accounts: [],
    features: {
      "standard:connect": { connect: async (input) => asked.push(["connect", input]) && { accounts: [account] } },
      "standard:disconnect": { disconnect: async () => asked.push(["disconnect"]) },
      "solana:signIn": { signIn: telling("signIn", { account, signedMessage: utf8("m"), signature: utf8("s") }) },
      "solana:signMessage": { signMessage: telling("signMessage", { signedMessage: utf8("m"), signature: utf8("s") }) },
      "solana:signAndSendTransaction": { signAndSendTransaction: telling("send", { signature: Uint8Array.of(0, 1) }) },
      "solana:signTransaction": { signTransaction: telling("sign", { signedTransaction: Uint8Array.of(9) }) },
      ...features,
    },
    ...facts,
  };
  for (const name of Object.keys(wallet.features)) if (!wallet.features[name]) delete wallet.features[name];
  return { wallet, asked, account };
}

/** What an extension's content script does: announce itself, and listen for the page. */
function install(wallet) {
  const callback = ({ register }) => register(wallet);
  const event = new Event("wallet-standard:register-wallet");
  Object.defineProperty(event, "detail", { value: callback });
  window.dispatchEvent(event);
  window.addEventListener("wallet-standard:app-ready", ({ detail }) => callback(detail));
}

async function connected(features) {
  const { wallet, asked } = walletOf(features);
  install(wallet);
  const found = wallets.discover();
  return { wallet: await found.list[0].connect(), asked };
}

test("wallets are found whether they came before the page or after it", () => {
  install(walletOf({}, { name: "early" }).wallet);
  const changes = [];
  const found = wallets.discover((list) => changes.push(list.map(({ name }) => name)));
  install(walletOf({}, { name: "late" }).wallet);
  assert.deepEqual(found.list.map(({ name }) => name), ["early", "late"]);
  assert.deepEqual(changes, [["early"], ["early", "late"]]);
  assert.match(found.list[0].icon, /^data:/);
});

test("a wallet that registers twice is there once, and one that leaves is gone", () => {
  let changes = 0;
  const found = wallets.discover(() => changes++);
  const { wallet } = walletOf();
  let leave;
  const event = new Event("wallet-standard:register-wallet");
  Object.defineProperty(event, "detail", { value: ({ register }) => (leave = register(wallet, wallet)) });
  window.dispatchEvent(event);
  install(wallet);
  assert.deepEqual([found.list.length, changes], [1, 1]);
  leave();
  assert.deepEqual([found.list.length, changes], [0, 2]);
});

test("after the stop nobody is listened to", () => {
  const found = wallets.discover();
  found.stop();
  install(walletOf().wallet);
  assert.deepEqual(found.list, []);
});

test("wallets of other chains, or that cannot do what is needed, are not offered", () => {
  install(walletOf({}, { chains: ["eip155:1"] }).wallet);
  install(walletOf({ "solana:signIn": null, "solana:signMessage": null }).wallet);
  install(walletOf({ "solana:signAndSendTransaction": null, "solana:signTransaction": null }).wallet);
  install(walletOf({ "standard:connect": null }).wallet);
  assert.deepEqual(wallets.discover().list, []);
});

test("in Node there are no wallets of a page", () => {
  delete globalThis.window;
  const found = wallets.discover();
  assert.deepEqual(found.list, []);
  found.stop();
});

test("signing in uses the wallet's own sign-in where there is one", async () => {
  const { wallet, asked } = await connected();
  assert.equal(wallet.address, ADDRESS);
  const { signedMessage, signature } = await wallet.signIn(INPUT);
  assert.deepEqual([signedMessage, signature], [utf8("m"), utf8("s")]);
  assert.deepEqual(asked[1], ["signIn", INPUT]);
});

test("a wallet that signs messages alone signs the same text", async () => {
  const { wallet, asked } = await connected({ "solana:signIn": null });
  await wallet.signIn(INPUT);
  const [, { account, message }] = asked[1];
  assert.equal(account.address, ADDRESS);
  assert.equal(new TextDecoder().decode(message), wallets.signInText(INPUT));
});

test("a transaction is signed and sent by the account that is connected, on the chain asked for", async () => {
  const { wallet, asked } = await connected();
  const transaction = Uint8Array.of(1, 2, 3);
  assert.equal(await wallet.signAndSendTransaction(transaction, { chain: "solana:devnet" }), toBase58(Uint8Array.of(0, 1)));
  assert.deepEqual(await wallet.signTransaction(transaction, { chain: "solana:devnet" }), Uint8Array.of(9));
  for (const [, input] of asked.slice(1)) {
    assert.deepEqual([input.account.address, input.chain, input.transaction], [ADDRESS, "solana:devnet", transaction]);
  }
  await wallet.disconnect();
  assert.deepEqual(asked.at(-1), ["disconnect"]);
});

test("a wallet's methods are called as methods", async () => {
  const send = {
    signature: Uint8Array.of(1),
    async signAndSendTransaction() {
      return [{ signature: this.signature }];
    },
  };
  const { wallet } = await connected({ "solana:signAndSendTransaction": send });
  assert.equal(await wallet.signAndSendTransaction(Uint8Array.of(1), { chain: "solana:devnet" }), "2");
});

test("connecting may be silent", async () => {
  const { wallet, asked } = walletOf();
  install(wallet);
  await wallets.discover().list[0].connect({ silent: true });
  assert.deepEqual(asked, [["connect", { silent: true }]]);
});

test("who waits for a wallet to connect may give up, even if it never answers", { timeout: 20_000 }, async () => {
  let asked = 0;
  const connect = { connect: () => asked++ || new Promise(() => {}) };
  const { wallet } = walletOf({ "standard:connect": connect });
  install(wallet);
  const [found] = wallets.discover().list;
  const controller = new AbortController();
  const reason = new Error("left");
  const connecting = found.connect({ signal: controller.signal });
  setTimeout(() => controller.abort(reason), 5);
  await assert.rejects(connecting, reason);
  await assert.rejects(found.connect({ signal: controller.signal }), reason);
  assert.equal(asked, 1, "who has given up before asks nobody");
});

test("a signal that is not aborted changes nothing, and the wallet does not see it", async () => {
  const { wallet, asked } = walletOf();
  install(wallet);
  const { signal } = new AbortController();
  assert.equal((await wallets.discover().list[0].connect({ signal })).address, ADDRESS);
  assert.deepEqual(asked, [["connect", { silent: false }]]);
});

test("the user's no and a wallet's failure are told apart, and keep their cause", async () => {
  const no = Object.assign(new Error("User rejected the request."), { code: 4001 });
  const broken = new Error("Internal JSON-RPC error.");
  for (const [cause, code] of [[no, "wallet_rejected"], [broken, "wallet_failed"]]) {
    const send = { signAndSendTransaction: () => Promise.reject(cause) };
    const { wallet } = await connected({ "solana:signAndSendTransaction": send });
    globalThis.window = new EventTarget();
    const error = await wallet.signAndSendTransaction(Uint8Array.of(1), { chain: "solana:devnet" }).catch((e) => e);
    assert.ok(error instanceof WalletError);
    assert.deepEqual([error.code, error.cause, error.message, error.retryable], [code, cause, cause.message, true]);
  }
});

test("what a wallet cannot do is said by name", async () => {
  const { wallet } = await connected({ "solana:signAndSendTransaction": null });
  await assert.rejects(wallet.signAndSendTransaction(Uint8Array.of(1), { chain: "solana:devnet" }), {
    code: "wallet_unsupported",
    message: /solana:signAndSendTransaction/,
  });
});

test("whether a wallet signs without sending can be seen before it is asked", async () => {
  const { wallet } = await connected({ "solana:signTransaction": null });
  assert.equal(wallet.signTransaction, undefined);
});

test("a wallet without a Solana account cannot be connected", async () => {
  const connect = { connect: async () => ({ accounts: [{ address: "0x", chains: ["eip155:1"] }] }) };
  const { wallet } = walletOf({ "standard:connect": connect });
  install(wallet);
  await assert.rejects(wallets.discover().list[0].connect(), { code: "wallet_empty" });
});
