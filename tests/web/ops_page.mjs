// Drives the operators' page in Chromium as an operator does. `test_ops_page.py` starts it.
//
//     node ops_page.mjs ORIGIN MODULES PICTURES < {"reviewed": [...], "failed": "..."}

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [origin, modules, pictures] = process.argv.slice(2);
const installed = createRequire(join(modules, "x.js"));
const { chromium } = installed("playwright-core");
const axe = installed("axe-core");
const { reviewed, failed } = JSON.parse(readFileSync(0, "utf8"));
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];
const faults = [];

/** Kept to be looked at; axe looks as well. */
async function picture(page, name) {
  await page.screenshot({ path: join(pictures, `ops-${name}.png`), fullPage: true });
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  for (const { id, impact, nodes } of violations) {
    if (["serious", "critical"].includes(impact)) faults.push(`${name}: ${id}: ${nodes.map(({ html }) => html).join("; ")}`);
  }
}

const card = (page, name) =>
  page.locator("#figures > div", { has: page.locator("dt", { hasText: new RegExp(`^${name}$`) }) });
const figure = (page, name) => card(page, name).locator("dd").first();
const request = (page, id) => page.locator(`article[data-id="${id}"]`);
const reads = (locator, text) => until(`"${text}"`, async () => (await locator.textContent()).includes(text));

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS });
try {
  const operator = await newPage({ viewport: { width: 1100, height: 900 } });
  await signsIn(operator);
  await sees(operator);
  await evidenceStaysOpen(operator);
  await accepts(operator);
  await losesARace(operator);
  await retries(operator);
  await pauses(operator);
  await isStillSignedIn(operator);
  await serverIsAway(operator);
  await onAPhone(operator);
  await userIsKeptOut();
  assert.deepEqual(faults, []);
} finally {
  await browser.close();
}

async function newPage(options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (message) => {
    const isOurs = message.type() === "error" && !message.text().startsWith("Failed to load resource");
    if (isOurs) faults.push(message.text());
  });
  return page;
}


