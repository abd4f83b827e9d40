// A look at one state of the page: axe, the width of a phone, pictures, a reload.

import axe from "axe-core";
import { DESKTOP, PHONE, PATIENCE_MS } from "./world.js";

/** {name, violations, wide}: what is wrong with what the page shows, in both colour schemes. */
export async function look(world, page, name) {
  const found = { name, violations: [], wide: [] };
  await page.evaluate(() => scrollTo(0, 0));
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    const rules = colorScheme === "dark" ? { runOnly: OF_COLOURS } : {}; // all else is the same
    found.violations.push(...(await audit(page, rules)).map((each) => `${colorScheme}: ${each}`));
    await picture(world, page, `${name}-${colorScheme}-desktop`);
    await page.setViewportSize(PHONE);
    if (colorScheme === "light") found.wide.push(...(await tooWide(page)));
    await picture(world, page, `${name}-${colorScheme}-phone`);
    await page.setViewportSize(DESKTOP);
  }
  await page.emulateMedia({ colorScheme: "light" });
  return found;
}

/** Nothing without a folder for it. */
async function picture(world, page, name) {
  if (world.artifacts) await page.screenshot({ path: `${world.artifacts}/${name}.png`, fullPage: true });
}

const OF_COLOURS = ["color-contrast", "link-in-text-block"];

export async function audit(page, rules = {}) {
  if (!(await page.evaluate(() => Boolean(window.axe)))) await page.evaluate(axe.source);
  const { violations } = await page.evaluate((only) => window.axe.run(document, { resultTypes: ["violations"], ...only }), rules);
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join("; ").slice(0, 400)}`);
}

/** Elements that stick out to the right. */
const tooWide = (page) =>
  page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    const sticksOut = (each) => each.getBoundingClientRect().right > width + 1;
    return [...document.querySelectorAll("body *")].filter(sticksOut).map((each) => each.outerHTML.slice(0, 120));
  });

const shown = () => ({
  heading: document.querySelector("h1")?.innerText ?? null,
  status: document.querySelector(".sheet[data-status]")?.dataset.status ?? null,
  steps: [...document.querySelectorAll(".step[data-type]")].map(({ dataset }) => dataset.type),
  buttons: [...document.querySelectorAll("main .sheet button:not(.copy, .link)")].map((each) => each.innerText),
});

/** The page shows the same after a reload; throws with both when it does not, in the end. */
export async function reload(page) {
  const before = await page.evaluate(shown);
  await page.reload();
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const after = await page.evaluate(shown);
    if (JSON.stringify(after) === JSON.stringify(before)) return;
    if (Date.now() > deadline) throw new Error(`before the reload ${JSON.stringify(before)}, after it ${JSON.stringify(after)}`);
    await page.waitForTimeout(50);
  }
}
