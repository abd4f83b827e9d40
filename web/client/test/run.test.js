// The whole way, from every status and over every accident, on an API in memory.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { EndedError, NetworkError, ProblemError, StreamError, WalletError } from "../index.js";
import { toBase64 } from "../src/bytes.js";
import { run } from "../src/run.js";
import { ADDRESS, TRANSACTION } from "./transactions.js";

const NFT = "NFT";
const problem = (code, status = 409, extra = {}) =>
  new ProblemError({ code, status, detail: code, retryable: false, ...extra });
const view = (status, facts = {}) => ({
  id: "U1",
  status,
  mode: "two_step",
  currentNftId: NFT,
  retryCount: 0,
  maxRetries: 3,
  errorDetails: null,
  ...facts,
});

/** The API as `run` sees it: one upgrade, whose events `watch` tells. */
class FakeUpgrades {
  constructor(status = "initiated", facts = {}) {
    this.upgrade = view(status, facts);
    this.history = [{ sequence: 1, type: "upgrade_initiated", status: "initiated" }];
    this.calls = [];
    this.ahead = []; // what is to happen while somebody watches
    this.errors = {}; // by method, in turn
  }

  #called(name, ...given) {
    this.calls.push([name, ...given.slice(0, -1)]);
    given.at(-1)?.signal?.throwIfAborted();
    const error = this.errors[name]?.shift();
    if (error) throw error;
  }

  names() {
    return this.calls.map(([name]) => name);
  }

  happen(type, status, data) {
    this.upgrade = { ...this.upgrade, status };
    const sequence = this.history.length + 1;
    this.history.push({ sequence, type, status, message: type, data });
  }

  async open(order, options) {
    this.#called("open", order, options);
    if (order.mode) this.upgrade.mode = order.mode;
    const transaction = toBase64(TRANSACTION);
    return { upgradeRequestId: "U1", burnTransaction: transaction, atomicTransaction: transaction };
  }

  async get(id, options) {
    this.#called("get", id, options);
    return { upgradeRequest: this.upgrade, statusHistory: this.history };
  }

  async burnTransaction(id, options) {
    this.#called("burnTransaction", id, options);
    return { burnTransaction: toBase64(TRANSACTION) };
  }

  async atomicTransaction(id, options) {
    this.#called("atomicTransaction", id, options);
    return { atomicTransaction: toBase64(TRANSACTION) };
  }

  async confirm(id, signature, options) {
    this.#called("confirm", id, signature, options);
    if (this.confirmations?.length) return this.confirmations.shift()(this);
    this.happen("burn_pending", "burn_pending");
    return { code: "burn_pending" };
  }

  async submit(id, transaction, options) {
    this.#called("submit", id, transaction, options);
    this.happen("burn_pending", "burn_pending");
  }

  async claim(order, options) {
    this.#called("claim", order, options);
    if (this.claims?.length) return this.claims.shift();
    this.happen("burn_pending", "burn_pending");
    return { status: "burn_pending" };
  }

  async retry(id, options) {
    this.#called("retry", id, options);
    this.happen("retry_started", "mint_pending");
    this.happen("upgrade_completed", "completed");
  }

  async *watch(id, options) {
    this.#called("watch", options.transport, options.lastEventId, options);
    options.onState({ state: "live" });
    for (let seen = Number(options.lastEventId ?? 0); ; seen++) {
      while (seen === this.history.length) {
        if (["completed", "cancelled", "expired"].includes(this.upgrade.status)) return;
        const next = this.ahead.shift();
        if (next instanceof Error) throw next;
        if (next) this.happen(...next);
        else await new Promise((resolve) => setTimeout(resolve, 5));
        options.signal?.throwIfAborted();
      }
      yield this.history[seen];
    }
  }
}

const MINTED = [
  ["burn_confirmed", "burn_confirmed"],
  ["mint_started", "mint_pending"],
  ["upgrade_completed", "completed"],
];

class FakeWallet {
  address = ADDRESS;
  asked = 0;

  constructor(error) {
    this.error = error;
  }

  async signAndSendTransaction(transaction, { chain }) {
    this.asked++;
    assert.deepEqual(transaction, TRANSACTION);
    this.chain = chain;
    if (this.error) throw this.error;
    return "BURN";
  }

