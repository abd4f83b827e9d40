// What the benchmark measures; nothing here is asserted.

import { scenario } from "../scenario.js";
import { burn, reaches } from "../world.js";

const CLIMBS = 4; // from level 1 to level 5
const VISITS = 10;

/** Runs in the page: milliseconds from an event's instant until the frame that shows it is done. */
function watchSteps() {
  window.shown = [];
  const painted = (act) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = act; // the first task after the frame
    port2.postMessage(null);
  });
  const added = ({ addedNodes }) => [...addedNodes].flatMap((node) => (node.querySelectorAll ? [node, ...node.querySelectorAll("*")] : []));
  new MutationObserver((changes) => {
    const steps = changes.flatMap(added).filter((node) => node.matches(".step[data-sequence]"));
    const isLive = document.querySelector('.connection[data-connection="live"]') || steps.some(({ dataset }) => dataset.type === "upgrade_completed");
    if (isLive) for (const { dataset } of steps) painted(() => window.shown.push({ type: dataset.type, ms: Date.now() - Date.parse(dataset.timestamp) }));
  }).observe(document, { childList: true, subtree: true });
}

scenario("from the commit to the pixel", async (world) => {
  const shown = [];
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

scenario("time until it can be used", async (world) => {
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
