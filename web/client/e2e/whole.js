// The client on the running stack at ORIGIN, over streams that are cut, held back and taken away.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { StreamError, WalletError, createClient } from "nft-upgrade-client";
import { openPage } from "./page.js";

const HISTORY = ["upgrade_initiated", "burn_pending", "burn_confirmed", "mint_started", "upgrade_completed"];
const pages = [];
const open = async () => {
  const page = await openPage(process.env.ORIGIN);
  pages.push(page);
  return page;
};
after(() => Promise.all(pages.map((page) => page.close())));

/** Somebody with an NFT who is signed in, on a page of their own. */
async function somebody(options = {}) {
  const page = await open();
  const { wallet, nftId, solanaRpcUrl } = await page.walletWithNft();
  const client = createClient({ baseUrl: page.url, ...options });
  await client.signIn(wallet);
  return { page, wallet, nftId, client, solanaRpcUrl };
}

/** `run` with what it told: events by type, states, and everything in order. */
function running(client, options) {
  const told = { steps: [], events: [], states: [] };
  const onProgress = (step) => {
    told.steps.push(step.type);
    if (step.type === "event") told.events.push(step.event);
    if (step.type === "connection") told.states.push(step.state);
    options.onProgress?.(step);
  };
  return { done: client.upgrades.run({ ...options, onProgress }), told };
}
const types = (events) => events.map(({ type }) => type);
const order = (nftId) => ({ nftId, targetLevel: 2 });

for (const mode of ["two_step", "atomic"]) {
  test(`an upgrade in ${mode} mode, and all that can be asked about it`, async () => {
    const { client, wallet, nftId } = await somebody();
    assert.equal((await client.eligibility()).canUpgrade, true);
    const { done, told } = running(client, { wallet, mode, ...order(nftId) });
    const upgrade = await done;
    assert.deepEqual(types(told.events), HISTORY);
    assert.deepEqual(told.events.map(({ sequence }) => sequence), [1, 2, 3, 4, 5]);
    const { receipt } = await client.upgrades.receipt(upgrade.id);
    assert.equal(receipt.newNftId, upgrade.newNftId);
    const { burnProof } = await client.upgrades.burnProof(upgrade.id);
    assert.equal(burnProof.verdict, "proven");
    const { lineage } = await client.lineage(upgrade.newNftId);
    assert.deepEqual(lineage.map((nft) => nft.nftId), [upgrade.newNftId, nftId]);
    assert.equal((await client.upgrades.list({ status: "completed" })).requests[0].id, upgrade.id);
    assert.equal(await client.upgrades.active(), null);
    const { nfts } = await client.nfts();
    assert.equal(nfts.find((nft) => nft.status === "active").nftId, upgrade.newNftId);
  });
}

test("preferences, statistics and keys are asked as the API wants it", async () => {
  const { client } = await somebody();
  const changed = await client.preferences.set({ emailEnabled: false, pushEnabled: true });
  assert.deepEqual([changed.email.enabled, changed.push.enabled], [false, true]);
  assert.equal((await client.preferences.get()).email.enabled, false);
  assert.equal((await client.preferences.forget()).email.enabled, true);
  assert.equal((await client.stats()).upgrades.completed, 0);
  assert.ok(Array.isArray((await client.leaderboard({ limit: 1 })).users));
  assert.equal((await client.keys()).keys[0].kty, "OKP");
  assert.equal((await client.health()).success, true);
});

/** Each connection brings its greeting, one event, and the beginning of the next one. */
function cutAfterOneEvent(response, upstream) {
  let text = "";
  response.writeHead(200, upstream.headers);
  upstream.setEncoding("latin1");
  upstream.on("data", (part) => {
    const before = text.length;
    text += part;
    const limit = text.indexOf("\n\n", text.indexOf("\n\n") + 2) + 30;
    const isCut = limit > 30 && text.length > limit;
    response.write(text.slice(before, isCut ? limit : undefined), "latin1");
    if (isCut) setTimeout(() => response.destroy(), 10);
  });
  upstream.on("end", () => response.end());
  upstream.on("error", () => response.destroy());
}

test("a stream that is cut within a message goes on without a hole", async () => {
  const { page, client, wallet, nftId } = await somebody();
  page.meddle = cutAfterOneEvent;
  const { done, told } = running(client, { wallet, ...order(nftId) });
  assert.equal((await done).status, "completed");
  assert.deepEqual(types(told.events), HISTORY);
  assert.deepEqual(page.streamRequests, [undefined, "1", "2", "3", "4"]);
});

test("where a proxy holds streams back the upgrade is watched by asking", async () => {
  const timing = { firstByteMs: 1000, pollMs: 200 };
  const { page, client, wallet, nftId } = await somebody({ timing });
  page.meddle = () => {};
  const { done, told } = running(client, { wallet, ...order(nftId) });
  const upgrade = await done;
  assert.deepEqual(types(told.events), HISTORY);
  assert.equal(told.events.at(-1).data.newNftId, upgrade.newNftId);
  assert.ok(told.states.includes("polling"));
  assert.equal(page.streamRequests.length, 1);
});