  async signTransaction(transaction) {
    this.asked++;
    if (this.error) throw this.error;
    return transaction;
  }
}

function going(upgrades, options = {}) {
  const progress = [];
  const wallet = options.wallet ?? new FakeWallet();
  const order = options.upgradeId ? {} : { nftId: NFT, targetLevel: 2 };
  const done = run(upgrades, { ...order, wallet, onProgress: (told) => progress.push(told), ...options });
  return { done, progress, wallet };
}
const told = (progress) => progress.map(({ type, event }) => event?.type ?? type);

test("one call opens, burns, confirms and follows to the new NFT", async () => {
  const upgrades = new FakeUpgrades();
  upgrades.ahead = [...MINTED];
  const { done, progress, wallet } = going(upgrades, { chain: "solana:devnet" });
  assert.equal((await done).status, "completed");
  assert.deepEqual(told(progress), [
    "opened",
    "wallet_asked",
    "burn_sent",
    "connection",
    "upgrade_initiated",
    "burn_pending",
    "burn_confirmed",
    "mint_started",
    "upgrade_completed",
    "completed",
  ]);
  assert.deepEqual(upgrades.names(), ["open", "get", "confirm", "watch", "get"]);
  assert.deepEqual(upgrades.calls[0][1], { nftId: NFT, targetLevel: 2, mode: undefined });
  assert.deepEqual(upgrades.calls[2], ["confirm", "U1", "BURN"]);
  assert.deepEqual([wallet.asked, wallet.chain], [1, "solana:devnet"]);
  assert.ok(progress.every(({ upgradeId }) => upgradeId === "U1"));
});

test("a page whose own code fails while it is told does not stop an upgrade", async (context) => {
  const reported = mock.fn();
  context.mock.method(console, "error", reported);
  const upgrades = new FakeUpgrades();
  upgrades.ahead = [...MINTED];
  const onProgress = () => {
    throw new Error("the page's own fault");
  };
  assert.equal((await going(upgrades, { onProgress }).done).status, "completed");
  assert.equal(reported.mock.callCount(), 10);
  assert.equal(reported.mock.calls[0].arguments[0].message, "the page's own fault");
});

test("in atomic mode the wallet signs and the backend sends", async () => {
  const upgrades = new FakeUpgrades();
  upgrades.ahead = [...MINTED];
  const { done, progress } = going(upgrades, { mode: "atomic" });
  assert.equal((await done).status, "completed");
  assert.deepEqual(upgrades.names(), ["open", "get", "submit", "watch", "get"]);
  assert.ok(!told(progress).includes("burn_sent"));
});

test("in atomic mode it is told when the wallet has signed, before anything is submitted", async () => {
  const upgrades = new FakeUpgrades();
  upgrades.ahead = [...MINTED];
  const submitted = [];
  const onProgress = ({ type, upgradeId }) => {
    if (type === "signed") submitted.push([upgradeId, upgrades.names().includes("submit")]);
  };
  const { done, wallet } = going(upgrades, { mode: "atomic", onProgress });
  assert.equal((await done).status, "completed");
  assert.deepEqual([wallet.asked, submitted], [1, [["U1", false]]]);
  const unsigned = going(new FakeUpgrades(), { mode: "atomic", wallet: new FakeWallet(new WalletError("wallet_rejected", "No.")) });
  await assert.rejects(unsigned.done, { code: "wallet_rejected" });
  assert.ok(!told(unsigned.progress).includes("signed"));
});

test("atomic mode asks for a wallet that signs without sending, before anything happens", async () => {
  const wallet = new FakeWallet();
  wallet.signTransaction = undefined;
  const { done } = going(new FakeUpgrades(), { mode: "atomic", wallet });
  await assert.rejects(done, { name: "WalletError", code: "wallet_unsupported" });
});

for (const status of ["burn_pending", "burn_confirmed", "mint_pending", "under_review"]) {
  test(`a page that was reloaded goes on from ${status} without the wallet`, async () => {
    const upgrades = new FakeUpgrades(status);
    upgrades.ahead = [...MINTED];
    const { done, wallet } = going(upgrades, { upgradeId: "U1" });
    assert.equal((await done).status, "completed");
    assert.deepEqual([wallet.asked, upgrades.names()], [0, ["get", "watch", "get"]]);
  });
}

