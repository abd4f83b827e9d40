// `node run.js '{"origin", "solana", "artifacts", "people"}'`: a browser that waits for orders.
//
// Each line of standard input names a scenario, or is {"name", ...} with what it is told; each line
// of the output answers one: {"name", "value"} or {"name", "error"}. The end of the input is the end.

import { createInterface } from "node:readline";
import { scenarios } from "./scenario.js";
import { World } from "./world.js";
import "./scenarios/figures.js";
import "./scenarios/states.js";
import "./scenarios/tabs.js";
import "./scenarios/trouble.js";
import "./scenarios/wallets.js";

const { people, ...where } = JSON.parse(process.argv[2]);
const world = new World(where);

async function answer(line) {
  const { name, ...told } = line.startsWith("{") ? JSON.parse(line) : { name: line };
  try {
    const run = scenarios.get(name);
    if (!run) throw new Error("there is no such scenario");
    return { name, value: (await run(world, told)) ?? null };
  } catch (error) {
    return { name, error: `${error.stack}\n${await lastPages()}` };
  } finally {
    await Promise.all(world.browser.contexts().map(close));
    await world.calm().catch(() => {}); // the next scenario says so if the stack is gone
  }
}

/** Requests that a scenario has taken over may be on their way still. */
async function close(context) {
  const pages = context.pages().map((page) => page.unrouteAll({ behavior: "ignoreErrors" }));
  await Promise.all([...pages, context.unrouteAll({ behavior: "ignoreErrors" })]);
  await context.close();
}

/** What the pages showed in the end: a time-out alone says little. */
async function lastPages() {
  const pages = world.browser.contexts().flatMap((context) => context.pages());
  const texts = await Promise.all(pages.map((page) => page.locator("main").innerText({ timeout: 1_000 }).catch(String)));
  return texts.map((text, index) => `--- page ${index + 1}\n${text}`).join("\n");
}

const say = (facts) => process.stdout.write(`${JSON.stringify(facts)}\n`);

await world.begin(people);
say({ ready: world.browser.version() });
for await (const line of createInterface({ input: process.stdin })) say(await answer(line));
await world.end();
