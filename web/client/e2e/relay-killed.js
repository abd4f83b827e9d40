// One upgrade while somebody kills the relay: this asks for it on standard output.

import assert from "node:assert/strict";

import { createClient } from "nft-upgrade-client";
import { openPage } from "./page.js";

const page = await openPage(process.env.ORIGIN);
const { wallet, nftId } = await page.walletWithNft();
const client = createClient({ baseUrl: page.url });
await client.signIn(wallet);

const states = [];
const events = [];
const onProgress = ({ type, state, event }) => {
  if (type === "connection") states.push(state);
  if (type !== "event") return;
  events.push(event);
  if (events.length === 1) console.log("kill the relay");
};
const upgrade = await client.upgrades.run({ wallet, nftId, targetLevel: 2, onProgress });
await page.close();

assert.equal(upgrade.status, "completed");
assert.deepEqual(events.map(({ sequence }) => sequence), [1, 2, 3, 4, 5]);
assert.ok(states.includes("waiting"), `the relay was not missed: ${states}`);
assert.ok(page.streamRequests.length > 1);
console.log("done");