test("a page that was reloaded before the burn gets a fresh transaction", async () => {
  const upgrades = new FakeUpgrades();
  upgrades.ahead = [...MINTED];
  await going(upgrades, { upgradeId: "U1" }).done;
  assert.deepEqual(upgrades.names(), ["get", "burnTransaction", "confirm", "watch", "get"]);
});

test("a page that was closed between burn and confirmation finds the burn", async () => {
  const upgrades = new FakeUpgrades();
  upgrades.errors.burnTransaction = [problem("nft_not_owned", 403)];
  upgrades.ahead = [...MINTED];
  const { done, wallet } = going(upgrades, { upgradeId: "U1" });
  assert.equal((await done).status, "completed");
  assert.deepEqual(upgrades.names(), ["get", "burnTransaction", "claim", "watch", "get"]);
  assert.deepEqual([upgrades.calls[2][1], wallet.asked], [{ mint: NFT }, 0]);
});

test("a burn that the backend found meanwhile is neither asked for nor claimed", async () => {
  const upgrades = new FakeUpgrades();
  upgrades.errors.burnTransaction = [problem("wrong_status")];
  upgrades.ahead = [...MINTED];
  assert.equal((await going(upgrades, { upgradeId: "U1" }).done).status, "completed");
  assert.deepEqual(upgrades.names(), ["get", "burnTransaction", "watch", "get"]);
});

test("what stands in the way of a burn is thrown as it is when there was none", async () => {
  const upgrades = new FakeUpgrades();
  const refusal = problem("nft_not_owned", 403);
  upgrades.errors = { burnTransaction: [refusal], claim: [problem("nft_not_burned")] };
  await assert.rejects(going(upgrades, { upgradeId: "U1" }).done, refusal);
  const away = new FakeUpgrades();
  const gone = new NetworkError("network_error", "gone");
  away.errors.burnTransaction = [gone];
  await assert.rejects(going(away, { upgradeId: "U1" }).done, gone);
  assert.ok(!away.names().includes("claim"));
});

const outage = () => problem("chain_unavailable", 503, { retryable: true, retryAfter: 0.01 });

test("a chain that cannot be asked is waited for, and the repeated open is one open", async () => {
  const upgrades = new FakeUpgrades();
  const keys = [];
  const { open } = upgrades;
  upgrades.open = (order, options) => {
    keys.push(options.idempotencyKey);
    return open.call(upgrades, order, options);
  };
  upgrades.errors.open = [outage(), outage()];
  upgrades.ahead = [...MINTED];
  const { done, progress, wallet } = going(upgrades);
  assert.equal((await done).status, "completed");
  const waits = progress.filter(({ state }) => state === "waiting");
  assert.deepEqual(waits.map(({ error }) => error.code), ["chain_unavailable", "chain_unavailable"]);
  assert.ok(waits.every(({ delayMs }) => delayMs >= 10 && delayMs <= 15), "no doubling: the server said when");
  assert.equal(keys.length, 3);
  assert.deepEqual([new Set(keys).size, typeof keys[0]], [1, "string"]);
  assert.equal(wallet.asked, 1);
});

test("so it is before a fresh burn, and when a wallet's no is in doubt", async () => {
  const upgrades = new FakeUpgrades();
  upgrades.errors.burnTransaction = [outage()];
  upgrades.ahead = [...MINTED];
  assert.equal((await going(upgrades, { upgradeId: "U1" }).done).status, "completed");
  const doubted = new FakeUpgrades();
  doubted.errors.burnTransaction = [outage(), problem("nft_not_owned", 403)];
  doubted.ahead = [...MINTED];
  const wallet = new FakeWallet(new WalletError("wallet_rejected", "No."));
  assert.equal((await going(doubted, { wallet }).done).status, "completed");
  assert.ok(doubted.names().includes("claim"));
});

test("who waits for the chain may give up", async () => {
  const upgrades = new FakeUpgrades();
  upgrades.errors.open = [problem("chain_unavailable", 503, { retryable: true, retryAfter: 60 })];
  const controller = new AbortController();
  const { done } = going(upgrades, { signal: controller.signal, onProgress: () => controller.abort(new Error("enough")) });
  await assert.rejects(done, /enough/);
});

