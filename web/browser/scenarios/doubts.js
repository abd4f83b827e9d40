// What the page does not know, and does not claim: burns nobody told of, answers of strangers.

import { scenario, scenarioAlone } from "../scenario.js";
import { burn, connection, reaches, sheet, steps } from "../world.js";

const NEVER = 150; // blocks, a minute: the most the node allows
const STRANGER = { status: 403, contentType: "text/html", body: "<html>403 Forbidden</html>" };

const isSend = (route) => (route.request().postData() ?? "").includes("sendTransaction");

/** As on AWS: the wallet reaches Solana, the page does not. */
const withoutChain = (world, context) =>
  context.route(`${world.solana}/**`, (route) => (isSend(route) ? route.continue() : route.abort()));

/** The page dies once the burn has landed. */
async function dieAfterBurn(page) {
  await page.getByText("Developer: bad days").click();
  await page.getByLabel(/the confirmation is never sent/).check();
  await Promise.all([page.waitForEvent("load"), burn(page)]);
  await page.locator('html[data-ready="true"]').waitFor();
}

const LANDED = "Your NFT is burned on Solana.";

scenarioAlone("a burn nobody told of is seen where the page cannot read the chain", async (world) => {
  await world.finality(NEVER);
  const { page, context, troubles } = await world.signedIn();
  await withoutChain(world, context);
  await dieAfterBurn(page);
  await page.getByText(LANDED).waitFor({ timeout: 20_000 });
  const text = await page.locator(".sheet").first().innerText();
  await world.finality(3);
  await reaches(page, "completed");
  return { text, steps: await steps(page), troubles };
});

scenarioAlone("a cancel that comes after the burn leads on to the next level", async (world) => {
  await world.finality(NEVER);
  const { page, context, troubles } = await world.signedIn();
  await withoutChain(world, context);
  const away = JSON.stringify({ type: "about:blank", title: "x", status: 503, detail: "x", code: "chain_unavailable", retryable: true });
  await context.route("**/burn-transaction", (route) => route.fulfill({ status: 503, contentType: "application/problem+json", body: away }));
  await dieAfterBurn(page);
  const cancel = page.getByRole("button", { name: "Cancel, keep my NFT" });
  await cancel.waitFor();
  const before = await page.locator(".sheet").first().innerText();
  await cancel.click();
  await page.getByText(LANDED).waitFor({ timeout: 20_000 });
  const alert = await page.getByRole("alert").innerText();
  await world.finality(3);
  await reaches(page, "completed");
  return { before, alert, steps: await steps(page), troubles };
});

scenarioAlone("a confirmation that a stranger answered is sent again by the button", async (world) => {
  await world.finality(NEVER);
  const { page, context, troubles } = await world.signedIn();
  await context.route("**/burn-confirmation", (route) => route.fulfill(STRANGER));
  const answered = page.waitForResponse((answer) => answer.url().endsWith("/burn-confirmation"));
  await burn(page);
  await answered;
  await page.waitForTimeout(500);
  await page.reload();
  const again = page.getByRole("button", { name: "Try again", exact: true });
  await again.waitFor({ timeout: 20_000 });
  const text = await page.locator(".sheet").first().innerText();
  await context.unroute("**/burn-confirmation");
  const told = page.waitForRequest((request) => request.url().endsWith("/burn-confirmation"));
  await again.click();
  await told;
  await reaches(page, "burn_pending");
  const kept = await page.evaluate(() => Object.keys(localStorage).filter((name) => name.includes("burn.")));
  await world.finality(3);
  await reaches(page, "completed");
  return { text, kept, steps: await steps(page), troubles };
});

scenarioAlone("a stranger's answer to the stream ends no following", async (world) => {
  await world.finality(NEVER);
  const { page, context, troubles } = await world.upgrading();
  await reaches(page, "burn_pending");
  await connection(page, "live");
  await context.route("**/events", (route) => route.fulfill(STRANGER));
  await world.post("/local/relay/kill", {});
  await connection(page, "polling");
  await world.finality(3);
  await reaches(page, "completed");
  return { steps: await steps(page), troubles };
});

