// What a browser gives a page, in Node: one origin with its cookie, EventSource, and an extension's
// wallet. The page's origin is a small proxy in front of the stack, where tests cut and hold streams.

import { createServer, request as ask } from "node:http";

import { createTestWallet } from "nft-upgrade-client";

const native = globalThis.fetch;

/** A page on the stack at `origin`. `page.streams` are its open streams; close it in the end. */
export async function openPage(origin) {
  const page = new Page(new URL(origin));
  await page.listen();
  return page;
}

class Page {
  /** `meddle(response, upstream)` may replace how a stream's body is passed on. */
  meddle = undefined;
  cookie = "";
  streamRequests = [];
  questions = 0;

  constructor(stack) {
    this.stack = stack;
  }

  async listen() {
    this.server = createServer((request, response) => this.#pass(request, response));
    await new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.server.unref();
    this.url = `http://127.0.0.1:${this.server.address().port}`;
  }

  #pass(request, response) {
    const isStream = request.url.includes("/events");
    if (isStream) this.streamRequests.push(request.headers["last-event-id"]);
    if (request.url.endsWith("/status")) this.questions++;
    const { hostname, port, origin } = this.stack;
    // As a browser on the stack's own origin: Origin, Host, and the cookie it was given.
    const headers = { ...request.headers, host: this.stack.host, ...(this.cookie && { cookie: this.cookie }) };
    if (request.method !== "GET") headers.origin = origin;
    const options = { hostname, port, method: request.method, path: request.url, headers };
    const upstream = ask(options, (answer) => {
      this.#keepCookie(answer.headers["set-cookie"]);
      if (isStream && answer.statusCode === 200 && this.meddle) return this.meddle(response, answer);
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
      answer.on("error", () => response.destroy());
    });
    upstream.on("error", () => response.destroy());
    response.on("close", () => upstream.destroy());
    request.pipe(upstream);
  }

  #keepCookie(given) {
    if (given) this.cookie = given[0].split(";")[0];
  }

  /** fetch with the page's relative URLs; others as they are. */
  fetch = (url, init) => native(new URL(url, this.url), init);

  async json(path, init) {
    const response = await this.fetch(path, init);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  /** A wallet with SOL and a level-1 NFT, and the node it sends to. */
  async walletWithNft() {
    const { solanaRpcUrl } = await this.json("/local/addresses");
    const wallet = await createTestWallet({ rpcUrl: solanaRpcUrl });
    const body = JSON.stringify({ address: wallet.address });
    const { nftId } = await this.json("/local/faucet", { method: "POST", body });
    return { wallet, nftId, solanaRpcUrl };
  }

  async close() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** The wallet as an extension offers it to pages: a wallet of the Wallet Standard. */
export function installAsExtension(wallet, window) {
  const account = { address: wallet.address, chains: ["solana:localnet"], features: [] };
  const standard = {
    version: "1.0.0",
    name: wallet.name,
    icon: "data:image/svg+xml;base64,",
    chains: ["solana:localnet"],
    accounts: [account],
    features: {
      "standard:connect": { connect: async () => ({ accounts: [account] }) },
      "solana:signIn": { signIn: async (input) => [{ account, ...(await wallet.signIn(input)) }] },
      "solana:signAndSendTransaction": {
        signAndSendTransaction: async ({ transaction }) => {
          const signature = await wallet.signAndSendTransaction(transaction);
          return [{ signature: fromBase58(signature) }];
        },
      },
    },
  };
  window.addEventListener("wallet-standard:app-ready", ({ detail }) => detail.register(standard));
}

const ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

function fromBase58(text) {
  let number = 0n;
  for (const char of text) number = number * 58n + BigInt(ALPHABET.indexOf(char));
  return Uint8Array.from(number.toString(16).padStart(128, "0").match(/../g), (pair) => Number.parseInt(pair, 16));
}