test("a burn that is not final yet is claimed again, as is one that may not be claimed just now", async () => {
  const upgrades = new FakeUpgrades();
  const tooMany = problem("rate_limited", 429, { retryable: true, retryAfter: 1 });
  upgrades.errors = { burnTransaction: [problem("nft_not_owned", 403)], claim: [tooMany] };
  upgrades.claims = [{ status: "initiated" }, { status: null }];
  upgrades.ahead = [...MINTED];
  const { done, progress } = going(upgrades, { upgradeId: "U1", timing: { claimAgainMs: 10 } });
  assert.equal((await done).status, "completed");
  assert.equal(upgrades.names().filter((name) => name === "claim").length, 4);
  const waited = progress.filter(({ state }) => state === "waiting").map(({ delayMs }) => delayMs);
  assert.deepEqual(waited, [1000, 10, 10]);
});

for (const [name, errors] of Object.entries({
  confirm: { confirm: [problem("unavailable", 503, { retryable: true, retryAfter: 3_000_000 })] },
  claim: {
    burnTransaction: [problem("nft_not_owned", 403)],
    claim: [problem("rate_limited", 429, { retryable: true, retryAfter: 9_999_999 })],
  },
})) {
  test(`a wait of days that ${name} asks for is told and waited as five minutes`, async () => {
    const upgrades = new FakeUpgrades();
    upgrades.errors = errors;
    const controller = new AbortController();
    const waits = [];
    const onProgress = ({ delayMs }) => {
      if (delayMs && waits.push(delayMs) > 1) controller.abort(new Error("it does not wait"));
    };
    const { done } = going(upgrades, { upgradeId: "U1", signal: controller.signal, onProgress });
    setTimeout(() => controller.abort(new Error("enough")), 100);
    await assert.rejects(done, /enough/);
    assert.deepEqual(waits, [300_000]);
  });
}

test("the user's no is thrown at once, and costs no claim", { timeout: 20_000 }, async () => {
  const no = new WalletError("wallet_rejected", "No.", { retryable: true });
  const upgrades = new FakeUpgrades();
  const { done } = going(upgrades, { wallet: new FakeWallet(no), timing: { landingMs: 60_000 } });
  await assert.rejects(done, no);
  assert.deepEqual(upgrades.names(), ["open", "get", "burnTransaction"]);
});

for (const refusal of [
  new WalletError("wallet_rejected", "No."),
  new WalletError("wallet_failed", "Not confirmed in 30 s."),
  new NetworkError("network_error", "The node's answer was lost."),
  new Error("some wallet's own"),
]) {
  test(`a wallet that says no (${refusal.name}) to a burn that landed is not believed`, async () => {
    const upgrades = new FakeUpgrades();
    upgrades.errors.burnTransaction = [problem("nft_not_owned", 403)];
    upgrades.ahead = [...MINTED];
    const wallet = new FakeWallet(refusal);
    const { done } = going(upgrades, { wallet, timing: { landingMs: 10 } });
    assert.equal((await done).status, "completed");
    assert.deepEqual(upgrades.names(), ["open", "get", "burnTransaction", "claim", "watch", "get"]);
  });
}

test("if the backend found the burn before anybody named it, it just goes on", async () => {
  const upgrades = new FakeUpgrades();
  upgrades.errors.confirm = [problem("wrong_status")];
  upgrades.ahead = [...MINTED];
  assert.equal((await going(upgrades).done).status, "completed");
});

test("a wallet's failure is believed only after what it sent had time to land", async () => {
  const upgrades = new FakeUpgrades();
  const failure = new WalletError("wallet_failed", "Not confirmed in 30 s.");
  const begun = performance.now();
  const { done } = going(upgrades, { wallet: new FakeWallet(failure), timing: { landingMs: 60 } });
  await assert.rejects(done, failure);
  assert.ok(performance.now() - begun >= 59);
});

test("another wallet than the one that opened it is not asked", async () => {
  const wallet = new FakeWallet();
  wallet.address = "9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin";
  const upgrades = new FakeUpgrades();
  await assert.rejects(going(upgrades, { wallet }).done, { code: "wallet_mismatch" });
  assert.equal(wallet.asked, 0);
});