scenario("what is signed in atomic mode may happen at any moment", async (world) => {
  const { page, context, troubles } = await world.signedIn();
  let goOn;
  const held = new Promise((resolve) => (goOn = resolve));
  await context.route("**/submit", async (route) => {
    await held;
    await route.continue();
  });
  await page.getByLabel(/In one transaction/).check();
  const asked = page.waitForRequest((request) => request.url().endsWith("/submit"));
  await burn(page);
  await asked;
  await page.waitForTimeout(200);
  const text = await sheet(page, "initiated").innerText();
  goOn();
  await reaches(page, "completed");
  return { text, troubles };
});

scenario("a wallet that never answers is asked again", async (world) => {
  const { page, context, troubles } = await world.signedIn();
  let sends = 0;
  await context.route(`${world.solana}/**`, (route) => (isSend(route) && ++sends === 1 ? undefined : route.continue()));
  await burn(page);
  const again = page.getByRole("button", { name: "Nothing in your wallet? Ask again" });
  await again.waitFor();
  const cancels = await page.getByRole("button", { name: "Cancel, keep my NFT" }).count();
  await again.click();
  await reaches(page, "completed");
  return { cancels, sends, steps: await steps(page), troubles };
});

scenario("an upgrade is cancelled while the wallet does not answer", async (world) => {
  const { page, context, troubles } = await world.signedIn();
  await context.route(`${world.solana}/**`, (route) => (isSend(route) ? undefined : route.continue()));
  await burn(page);
  await page.getByRole("button", { name: "Cancel, keep my NFT" }).click();
  await reaches(page, "cancelled");
  return { troubles };
});

/** Registers a wallet that is never done connecting. Runs in the page. */
function registerSilent() {
  const wallet = {
    version: "1.0.0",
    name: "Silent Wallet",
    icon: "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4=",
    chains: ["solana:localnet"],
    accounts: [],
    features: {
      "standard:connect": { version: "1.0.0", connect: () => new Promise(() => {}) },
      "solana:signMessage": { version: "1.1.0", signMessage: async () => [] },
      "solana:signAndSendTransaction": { version: "1.0.0", signAndSendTransaction: async () => [] },
    },
  };
  window.addEventListener("wallet-standard:app-ready", ({ detail }) => detail.register(wallet));
}

scenario("a wallet that never connects is not waited for", async (world) => {
  const { page, context, troubles } = await world.someone(world.personWithout());
  await context.addInitScript(registerSilent);
  await page.reload();
  await page.getByRole("button", { name: "Sign in with Silent Wallet" }).click();
  await page.getByRole("button", { name: "Stop waiting" }).click();
  await page.getByRole("button", { name: "Sign in with the test wallet" }).click();
  await page.getByText("Sign out").waitFor();
  return { alerts: await page.getByRole("alert").count(), troubles };
});

scenario("another wallet signs in on the operators' page", async (world) => {
  const { page, context, who, troubles } = await world.signedIn(world.personWithout());
  await page.reload(); // from here on its session is the cookie alone
  await page.getByRole("heading", { name: /No NFT/ }).waitFor();
  const ops = await context.newPage();
  await ops.goto(`${world.origin}/ops/`);
  const verified = ops.waitForResponse((answer) => answer.url().endsWith("/api/auth/verify"));
  await ops.locator("#test-key").click();
  await verified;
  await page.bringToFront();
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await page.getByRole("alert").waitFor();
  const body = await page.locator("body").innerText();
  return { body, address: who.address, troubles };
});

scenarioAlone("the session ends during an upgrade", async (world) => {
  await world.finality(NEVER);
  const { page, context, troubles } = await world.upgrading();
  await reaches(page, "burn_pending");
  await connection(page, "live");
  const ended = JSON.stringify({ type: "about:blank", title: "x", status: 401, detail: "x", code: "invalid_token", retryable: false });
  await context.route("**/api/**", (route) => route.fulfill({ status: 401, contentType: "application/problem+json", body: ended }));
  await world.post("/local/relay/kill", {});
  const enter = page.getByRole("button", { name: "Sign in with the test wallet" });
  await enter.waitFor();
  const alert = await page.getByRole("alert").innerText();
  await context.unroute("**/api/**");
  await enter.click();
  await reaches(page, "burn_pending");
  await world.finality(3);
  await reaches(page, "completed");
  return { alert, steps: await steps(page), troubles };
});
