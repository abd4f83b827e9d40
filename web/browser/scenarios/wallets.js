// A wallet of the Wallet Standard, as an extension brings it.

import { createTestWallet } from "../../client/index.js";
import { scenario } from "../scenario.js";
import { burn, reaches, steps } from "../world.js";

/**
 * Registers a wallet that signs in, and sends what it is given by `window.sendAsExtension`; without
 * that it refuses. Runs in the page.
 */
function register(jwkText) {
  const jwk = JSON.parse(jwkText);
  const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
  const ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
  const base58 = (raw) => {
    let number = raw.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
    let text = "";
    for (; number > 0n; number /= 58n) text = ALPHABET[Number(number % 58n)] + text;
    return "1".repeat(raw.findIndex((byte) => byte !== 0)) + text;
  };
  const publicKey = bytes(jwk.x);
  const account = { address: base58(publicKey), publicKey, chains: ["solana:localnet"], features: [] };
  const sign = async (message) => {
    const key = await crypto.subtle.importKey("jwk", jwk, { name: "Ed25519" }, false, ["sign"]);
    return new Uint8Array(await crypto.subtle.sign({ name: "Ed25519" }, key, message));
  };
  const wallet = {
    version: "1.0.0",
    name: "Paper Wallet",
    icon: "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4=",
    chains: ["solana:localnet"],
    accounts: [account],
    features: {
      "standard:connect": { version: "1.0.0", connect: async () => ({ accounts: [account] }) },
      "solana:signMessage": {
        version: "1.1.0",
        signMessage: async ({ message }) => [{ signedMessage: message, signature: await sign(message) }],
      },
      "solana:signAndSendTransaction": {
        version: "1.0.0",
        supportedTransactionVersions: ["legacy", 0],
        signAndSendTransaction: async ({ transaction }) => {
          if (window.sendAsExtension) return [{ signature: Uint8Array.from(await window.sendAsExtension([...transaction])) }];
          throw Object.assign(new Error("User rejected the request."), { code: 4001 });
        },
      },
    },
  };
  const announce = (api) => api.register(wallet);
  window.dispatchEvent(new CustomEvent("wallet-standard:register-wallet", { detail: announce }));
  window.addEventListener("wallet-standard:app-ready", ({ detail }) => announce(detail));
}

scenario("a wallet of the Wallet Standard signs in, and its no is respected", async (world) => {
  const { page, context, who, troubles } = await world.someone();
  await context.addInitScript(register, who.key);
  await page.reload();
  await page.getByRole("button", { name: "Sign in with Paper Wallet" }).click();
  await page.getByRole("checkbox", { name: /I understand/ }).check();
  await page.getByRole("button", { name: /Burn and upgrade/ }).click();
  await page.getByRole("alert").waitFor();
  const alert = await page.getByRole("alert").innerText();
  if (world.artifacts) await page.screenshot({ path: `${world.artifacts}/wallet_rejected.png`, fullPage: true });
  await page.reload();
  await page.getByRole("button", { name: "Cancel, keep my NFT" }).click();
  await page.getByRole("button", { name: "Back to my NFT" }).click();
  await page.getByRole("checkbox", { name: /I understand/ }).waitFor();
  const nfts = await (await context.request.get(`${world.origin}/api/nft`)).json();
  return { alert, nfts: nfts.nfts, troubles };
});

const ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/** The 64 bytes of a signature, as the Wallet Standard hands them on. */
function signatureBytes(base58) {
  let number = [...base58].reduce((sum, char) => sum * 58n + BigInt(ALPHABET.indexOf(char)), 0n);
  const bytes = new Array(64);
  for (let index = 63; index >= 0; index--, number >>= 8n) bytes[index] = Number(number & 255n);
  return bytes;
}

/** An extension's own process: no policy of the page holds for it. */
async function extension(world, key) {
  const storage = { getItem: () => key, setItem() {} };
  const wallet = await createTestWallet({ rpcUrl: world.solana, storage, name: "key" });
  return async (_, bytes) => signatureBytes(await wallet.signAndSendTransaction(Uint8Array.from(bytes)));
}

scenario("as it is on AWS", async (world) => {
  const { page, context, who, troubles } = await world.someone();
  await context.addInitScript(register, who.key);
  await context.exposeBinding("sendAsExtension", await extension(world, who.key));
  const asked = [];
  page.on("request", (request) => request.url().startsWith(world.origin) || request.url().startsWith("data:") || asked.push(request.url()));
  await context.route("**/local/**", (route) => route.fulfill({ status: 404, contentType: "text/html", body: "<p>Not found" }));
  await context.route(`${world.origin}/`, async (route) => {
    const answer = await route.fetch();
    const policy = answer.headers()["content-security-policy"].replace(/connect-src [^;]*/, "connect-src 'self'");
    await route.fulfill({ response: answer, headers: { ...answer.headers(), "content-security-policy": policy } });
  });
  await page.evaluate(() => localStorage.clear());
  await page.reload();
  const texts = [await page.locator("body").innerText()];
  await page.getByRole("button", { name: "Sign in with Paper Wallet" }).click();
  await page.getByRole("checkbox", { name: /I understand/ }).waitFor();
  texts.push(await page.locator("body").innerText());
  await burn(page);
  await reaches(page, "completed");
  texts.push(await page.locator("body").innerText());
  return { asked, text: texts.join("\n"), steps: await steps(page), troubles };
});