test("after the burn no network is worth giving up for", async () => {
  const upgrades = new FakeUpgrades();
  const busy = problem("storage_unavailable", 503, { retryable: true, retryAfter: 0.01 });
  upgrades.errors.confirm = [new NetworkError("network_error", "gone"), busy];
  upgrades.ahead = [...MINTED];
  const { done, progress } = going(upgrades);
  assert.equal((await done).status, "completed");
  assert.equal(upgrades.names().filter((name) => name === "confirm").length, 3);
  assert.equal(progress.filter(({ state }) => state === "waiting").length, 2);
});

/** What a firewall or a sign-in page of the network answers in the API's place. */
const foreign = (status = 403) => ProblemError.from(new Response("<html>No.</html>", { status }));

for (const [mode, call] of [["two_step", "confirm"], ["atomic", "submit"]]) {
  test(`what others answer in the API's place to ${call} ends nothing: the burn may be made`, async () => {
    const upgrades = new FakeUpgrades();
    upgrades.errors[call] = [await foreign(), await foreign(407)];
    upgrades.ahead = [...MINTED];
    const { done, progress } = going(upgrades, { mode });
    assert.equal((await done).status, "completed");
    assert.equal(upgrades.names().filter((name) => name === call).length, 3);
    const waits = progress.filter(({ state }) => state === "waiting");
    assert.deepEqual(waits.map(({ error }) => error.code), ["unexpected_answer", "unexpected_answer"]);
    assert.ok(waits[1].delayMs >= 2000, "later and later");
  });
}

test("neither does what they answer to a claim or to the last look", async () => {
  const upgrades = new FakeUpgrades();
  upgrades.errors = {
    burnTransaction: [problem("nft_not_owned", 403)],
    claim: [await foreign()],
    get: [undefined, await foreign()],
  };
  upgrades.ahead = [...MINTED];
  const { done } = going(upgrades, { upgradeId: "U1", timing: { claimAgainMs: 10 } });
  assert.equal((await done).status, "completed");
});

test("before a burn they are thrown, and prove no burn", async () => {
  const upgrades = new FakeUpgrades();
  const refusal = await foreign();
  upgrades.errors.burnTransaction = [refusal];
  await assert.rejects(going(upgrades, { upgradeId: "U1" }).done, refusal);
  const refused = new FakeUpgrades();
  refused.errors.burnTransaction = [await foreign()];
  const no = new WalletError("wallet_rejected", "No.");
  await assert.rejects(going(refused, { wallet: new FakeWallet(no) }).done, no);
  assert.ok(![...upgrades.names(), ...refused.names()].includes("claim"));
});

test("an answer of the API's own is final, also after the burn", async () => {
  const upgrades = new FakeUpgrades();
  const expired = problem("invalid_token", 401);
  upgrades.errors.confirm = [expired];
  await assert.rejects(going(upgrades).done, expired);
});

test("a page that was reloaded in an outage waits for its end, whoever answers", async () => {
  const upgrades = new FakeUpgrades("burn_pending");
  upgrades.errors.get = [problem("unavailable", 503, { retryable: true, retryAfter: 0.01 }), await foreign()];
  upgrades.ahead = [...MINTED];
  const { done, progress } = going(upgrades, { upgradeId: "U1" });
  assert.equal((await done).status, "completed");
  assert.deepEqual(progress.slice(0, 3).map(({ type, state }) => state ?? type), ["waiting", "waiting", "opened"]);
  assert.deepEqual(upgrades.names(), ["get", "get", "get", "watch", "get"]);
});

test("so does one that finds a running upgrade of its NFT, while a new one is told at once", async () => {
  const running = new FakeUpgrades("mint_pending");
  const busy = () => problem("unavailable", 503, { retryable: true, retryAfter: 0.01 });
  running.errors = { open: [problem("upgrade_active", 409, { upgradeRequestId: "U1" })], get: [busy(), undefined, busy()] };
  running.ahead = [["upgrade_completed", "completed"]];
  const { done, progress } = going(running);
  assert.equal((await done).status, "completed");
  assert.ok(progress.every(({ upgradeId }) => upgradeId === "U1"));
  const opened = new FakeUpgrades();
  const refusal = busy();
  opened.errors.get = [refusal];
  await assert.rejects(going(opened).done, refusal);
});

