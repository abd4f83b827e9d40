// Every state of the page: looked at in both colour schemes and two widths, by axe, over a reload,
// with the keyboard alone.

import { look, reload } from "../looking.js";
import { scenario, scenarioAlone } from "../scenario.js";
import { DESKTOP, PATIENCE_MS, PHONE, WHOLE_WAY, burn, connection, reaches, steps } from "../world.js";

const NEVER = 150; // blocks, a minute: the most the node allows

/** Looks at one state after the other; each is looked at again after a reload, unless told not to. */
function looker(world, person) {
  const states = [];
  const see = async (name, { reloads = true } = {}) => {
    states.push(await look(world, person.page, name));
    if (reloads) await reload(person.page);
  };
  return { states, see };
}

async function onPhone(page, act) {
  await page.setViewportSize(PHONE);
  const seen = await act(page);
  await page.setViewportSize(DESKTOP);
  return seen;
}

scenarioAlone("the states of an upgrade", async (world) => {
  const person = await world.someone();
  const { page } = person;
  const { states, see } = looker(world, person);

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
  const { top } = await onPhone(page, (within) => within.locator(".timeline").evaluate((each) => each.getBoundingClientRect()));
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
  await page.locator(".proof summary").click(); // after the reload it is asked for by itself
  const rules = await page.locator(".proof-check strong").allTextContents();
  await page.getByText("Developer: bad days").click();
  await page.getByLabel("Slow finality").waitFor();
  await see("developer", { reloads: false });
  return { states, rules, top, troubles: person.troubles };
});

scenario("the states without an upgrade", async (world) => {
  const person = await world.someone(null);
  const { page } = person;
  const { states, see } = looker(world, person);
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
  const { page, context, who } = await world.signedIn(world.personWithout());
  const kept = await page.evaluate(() => ({ local: { ...localStorage }, session: { ...sessionStorage }, cookies: document.cookie }));
  const cookies = await context.cookies();
  return { kept, cookies, key: JSON.parse(who.key) };
});

scenario("files of a first visit", async (world) => {
  const { page } = await world.someone(null);
  return page.evaluate(() => {
    const entries = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
    const files = entries.filter(({ name }) => !new URL(name).pathname.startsWith("/local/"));
    return files.map(({ name, encodedBodySize, decodedBodySize }) => ({ path: new URL(name).pathname, encodedBodySize, decodedBodySize }));
  });
});

scenarioAlone("reduced motion is respected", async (world) => {
  const moving = () => document.getAnimations().map(({ effect }) => effect.getComputedTiming()).filter(({ duration, iterations }) => duration > 1 || iterations > 1).length;
  const counts = {};
  await world.finality(NEVER);
  for (const reducedMotion of ["reduce", "no-preference"]) {
    const { page } = await world.upgrading(world.pool.pop(), { reducedMotion });
    await reaches(page, "burn_pending");
    counts[reducedMotion] = await page.evaluate(moving);
  }
  return counts;
});

/** By the page's session, but not by the page: nobody burns it. */
const open = (page) =>
  page.evaluate(async () => {
    const { nfts } = await (await fetch("/api/nft")).json();
    const body = JSON.stringify({ currentNftId: nfts[0].nftId, targetLevel: 2 });
    return (await (await fetch("/api/nft/upgrade", { method: "POST", body })).json()).upgradeRequestId;
  });

scenario("a request that nobody burns for expires before one's eyes", async (world) => {
  const person = await world.signedIn();
  const { page } = person;
  const { states, see } = looker(world, person);
  const id = await open(page);
  await page.reload();
  await reaches(page, "initiated");
  await connection(page, "live");
  await world.outlive(id);
  await reaches(page, "expired");
  await see("expired");
  // No order of ours brings about the one that is left: the answer says so, the page shows it.
  await page.route("**/api/nft/upgrade/*/status", async (route) => {
    const answer = await route.fetch();
    const json = await answer.json();
    json.upgradeRequest.status = "failed_permanent";
    Object.assign(json.statusHistory.at(-1), { status: "failed_permanent", type: "upgrade_failed" });
    await route.fulfill({ response: answer, json });
  });
  await page.reload();
  await reaches(page, "failed_permanent");
  await see("failed_permanent", { reloads: false });
  return { states, steps: await steps(page), troubles: person.troubles };
});

scenario("a burn that people look at", async (world, { key }) => {
  const person = await world.signedIn({ key });
  const { page } = person;
  const { states, see } = looker(world, person);
  await reaches(page, "under_review");
  await page.locator(".proof summary").click();
  await see("under_review");
  await page.locator(".proof-review").first().waitFor({ state: "attached" }); // asked for after a reload
  const judged = await page.locator(".proof-review").allTextContents();
  return { states, judged, steps: await steps(page), troubles: person.troubles };
});

scenario("burn and mint in one transaction", async (world) => {
  const { page, troubles } = await world.signedIn();
  await page.getByLabel("In one transaction").check();
  const promise = await page.locator(".promises").innerText();
  const [request] = await Promise.all([page.waitForRequest((each) => each.method() === "POST" && each.url().endsWith("/api/nft/upgrade")), burn(page)]);
  await reaches(page, "completed");
  const id = page.url().split("/").at(-1);
  const { upgradeRequest } = await page.evaluate(async (of) => (await fetch(`/api/nft/upgrade/${of}/status`)).json(), id);
  return { promise, order: request.postDataJSON(), upgradeRequest, steps: await steps(page), troubles };
});
