// `node run.js '{"origin", "solana", "artifacts", "people"}'`: a browser that waits for orders.
//
// Each line of standard input names a scenario, or is {"name", ...} with what it is told; each line
// of the output answers one, as they end: {"name", "value"} or {"name", "error"}. Most of a scenario
// is waiting for a chain, so several are played at a time; those that change the chain or a server
// for everybody are played alone, after the others. The end of the input is the end.

import { createInterface } from "node:readline";
import { scenarios } from "./scenario.js";
import { World } from "./world.js";
import "./scenarios/doubts.js";
import "./scenarios/figures.js";
import "./scenarios/states.js";
import "./scenarios/tabs.js";
import "./scenarios/trouble.js";
import "./scenarios/wallets.js";

const { people, ...where } = JSON.parse(process.argv[2]);
const world = new World(where);

const AT_ONCE = 3;
const waiting = { shared: [], alone: [] };
let playing = 0;
let isAlone = false;

function take(line) {
  const order = line.startsWith("{") ? JSON.parse(line) : { name: line };
  waiting[scenarios.get(order.name)?.isAlone ? "alone" : "shared"].push(order);
  next();
}

function next() {
  while (!isAlone && playing < AT_ONCE && waiting.shared.length) void play(waiting.shared.shift());
  if (playing || !waiting.alone.length) return;
  isAlone = true;
  void play(waiting.alone.shift());
}

async function play(order) {
  playing++;
  say(await answer(order));
  playing--;
  isAlone = false;
  next();
}

async function answer({ name, ...told }) {
  const own = world.forOne();
  try {
    if (isAlone) await Promise.all(world.pool); // nobody else's NFT is on its way any more
    const scenario = scenarios.get(name);
    if (!scenario) throw new Error("there is no such scenario");
    return { name, value: (await scenario.run(own, told)) ?? null };
  } catch (error) {
    return { name, error: `${error.stack}\n${await lastPages(own)}` };
  } finally {
    const open = world.browser.contexts();
    await Promise.all(own.contexts.filter((context) => open.includes(context)).map(close));
    if (isAlone) await world.calm().catch(() => {}); // the next scenario says so if the stack is gone
  }
}

/** Requests that a scenario has taken over may be on their way still. */
async function close(context) {
  const pages = context.pages().map((page) => page.unrouteAll({ behavior: "ignoreErrors" }));
  await Promise.all([...pages, context.unrouteAll({ behavior: "ignoreErrors" })]);
  await context.close();
}

/** What the pages showed in the end: a time-out alone says little. */
async function lastPages({ contexts }) {
  const pages = contexts.flatMap((context) => context.pages());
  const texts = await Promise.all(pages.map((page) => page.locator("main").innerText({ timeout: 1_000 }).catch(String)));
  return texts.map((text, index) => `--- page ${index + 1}\n${text}`).join("\n");
}

const say = (facts) => process.stdout.write(`${JSON.stringify(facts)}\n`);

await world.begin(people);
say({ ready: world.browser.version() });
for await (const line of createInterface({ input: process.stdin })) take(line);
while (playing || waiting.shared.length || waiting.alone.length) await new Promise((resolve) => setTimeout(resolve, 50));
await world.end();