test("a second call for the same NFT goes on with the running upgrade", async () => {
  const upgrades = new FakeUpgrades("mint_pending");
  upgrades.errors.open = [problem("upgrade_active", 409, { upgradeRequestId: "U1" })];
  upgrades.ahead = [["upgrade_completed", "completed"]];
  const { done, wallet } = going(upgrades);
  assert.equal((await done).id, "U1");
  assert.equal(wallet.asked, 0);
});

test("the running upgrade of another NFT is not touched", async () => {
  const upgrades = new FakeUpgrades("mint_pending", { currentNftId: "OTHER" });
  const active = problem("upgrade_active", 409, { upgradeRequestId: "U1" });
  upgrades.errors.open = [active];
  await assert.rejects(going(upgrades).done, active);
});

test("a burn that is refused leaves the upgrade open, and says why", async () => {
  const upgrades = new FakeUpgrades();
  upgrades.ahead = [["burn_rejected", "initiated", { code: "burn_not_found" }]];
  const error = await going(upgrades).done.catch((thrown) => thrown);
  assert.ok(error instanceof EndedError);
  assert.deepEqual([error.code, error.retryable, error.upgrade.status], ["burn_not_found", true, "initiated"]);
});

test("after a history that starts over nothing is the past", async () => {
  const upgrades = new FakeUpgrades("burn_pending");
  upgrades.happen("burn_pending", "burn_pending");
  upgrades.watch = async function* () {
    upgrades.upgrade.status = "initiated";
    yield { type: "reset", status: "initiated", sequence: 0 };
    yield { type: "burn_rejected", status: "initiated", sequence: 2, message: "None.", data: { code: "burn_tx_failed" } };
    assert.fail("the refusal was taken for the past");
  };
  await assert.rejects(going(upgrades, { upgradeId: "U1" }).done, { code: "burn_tx_failed" });
});

test("a refusal of long ago is only told, not thrown", async () => {
  const upgrades = new FakeUpgrades();
  upgrades.happen("burn_pending", "burn_pending");
  upgrades.happen("burn_rejected", "initiated", { code: "burn_not_found" });
  upgrades.ahead = [...MINTED];
  const { done, progress } = going(upgrades, { upgradeId: "U1" });
  assert.equal((await done).status, "completed");
  assert.ok(told(progress).includes("burn_rejected"));
  assert.deepEqual(upgrades.names(), ["get", "burnTransaction", "confirm", "watch", "get"]);
});

for (const [type, status] of [["upgrade_cancelled", "cancelled"], ["upgrade_expired", "expired"]]) {
  test(`an upgrade that was ${status} is an error, with what it was`, async () => {
    const upgrades = new FakeUpgrades("burn_pending");
    upgrades.ahead = [[type, status]];
    const error = await going(upgrades, { upgradeId: "U1" }).done.catch((thrown) => thrown);
    assert.ok(error instanceof EndedError);
    assert.deepEqual([error.code, error.retryable, error.upgrade.status], [`upgrade_${status}`, false, status]);
  });
}

test("an upgrade that was given up goes on with a late burn, and so does the call", async () => {
  const upgrades = new FakeUpgrades("burn_pending");
  upgrades.ahead = [["upgrade_cancelled", "cancelled"]];
  const { done, progress } = going(upgrades, { upgradeId: "U1", timing: { claimAgainMs: 10 } });
  const { get } = upgrades;
  upgrades.get = async (...given) => {
    if (upgrades.upgrade.status === "cancelled") upgrades.happen("burn_confirmed", "burn_confirmed");
    return get.apply(upgrades, given);
  };
  setTimeout(() => (upgrades.ahead = MINTED.slice(1)), 100);
  assert.equal((await done).status, "completed");
  assert.equal(told(progress).at(-2), "upgrade_completed");
});

test("a burn after the request's end is named until it is final, and honoured", async () => {
  const upgrades = new FakeUpgrades();
  upgrades.confirmations = [
    (late) => late.happen("upgrade_expired", "expired") ?? { code: "late_burn_pending" },
    () => ({ code: "late_burn_pending" }),
    (late) => late.happen("burn_confirmed", "burn_confirmed") ?? { code: "late_burn_accepted" },
  ];
  upgrades.ahead = MINTED.slice(1);
  const { done } = going(upgrades, { timing: { claimAgainMs: 10 } });
  assert.equal((await done).status, "completed");
  assert.equal(upgrades.names().filter((name) => name === "confirm").length, 3);
});

