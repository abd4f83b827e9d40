// What the benchmark measures; nothing here is asserted.

import { scenarioAlone } from "../scenario.js";
import { burn, reaches } from "../world.js";

const CLIMBS = 4; // from level 1 to level 5
const VISITS = 10;
const SLOW = 8; // blocks until the burn is final: by then the stream is open

/**
 * Runs in the page: milliseconds from an event's instant until the frame that shows it is done, of
 * events that happened while the stream was live. What came as history is left out.
 */
function watchSteps() {
  window.shown = [];
  const seen = new WeakSet();
  let liveSince = Infinity;
  const painted = (act) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = act; // the first task after the frame
    port2.postMessage(null);
  });
  const take = ({ type, timestamp }) => painted(() => window.shown.push({ type, ms: Date.now() - Date.parse(timestamp) }));
  new MutationObserver(() => {
    const steps = [...document.querySelectorAll(".step[data-sequence]")].filter((step) => !seen.has(step));
    for (const step of steps) {
      seen.add(step);
      if (Date.parse(step.dataset.timestamp) > liveSince) take(step.dataset);
    }
    if (!document.querySelector(".connection")) liveSince = Infinity;
    else if (document.querySelector('.connection[data-connection="live"]')) liveSince = Math.min(liveSince, Date.now());
  }).observe(document, { childList: true, subtree: true, attributes: true });
}

scenarioAlone("from the commit to the pixel", async (world) => {
  const shown = [];
  await world.finality(SLOW);
  for (const who of world.pool.splice(0)) {
    const { page, context } = await world.signedIn(who);
    for (let climb = 0; climb < CLIMBS; climb++) {
      await page.getByRole("checkbox", { name: /I understand/ }).waitFor();
      if (climb === 0) await page.evaluate(watchSteps);
      await burn(page);
      await reaches(page, "completed");
      await page.waitForTimeout(200); // the last frame
      await page.getByRole("button", { name: "Go on with the new NFT" }).click();
    }
    shown.push(...(await page.evaluate(() => window.shown)));
    await context.close();
  }
  return shown;
});

/** Runs in the page from its beginning. */
function watchReady() {
  const look = () => {
    const isReady = document.querySelector('html[data-ready="true"] main button:enabled');
    if (isReady) window.readyAfter ??= performance.now();
  };
  new MutationObserver(look).observe(document, { childList: true, subtree: true, attributes: true });
}

scenarioAlone("time until it can be used", async (world) => {
  const first = [];
  const again = [];
  for (let visit = 0; visit < VISITS; visit++) {
    const context = await world.browser.newContext();
    await context.addInitScript(watchReady);
    const page = await context.newPage();
    for (const [kind, go] of [[first, () => page.goto(world.origin)], [again, () => page.reload()]]) {
      await go();
      kind.push(await (await page.waitForFunction(() => window.readyAfter)).jsonValue());
    }
    await context.close();
  }
  return { first, again };
});