test("a page that dies after the burn, before it is confirmed, goes on after a reload", async () => {
  const { page, client, wallet, nftId } = await somebody();
  const closing = new AbortController();
  const dying = {
    address: wallet.address,
    async signAndSendTransaction(transaction) {
      const signature = await wallet.signAndSendTransaction(transaction);
      closing.abort(new Error("the tab was closed"));
      return signature;
    },
  };
  const first = running(client, { wallet: dying, signal: closing.signal, ...order(nftId) });
  await assert.rejects(first.done, /the tab was closed/);
  const reloaded = createClient({ baseUrl: page.url }); // the cookie is the session
  const active = await reloaded.upgrades.active();
  const unasked = { address: wallet.address, signAndSendTransaction: () => assert.fail("asked again") };
  await burned(reloaded, active.id);
  const { done, told } = running(reloaded, { wallet: unasked, upgradeId: active.id });
  assert.equal((await done).status, "completed");
  assert.equal(types(told.events).at(-1), "upgrade_completed");
});

/** Until nobody hands out a burn of it any more. */
async function burned(client, id) {
  for (;;) {
    try {
      await client.upgrades.burnTransaction(id);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

test("a wallet that says no although the burn landed does not stop the upgrade", async () => {
  const { client, wallet, nftId } = await somebody();
  const lying = {
    address: wallet.address,
    async signAndSendTransaction(transaction) {
      await wallet.signAndSendTransaction(transaction);
      throw new WalletError("wallet_failed", "Transaction was not confirmed in 30 s.");
    },
  };
  const { done, told } = running(client, { wallet: lying, ...order(nftId) });
  assert.equal((await done).status, "completed");
  assert.ok(!told.steps.includes("burn_sent"));
});

test("a wallet that says no is believed when nothing is burned, and may be asked again", async () => {
  const { client, wallet, nftId } = await somebody();
  const no = new WalletError("wallet_rejected", "User rejected the request.");
  const unwilling = { address: wallet.address, signAndSendTransaction: () => Promise.reject(no) };
  const first = running(client, { wallet: unwilling, ...order(nftId) });
  await assert.rejects(first.done, no);
  const second = running(client, { wallet, ...order(nftId) }); // finds the open one
  assert.equal((await second.done).status, "completed");
});

test("of four streams the oldest gives way, and does not come back", async () => {
  const { page, client, nftId } = await somebody();
  const { upgradeRequestId } = await client.upgrades.open(order(nftId));
  const watching = [];
  for (let count = 0; count < 4; count++) {
    let isLive;
    const live = new Promise((resolve) => (isLive = resolve));
    const events = client.upgrades.watch(upgradeRequestId, { onState: ({ state }) => state === "live" && isLive() });
    watching.push(seen(events));
    await live;
  }
  const evicted = await watching[0];
  assert.ok(evicted instanceof StreamError);
  assert.equal(evicted.code, "evicted");
  await new Promise((resolve) => setTimeout(resolve, 4000));
  assert.equal(page.streamRequests.length, 4);
  await client.upgrades.cancel(upgradeRequestId);
  for (const found of await Promise.all(watching.slice(1))) {
    assert.deepEqual(types(found), ["upgrade_initiated", "upgrade_cancelled"]);
  }
});

async function seen(events) {
  const found = [];
  try {
    for await (const event of events) found.push(event);
  } catch (error) {
    return error;
  }
  return found;
}

test("another's upgrade is not there, and nobody's session is no session", async () => {
  const [first, second] = [await somebody(), await somebody()];
  const { upgradeRequestId } = await first.client.upgrades.open(order(first.nftId));
  await assert.rejects(second.client.upgrades.get(upgradeRequestId), { code: "upgrade_not_found", status: 404 });
  const strange = await seen(second.client.upgrades.watch(upgradeRequestId));
  assert.equal(strange.code, "upgrade_not_found");
  const nobody = createClient({ baseUrl: process.env.ORIGIN });
  await assert.rejects(nobody.nfts(), { code: "invalid_token", status: 401 });
  const unheard = await seen(nobody.upgrades.watch(upgradeRequestId));
  assert.equal(unheard.code, "invalid_token");
});

test("a native EventSource on another origin gets in with a ticket", async () => {
  const { client, nftId } = await somebody();
  const { upgradeRequestId } = await client.upgrades.open(order(nftId));
  const elsewhere = createClient({ baseUrl: process.env.ORIGIN, session: client.session });
  const source = new EventSource(await elsewhere.upgrades.eventsUrl(upgradeRequestId, { withTicket: true }));
  const first = await new Promise((resolve, reject) => {
    source.onmessage = ({ data }) => resolve(JSON.parse(data));
    source.onerror = () => reject(new Error("refused"));
  });
  source.close();
  assert.equal(first.type, "connection_established");
});
