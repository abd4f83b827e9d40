// Every state of the page: looked at in both colour schemes and two widths, by axe, over a reload,
// with the keyboard alone.

import axe from "axe-core";
import { scenario } from "../scenario.js";
import { DESKTOP, PHONE, PATIENCE_MS, WHOLE_WAY, reaches, sheet, steps } from "../world.js";

const NEVER = 150; // blocks, a minute: the most the node allows

/** What a look at one state found; tests/web asks each of them its question. */
async function look(world, person, name) {
  const { page } = person;
  const began = Date.now();
  const found = { name, text: await page.locator("main").innerText(), violations: [], wide: [] };
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    found.violations.push(...(await audit(page)).map((each) => `${colorScheme}: ${each}`));
    for (const [width, viewport] of [["desktop", DESKTOP], ["phone", PHONE]]) {
      await page.setViewportSize(viewport);
      if (width === "phone") found.wide.push(...(await tooWide(page)));
      if (world.artifacts) await page.screenshot({ path: `${world.artifacts}/${name}-${colorScheme}-${width}.png`, fullPage: true });
    }
    await page.setViewportSize(DESKTOP);
  }
  await page.emulateMedia({ colorScheme: "light" });
  found.ms = Date.now() - began;
  return found;
}

async function audit(page) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join("; ").slice(0, 400)}`);
}

/** Elements that stick out to the right on a phone. */
const tooWide = (page) =>
  page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    return [...document.querySelectorAll("body *")]
      .filter((each) => each.getBoundingClientRect().right > width + 1)
      .map((each) => each.outerHTML.slice(0, 120));
  });

/** The same state after a reload: its heading, the steps, what can be done. */
async function reloaded(page, found) {
  await page.reload();
  await page.locator('html[data-ready="true"]').waitFor();
  const [, title] = found.text.split("\n").filter(Boolean);
  await page.getByRole("heading", { level: 1 }).waitFor();
  return page.locator("main").innerText();
}

scenario("the states of an upgrade", async (world) => {
  const states = [];
  const person = await world.someone();
  const { page } = person;
  const see = async (name, { reloads = true } = {}) => {
    const found = await look(world, person, name);
    if (reloads) found.reloaded = await reloaded(page, found);
    states.push(found);
  };

  await see("entrance");
  await page.getByRole("button", { name: "Sign in with the test wallet" }).click();
  await page.getByRole("checkbox", { name: /I understand/ }).waitFor();
  await page.getByText("cannot be frozen").waitFor();
  await see("offer");
  await page.getByRole("checkbox", { name: /I understand/ }).check();
  await see("understood", { reloads: false });
  await page.getByRole("checkbox", { name: /I understand/ }).check();

  await world.finality(NEVER);
  await page.getByRole("button", { name: /Burn and upgrade/ }).click();
  await reaches(page, "burn_pending");
  await page.getByText("confirmed", { exact: true }).waitFor();
  await see("burn_pending");
  await world.finality(3);
  await reaches(page, "mint_pending");
  await world.finality(NEVER);
  await see("mint_pending");
  await world.finality(3);
  await reaches(page, "completed");
  await page.getByText("cannot be frozen").waitFor();
  await page.getByRole("heading", { name: "Lineage" }).waitFor();
  await page.locator(".proof summary").click();
  await see("completed");
  await page.getByText("Developer: bad days").click();
  await see("developer", { reloads: false });
  return { states, troubles: person.troubles };
});

scenario("the states without an upgrade", async (world) => {
  const states = [];
  const person = await world.someone(null);
  const { page } = person;
  const see = async (name, { reloads = true } = {}) => {
    const found = await look(world, person, name);
    if (reloads) found.reloaded = await reloaded(page, found);
    states.push(found);
  };
  await page.getByRole("button", { name: "Create a test wallet" }).click();
  await page.getByRole("heading", { name: /No NFT/ }).waitFor();
  await page.getByText("I burned my NFT somewhere else").click();
  await see("empty", { reloads: false });
  await page.getByLabel("NFT address or transaction signature").fill(person.who?.address ?? "1".repeat(32));
  await page.getByRole("button", { name: "Claim the successor" }).click();
  await page.getByRole("alert").waitFor();
  await see("notice", { reloads: false });
  await page.getByLabel("Mail address").fill("ape@example.org");
  await page.getByRole("button", { name: "Send the confirmation" }).click();
  await page.getByText("to be confirmed").waitFor();
  await page.locator(".mails summary").first().click();
  await see("notifications", { reloads: false });
  await person.context.setOffline(true);
  await page.getByText("You are offline.").waitFor();
  await see("offline", { reloads: false });
  await person.context.setOffline(false);
  return { states, troubles: person.troubles };
});

scenario("the whole way with the keyboard alone", async (world) => {
  const { page, troubles } = await world.someone();
  const press = async (key, count = 1) => {
    for (let index = 0; index < count; index++) await page.keyboard.press(key);
  };
  const reach = async (locator) => {
    for (let tabs = 0; tabs < 40; tabs++) {
      await press("Tab");
      if (await locator.evaluate((element) => element === document.activeElement)) return;
    }
    throw new Error("the keyboard does not reach it");
  };
  await reach(page.getByRole("button", { name: "Sign in with the test wallet" }));
  await press("Enter");
  const box = page.getByRole("checkbox", { name: /I understand/ });
  await box.waitFor();
  await reach(box);
  await press("Space");
  await reach(page.getByRole("button", { name: /Burn and upgrade/ }));
  await press("Enter");
  await page.locator("#upgrade-title").waitFor();
  const focus = await page.evaluate(() => document.activeElement.id);
  await reaches(page, "completed");
  const announced = await page.locator("#announcer").innerText();
  await reach(page.getByRole("button", { name: "Go on with the new NFT" }));
  await press("Enter");
  await page.getByRole("heading", { level: 1, name: "On-chain Hunter" }).waitFor({ timeout: PATIENCE_MS });
  return { focus, announced, troubles };
});

scenario("the new NFT, its line, receipt and place", async (world) => {
  const { page, who, context, troubles } = await world.upgrading();
  await reaches(page, "completed");
  const told = await steps(page);
  if (told.join() !== WHOLE_WAY.join()) throw new Error(`steps: ${told}`);
  await page.getByRole("heading", { name: "Lineage" }).waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download the signed receipt" }).click()]);
  const chunks = [];
  for await (const chunk of await download.createReadStream()) chunks.push(chunk);
  await page.locator("tr.mine").waitFor();
  const nfts = await (await context.request.get(`${world.origin}/api/nft`)).json();
  return {
    who: who.address,
    burned: who.nftId,
    receipt: JSON.parse(Buffer.concat(chunks).toString()),
    nfts: nfts.nfts,
    lineage: await page.locator(".lineage h3").allInnerTexts(),
    checks: await page.locator(".proof-check strong").allTextContents(),
    troubles,
  };
});

scenario("what is kept in the browser", async (world) => {
  const { page, context, who } = await world.signedIn();
  const kept = await page.evaluate(() => ({ local: { ...localStorage }, session: { ...sessionStorage }, cookies: document.cookie }));
  const cookies = await context.cookies();
  return { kept, cookies, key: JSON.parse(who.key) };
});

scenario("files and time until it can be used", async (world) => {
  const person = await world.someone();
  await person.page.reload();
  return person.page.evaluate(() => {
    const entries = performance.getEntriesByType("resource");
    const [page] = performance.getEntriesByType("navigation");
    return { transferred: [page, ...entries].reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0), files: entries.length };
  });
});
