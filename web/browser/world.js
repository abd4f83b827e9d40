// A browser, people with wallets and NFTs, and the stack that they use. Nothing here knows how the
// page is made: it is found by what a person sees.

import { mkdtempSync, rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { createTestWallet } from "../client/index.js";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
export const DESKTOP = { width: 1280, height: 900 };
export const PHONE = { width: 360, height: 740 };
export const PATIENCE_MS = 45_000;

export class World {
  constructor({ origin, solana, artifacts }) {
    Object.assign(this, { origin, solana, artifacts });
    this.pool = [];
  }

  async begin(people) {
    this.profile = mkdtempSync(join(tmpdir(), "nft-upgrade-browser-"));
    const options = { executablePath: "/usr/bin/chromium", headless: true, args: FLAGS, env: { ...process.env, HOME: this.profile } };
    this.pool = Array.from({ length: people }, () => this.personWithNft());
    for (const person of this.pool) person.catch(() => {}); // whoever takes it is told
    this.browser = await chromium.launch(options);
    if (this.artifacts) await mkdir(this.artifacts, { recursive: true });
  }

  /** The same, with contexts of one scenario's own. */
  forOne() {
    return Object.assign(Object.create(this), { contexts: [] });
  }

  async end() {
    await this.browser?.close();
    rmSync(this.profile, { recursive: true, force: true });
  }

  // --- the stack ----------------------------------------------------------------------------

  async post(path, body) {
    const url = path.startsWith("http") ? path : this.origin + path;
    const answer = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  fault(order) {
    return this.post(`${this.solana}/local/faults`, order);
  }

  /** Blocks until a transaction is final; 3 is the usual, a thousand is never. */
  finality(blocks) {
    return this.fault({ kind: "finality", confirmed_after: 1, finalized_after: blocks });
  }

  async calm() {
    await this.fault({ scenario: "none" });
    await this.fault({ method: "*", kind: "error-500", count: 0 });
    await this.fault({ kind: "fail-mints", count: 0 });
    await this.finality(3);
  }

  /** As if an open request's time were over: the sweep finds it within seconds. */
  async outlive(upgradeId) {
    const past = { S: "2001-01-01T00:00:00.000000+0000" };
    const { dynamoDbEndpointUrl } = await (await fetch(`${this.origin}/local/addresses`)).json();
    const scope = "Credential=test/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=none";
    const headers = { "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810.UpdateItem", Authorization: `AWS4-HMAC-SHA256 ${scope}` };
    const order = {
      TableName: "nft-upgrade-upgrades",
      Key: { upgrade_id: { S: upgradeId }, entry: { S: "REQUEST" } },
      UpdateExpression: "SET expires_at = :past, due_at = :past",
      ConditionExpression: "attribute_exists(expires_at)",
      ExpressionAttributeValues: { ":past": past },
    };
    const answer = await fetch(dynamoDbEndpointUrl, { method: "POST", headers, body: JSON.stringify(order) });
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  }

  /** The pool's people: their NFTs take seconds, so they are minted from the beginning. */
  async personWithNft() {
    const person = await this.personWithout();
    const { nftId } = await this.post("/local/faucet", { address: person.address });
    return { ...person, nftId };
  }

  /** A key alone. */
  async personWithout() {
    const kept = new Map();
    const storage = { getItem: (name) => kept.get(name) ?? null, setItem: (name, text) => kept.set(name, text) };
    const { address } = await createTestWallet({ storage, name: "key" });
    return { address, key: kept.get("key") };
  }

  // --- pages --------------------------------------------------------------------------------

  /** A browser of somebody's own. `whose`: null for somebody new, else of the pool. */
  async someone(whose = this.pool.pop(), options = {}) {
    const who = await whose;
    if (who === undefined) throw new Error("nobody with an NFT is left: more people are needed");
    const context = await this.browser.newContext({ viewport: DESKTOP, reducedMotion: "reduce", ...options });
    this.contexts.push(context);
    context.setDefaultTimeout(PATIENCE_MS);
    const troubles = [];
    await context.exposeBinding("reportTrouble", (_, text) => troubles.push(text));
    await context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) =>
        window.reportTrouble(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`),
      );
    });
    if (who) await context.addInitScript(keepKey, who.key);
    const person = { context, who, troubles, tab: () => newTab(this.origin, context, troubles) };
    person.page = await person.tab();
    return person;
  }

  async signedIn(who, options) {
    const person = await this.someone(who, options);
    await person.page.getByRole("button", { name: "Sign in with the test wallet" }).click();
    await person.page.getByText("Sign out").waitFor();
    return person;
  }

  /** Signed in, with the upgrade open and burned as far as the chain lets it. */
  async upgrading(who, options) {
    const person = await this.signedIn(who, options);
    await burn(person.page);
    return person;
  }
}

/** Only if there is none yet: the page may have made another. */
function keepKey(key) {
  if (!localStorage.getItem("nft-upgrade.test-wallet")) localStorage.setItem("nft-upgrade.test-wallet", key);
}

async function newTab(origin, context, troubles) {
  const page = await context.newPage();
  page.on("pageerror", (error) => troubles.push(`error: ${error.stack}`));
  page.on("console", (message) => message.type() === "error" && !isNetwork(message.text()) && troubles.push(`console: ${message.text()}`));
  await page.goto(origin);
  await page.locator('html[data-ready="true"]').waitFor();
  return page;
}

/** Chromium writes every refused request to the console, those that the page copes with too. */
const isNetwork = (text) => text.startsWith("Failed to load resource");

// --- what a person does and sees -------------------------------------------------------------

export async function burn(page) {
  await page.getByRole("checkbox", { name: /I understand/ }).check();
  await page.getByRole("button", { name: /Burn and upgrade/ }).click();
}

export const sheet = (page, status) => page.locator(`.sheet[data-status="${status}"]`);

/** Waits until the page shows this status. */
export const reaches = (page, status) => sheet(page, status).waitFor({ timeout: PATIENCE_MS });

export const steps = (page) => page.locator(".step[data-type]").evaluateAll((all) => all.map((step) => step.dataset.type));

export const connection = (page, state) => page.locator(`.connection[data-connection="${state}"]`).waitFor({ timeout: PATIENCE_MS });

export const WHOLE_WAY = ["upgrade_initiated", "burn_pending", "burn_confirmed", "mint_started", "upgrade_completed"];