async function until(what, isSo) {
  const deadline = Date.now() + 15_000;
  while (!(await isSo())) {
    assert.ok(Date.now() < deadline, `never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}


async function signsIn(page) {
  await page.goto(`${origin}/ops`);
  assert.equal(new URL(page.url()).pathname, "/ops/");
  await page.locator("#test-key").waitFor();
  assert.equal(await page.locator("#view").isVisible(), false);
  await picture(page, "door");
  await page.locator("#test-key").click();
  await page.locator("#view").waitFor();
  const [cookie] = await page.context().cookies();
  assert.deepEqual([cookie.httpOnly, cookie.secure, cookie.sameSite], [true, true, "Strict"]);
  assert.equal(await page.evaluate(() => document.cookie), "");
  assert.equal(await page.evaluate(() => localStorage.length), 0);
}

async function sees(page) {
  await reads(figure(page, "Waiting after their burn"), "3");
  await reads(figure(page, "Under review"), "2");
  await reads(figure(page, "System wallet"), "SOL");
  await reads(figure(page, "nft-audit"), "0");
  await reads(page.locator("#pulse"), "Live");
  assert.equal(await page.locator("#requests article").count(), 3);
  await picture(page, "light");
}

async function evidenceStaysOpen(page) {
  const details = request(page, reviewed[0]).locator("details");
  await details.locator("summary").click();
  await details.locator("table").waitFor();
  await reads(details.locator("tr.bad").first(), "review");
  await details.locator("summary").focus();
  await page.waitForResponse((response) => response.url().endsWith("/api/ops/status"));
  await page.waitForResponse((response) => response.url().endsWith("/api/ops/status"));
  assert.equal(await details.locator("table").isVisible(), true);
  assert.equal(await details.locator("summary").evaluate((each) => each === document.activeElement), true);
  await picture(page, "evidence");
}

async function decides(page, id, act, reason) {
  await request(page, id).locator(`[data-act=${act}]`).click();
  await page.locator("#ask").waitFor();
  await page.locator("#ask-do").click();
  assert.equal(await page.locator("#ask").isVisible(), true, "without a reason nothing is done");
  await page.locator("#ask-reason").fill(reason);
}

async function accepts(page) {
  await decides(page, reviewed[0], "accept", "The owner signed the delegation.");
  await picture(page, "accept");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await reads(page.locator("#told"), "The successor is being minted.");
  await reads(request(page, reviewed[0]).locator(".status"), "Burned, mint not begun");
  await reads(request(page, reviewed[0]).locator(".history").first(), "The owner signed the delegation.");
  assert.doesNotMatch(await request(page, reviewed[0]).textContent(), /null|undefined|NaN/);
  await reads(page.locator("#journal li").first(), "accept the burn of");
  await reads(figure(page, "Under review"), "1");
}

async function losesARace(page) {
  const other = await page.context().newPage();
  await other.goto(`${origin}/ops/`);
  await decides(page, reviewed[1], "accept", "It is theirs.");
  await decides(other, reviewed[1], "refuse", "It is not theirs.");
  await other.locator("#ask-do").click();
  await reads(other.locator("#told"), "The next sweep ends it.");
  await other.close();
  await page.locator("#ask-do").click();
  await reads(page.locator("#ask-fault"), "There is nothing to review: the upgrade is initiated.");
  await picture(page, "conflict");
  await page.locator("#ask-cancel").click();
  await until("the request is gone", async () => !(await request(page, reviewed[1]).count()));
}

async function retries(page) {
  await decides(page, failed, "retry", "The provider is back.");
  await page.locator("#ask-do").click();
  await reads(page.locator("#told"), "The mint is tried again.");
  await reads(request(page, failed).locator(".status"), "Minting");
  assert.equal(await request(page, failed).locator("[data-act=retry]").isVisible(), false);
}

async function pauses(page) {
  await page.locator("#minting-switch").click();
  await page.locator("#ask-reason").fill("We move house until noon.");
  await page.locator("#ask-do").click();
  await reads(page.locator("#minting-state"), "Paused: We move house until noon.");
  await reads(page.locator("#minting-switch"), "Resume minting");
  await page.emulateMedia({ colorScheme: "dark" });
  await picture(page, "dark");
}

async function isStillSignedIn(page) {
  await page.reload();
  await page.locator("#view").waitFor();
  await reads(page.locator("#minting-state"), "Paused: We move house until noon.");
  assert.equal(await page.locator("#door").isVisible(), false);
}

async function serverIsAway(page) {
  await page.route("**/api/ops/**", (route) => route.abort());
  await reads(page.locator("#fault"), "The server does not answer.");
  await until("old figures are said to be old", async () => (await page.locator("#pulse").textContent()).startsWith("No news"));
  assert.equal(await page.locator("#view").isVisible(), true);
  await picture(page, "away");
  await page.unroute("**/api/ops/**");
  await reads(page.locator("#pulse"), "Live");
  assert.equal(await page.locator("#fault").isVisible(), false);
}

async function onAPhone(page) {
  await page.setViewportSize({ width: 375, height: 740 });
  const tooWide = await page.evaluate(() => document.scrollingElement.scrollWidth - innerWidth);
  assert.ok(tooWide <= 0, `${tooWide} px too wide`);
  await picture(page, "phone");
}

async function userIsKeptOut() {
  const page = await newPage({ colorScheme: "light" });
  await page.goto(`${origin}/ops/`);
  await page.locator("#test-key").waitFor();
  await page.evaluate(async () => {
    const { createClient, createTestWallet } = await import("/client/index.js");
    await createClient().signIn(await createTestWallet());
  });
  await page.reload();
  await reads(page.locator("#door-why"), "This wallet is no operator's.");
  assert.equal(await page.locator("#view").isVisible(), false);
  await picture(page, "user");
}
