// `node --import ./e2e/as-page.js`: what follows runs as a script of a page at ORIGIN would, with
// relative URLs, the page's cookie, EventSource, and an extension's wallet that holds a level-1 NFT.

import { installAsExtension, openPage } from "./page.js";

export const page = await openPage(process.env.ORIGIN);
export const { wallet, nftId } = await page.walletWithNft();

globalThis.window = new EventTarget();
installAsExtension(wallet, window);
globalThis.fetch = page.fetch;

const Native = globalThis.EventSource; // node --experimental-eventsource
if (Native) {
  globalThis.EventSource = class extends Native {
    constructor(url) {
      super(new URL(url, page.url));
    }
  };
}
