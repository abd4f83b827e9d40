// The product's own client, unchanged, in a page (node --experimental-eventsource --import
// ./as-page.js): what it sends is accepted, what it is told it understands, and its stream ends.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { transformSync } from "esbuild";
import { createClient } from "nft-upgrade-client";
import { nftId, page, wallet } from "./as-page.js";

const source = readFileSync(new URL("product-client.ts", import.meta.url), "utf8");
const { code } = transformSync(source, { loader: "ts" });
const NFTUpgradeClient = new Function(`${code}; return NFTUpgradeClient;`)();

await createClient().signIn(wallet); // the cookie

const product = new NFTUpgradeClient();
const opened = await product.initiateUpgrade(nftId, 2);
assert.equal(opened.success, true, JSON.stringify(opened));
const updates = [];
const completed = new Promise((resolve) => {
  product.subscribeToUpdates(opened.upgradeRequestId, (update) => {
    updates.push(update);
    if (update.type === "upgrade_completed") resolve(update);
  });
});

const transaction = Uint8Array.from(atob(opened.burnTransaction), (char) => char.charCodeAt(0));
const burnTransactionHash = await wallet.signAndSendTransaction(transaction);
const confirmed = await fetch(`/api/nft/upgrade/${opened.upgradeRequestId}/burn-confirmation`, {
  method: "POST",
  body: JSON.stringify({ burnTransactionHash }),
});
assert.equal(confirmed.status, 202);

const { message, data } = await completed;
assert.equal(message, "Your NFT upgrade is complete!");
assert.deepEqual([data.oldLevel, data.newLevel], [1, 2]);
const types = updates.map(({ type }) => type);
assert.deepEqual(types, [
  "connection_established",
  "upgrade_initiated",
  "burn_pending",
  "burn_confirmed",
  "mint_started",
  "upgrade_completed",
]);
// EventSource comes back once, is told 204, and stays away.
await new Promise((resolve) => setTimeout(resolve, 8000));
assert.deepEqual(page.streamRequests, [undefined, "5"]);
console.log("done");
process.exit(0);