test("a burn after the request's end that was none leaves it ended", async () => {
  const upgrades = new FakeUpgrades();
  upgrades.confirmations = [
    (late) => late.happen("upgrade_expired", "expired") ?? { code: "late_burn_pending" },
    () => {
      throw problem("wrong_status"); // what the API says of a burn that is none
    },
  ];
  const { done } = going(upgrades, { timing: { claimAgainMs: 10 } });
  await assert.rejects(done, { name: "EndedError", code: "upgrade_expired" });
});

test("the last look is as patient as the burn deserves", async () => {
  const upgrades = new FakeUpgrades("mint_pending");
  upgrades.ahead = [["upgrade_completed", "completed"]];
  upgrades.errors.get = [undefined, new NetworkError("network_error", "gone")];
  assert.equal((await going(upgrades, { upgradeId: "U1" }).done).status, "completed");
});

test("a failed mint is tried again at once, though the backend would do it too", async () => {
  const upgrades = new FakeUpgrades("mint_pending");
  upgrades.ahead = [["mint_failed_retryable", "failed_retryable"]];
  assert.equal((await going(upgrades, { upgradeId: "U1" }).done).status, "completed");
  assert.ok(upgrades.names().includes("retry"));
  const resumed = new FakeUpgrades("failed_retryable");
  assert.equal((await going(resumed, { upgradeId: "U1" }).done).status, "completed");
  assert.ok(resumed.names().includes("retry"));
});

test("a failed mint is left to the backend when so told, or when it was tried often enough", async () => {
  for (const [facts, autoRetry] of [[{}, false], [{ maxRetries: 0 }, true]]) {
    const upgrades = new FakeUpgrades("failed_retryable", facts);
    const { done } = going(upgrades, { upgradeId: "U1", autoRetry });
    setTimeout(() => upgrades.happen("upgrade_completed", "completed"), 1800); // a retry comes sooner
    assert.equal((await done).status, "completed");
    assert.ok(!upgrades.names().includes("retry"));
  }
});

test("a tab whose stream gave way to others asks from then on", async () => {
  const upgrades = new FakeUpgrades("mint_pending");
  upgrades.ahead = [new StreamError("evicted", "Another tab."), ["upgrade_completed", "completed"]];
  assert.equal((await going(upgrades, { upgradeId: "U1" }).done).status, "completed");
  const watched = upgrades.calls.filter(([name]) => name === "watch");
  assert.deepEqual(watched.map(([, transport, last]) => [transport, last]), [["auto", undefined], ["poll", 1]]);
});

test("the end of the session is thrown: nobody else can sign in again", async () => {
  const upgrades = new FakeUpgrades("mint_pending");
  const ending = new StreamError("session_expiring", "Sign in again.");
  upgrades.ahead = [ending];
  await assert.rejects(going(upgrades, { upgradeId: "U1" }).done, ending);
});

test("it can be aborted while the wallet is asked, and while following", async () => {
  const reason = new Error("the page is left");
  for (const wallet of [{ address: ADDRESS, signAndSendTransaction: () => new Promise(() => {}) }, new FakeWallet()]) {
    const controller = new AbortController();
    const upgrades = new FakeUpgrades();
    const { done } = going(upgrades, { wallet, signal: controller.signal });
    setTimeout(() => controller.abort(reason), 30);
    await assert.rejects(done, reason);
    assert.ok(!upgrades.names().includes("claim"));
  }
});

for (const moment of ["opened", "wallet_asked"]) {
  for (const mode of ["two_step", "atomic"]) {
    test(`who gives up when told ${moment} (${mode}) is asked nothing by the wallet`, async () => {
      const reason = new Error("the page is left");
      const controller = new AbortController();
      const steps = [];
      const onProgress = ({ type }) => {
        steps.push(type);
        if (type === moment) controller.abort(reason);
      };
      const upgrades = new FakeUpgrades();
      const { done, wallet } = going(upgrades, { mode, signal: controller.signal, onProgress });
      await assert.rejects(done, reason);
      assert.equal(wallet.asked, 0);
      assert.equal(steps.at(-1), moment);
      assert.deepEqual(upgrades.names(), ["open", "get"]);
    });
  }
}
