// Bad days, and what the page makes of them.

import { look, reload } from "../looking.js";
import { scenario, scenarioAlone } from "../scenario.js";
import { connection, reaches, sheet, steps } from "../world.js";

const NEVER = 150; // blocks, a minute: the most the node allows
const FOR_EVER = 1_000_000_000;

async function drawer(page, label, isOn = true) {
  const details = page.locator("details.developer");
  if (!(await details.evaluate((element) => element.open))) await page.getByText("Developer: bad days").click();
  await page.getByLabel(label).setChecked(isOn);
}

const agree = (page) => page.getByRole("checkbox", { name: /I understand/ }).check();
const begin = (page) => page.getByRole("button", { name: /Burn and upgrade/ }).click();

scenarioAlone("offline and online again", async (world) => {
  await world.finality(NEVER);
  const { page, context, troubles } = await world.upgrading();
  await reaches(page, "burn_pending");
  await connection(page, "live");
  await context.setOffline(true);
  await page.getByText("You are offline.").waitFor();
  // Chromium's emulation lets an open stream live; a cable that is out does not.
  await world.post("/local/relay/kill", {});
  await page.locator('.connection:not([data-connection="live"])').waitFor();
  await world.finality(3);
  await page.waitForTimeout(3_000); // long enough for a burn to be proven and a relay to be back
  const meanwhile = await sheet(page, "burn_pending").count();
  await context.setOffline(false);
  await reaches(page, "completed");
  return { meanwhile, banner: await page.getByText("You are offline.").count(), steps: await steps(page), troubles };
});

scenarioAlone("Solana does not answer while the burn is proven", async (world) => {
  await world.finality(NEVER);
  const { page, troubles } = await world.upgrading();
  await reaches(page, "burn_pending");
  await page.getByText("confirmed", { exact: true }).waitFor();
  await world.fault({ method: "*", kind: "error-500", count: FOR_EVER });
  await world.finality(3);
  await page.waitForTimeout(2_000);
  const meanwhile = await sheet(page, "burn_pending").innerText();
  await page.reload();
  await reaches(page, "burn_pending");
  await world.fault({ method: "*", kind: "error-500", count: 0 });
  await reaches(page, "completed");
  return { meanwhile, steps: await steps(page), troubles };
});

scenarioAlone("Solana does not answer before the burn", async (world) => {
  const { page, troubles } = await world.signedIn();
  const keys = [];
  page.on("request", (request) => request.method() === "POST" && request.url().endsWith("/api/nft/upgrade") && keys.push(request.headers()["idempotency-key"]));
  await agree(page);
  await world.fault({ method: "*", kind: "error-500", count: FOR_EVER });
  const asked = Date.now();
  await begin(page);
  await page.getByText("Solana cannot be read at the moment.").waitFor();
  const ms = Date.now() - asked;
  const lead = await page.locator(".sheet .lead").innerText();
  const states = [await look(world, page, "chain_away")];
  while (keys.length < 2) await page.waitForRequest((request) => request.url().endsWith("/api/nft/upgrade"));
  await world.fault({ method: "*", kind: "error-500", count: 0 });
  await reaches(page, "completed");
  return { lead, ms, keys, states, steps: await steps(page), troubles };
});

scenarioAlone("who does not want to wait for Solana keeps the NFT", async (world) => {
  const { page, troubles } = await world.signedIn();
  await agree(page);
  await world.fault({ method: "*", kind: "error-500", count: FOR_EVER });
  await begin(page);
  await page.getByRole("button", { name: "Stop trying, keep my NFT" }).click();
  await page.locator("#offer-title").waitFor();
  return { sheets: await page.locator(".sheet[data-status]").count(), troubles };
});

scenario("the burn landed and its confirmation was never sent", async (world) => {
  const { page, troubles } = await world.signedIn();
  await drawer(page, /the confirmation is never sent/);
  await agree(page);
  await Promise.all([page.waitForEvent("load"), begin(page)]);
  await page.locator('html[data-ready="true"]').waitFor();
  const after = await page.locator("main").innerText();
  await reaches(page, "completed");
  return { after, steps: await steps(page), troubles };
});

scenario("the wallet says no but the burn landed", async (world) => {
  const { page, troubles } = await world.signedIn();
  await drawer(page, /The wallet says no/);
  await agree(page);
  await begin(page);
  await reaches(page, "completed");
  return { steps: await steps(page), troubles };
});

scenarioAlone("a mint that fails is repeated by the button", async (world) => {
  const { page, troubles } = await world.signedIn();
  await drawer(page, /Failed mints are retried/, false);
  await world.fault({ kind: "fail-mints", count: FOR_EVER });
  await agree(page);
  await begin(page);
  await reaches(page, "failed_retryable");
  await reload(page);
  const lead = await sheet(page, "failed_retryable").innerText();
  const states = [await look(world, page, "failed_retryable")];
  // While mints fail still: else the sweep might be faster than the button.
  await page.getByRole("button", { name: "Try again now" }).click();
  await world.fault({ kind: "fail-mints", count: 0 });
  await reaches(page, "completed");
  return { lead, states, steps: await steps(page), troubles };
});

scenarioAlone("the relay is killed", async (world) => {
  await world.finality(NEVER);
  const { page, troubles } = await world.upgrading();
  await reaches(page, "burn_pending");
  await connection(page, "live");
  await page.getByText("Developer: bad days").click();
  await page.getByRole("button", { name: "Kill the relay" }).click();
  await page.locator('.connection:not([data-connection="live"])').waitFor();
  await connection(page, "live");
  await world.finality(3);
  await reaches(page, "completed");
  return { steps: await steps(page), troubles };
});

scenario("a request that is given up, and one that is gone on with later", async (world) => {
  const { page, troubles } = await world.signedIn();
  const who = await page.evaluate(() => JSON.parse(localStorage.getItem("nft-upgrade.session")).address);
  const open = () =>
    page.evaluate(async () => {
      const { nfts } = await (await fetch("/api/nft")).json();
      const body = JSON.stringify({ currentNftId: nfts[0].nftId, targetLevel: 2 });
      return (await fetch("/api/nft/upgrade", { method: "POST", body })).status;
    });
  const statuses = [await open()];
  await page.reload();
  await reaches(page, "initiated");
  const states = [await look(world, page, "initiated")];
  await reload(page);
  await page.getByRole("button", { name: "Cancel, keep my NFT" }).click();
  await reaches(page, "cancelled");
  states.push(await look(world, page, "cancelled"));
  await reload(page);
  await reaches(page, "cancelled");
  await page.getByRole("button", { name: "Back to my NFT" }).click();
  await page.getByRole("checkbox", { name: /I understand/ }).waitFor();
  statuses.push(await open());
  await page.reload();
  await reaches(page, "initiated");
  await page.getByRole("button", { name: "Burn in my wallet" }).click();
  await reaches(page, "completed");
  return { who, statuses, states, steps: await steps(page), troubles };
});
