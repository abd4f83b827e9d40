// Several tabs and several people.

import { scenario, scenarioAlone } from "../scenario.js";
import { burn, connection, reaches, steps } from "../world.js";

const NEVER = 150; // blocks, a minute: the most the node allows

scenario("two tabs show the same upgrade", async (world) => {
  const { page, tab, troubles } = await world.signedIn();
  const other = await tab();
  await other.getByRole("checkbox", { name: /I understand/ }).waitFor();
  await burn(page);
  await Promise.all([reaches(page, "completed"), reaches(other, "completed")]);
  return { steps: [await steps(page), await steps(other)], troubles };
});

scenarioAlone("of four tabs the first gives its stream away and asks instead", async (world) => {
  await world.finality(NEVER);
  const { page, tab, context, troubles } = await world.upgrading();
  await reaches(page, "burn_pending");
  await connection(page, "live");
  const opened = [];
  page.on("request", (request) => request.url().endsWith("/events") && opened.push(request.url()));
  const others = [];
  for (let count = 0; count < 3; count++) {
    others.push(await tab());
    await connection(others.at(-1), "live");
  }
  await connection(page, "polling");
  await page.waitForTimeout(2_500); // long enough for a loop to be seen
  const states = await Promise.all(others.map((each) => each.locator(".connection").getAttribute("data-connection")));
  await world.finality(3);
  await Promise.all([page, ...others].map((each) => reaches(each, "completed")));
  return { reopened: opened.length, states, first: await steps(page), troubles, tabs: context.pages().length };
});

scenario("a second user sees nothing of the first", async (world) => {
  const first = await world.upgrading();
  await reaches(first.page, "completed");
  const id = first.page.url().split("/").at(-1);
  const second = await world.signedIn(world.personWithout());
  await second.page.getByRole("heading", { name: /No NFT/ }).waitFor();
  await second.page.goto(`${world.origin}/#/upgrade/${id}`);
  await second.page.reload();
  await second.page.getByRole("alert").waitFor();
  const text = await second.page.locator("main").innerText();
  const answers = [];
  for (const path of ["status", "burn-proof", "receipt", "events"]) {
    answers.push((await second.context.request.get(`${world.origin}/api/nft/upgrade/${id}/${path}`)).status());
  }
  return { text, address: first.who.address, nftId: first.who.nftId, answers };
});

scenario("another wallet in another tab replaces what this one shows", async (world) => {
  const { page, tab, who } = await world.signedIn(world.personWithout());
  const other = await tab();
  await other.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Sign in with the test wallet" }).waitFor();
  await other.getByRole("button", { name: "or take a new one" }).click();
  await other.getByRole("heading", { name: /No NFT/ }).waitFor();
  await page.getByRole("heading", { name: /No NFT/ }).waitFor();
  return { text: await page.locator("body").innerText(), address: who.address };
});

