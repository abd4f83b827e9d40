// The one client of this page, and the wallet that it signs with.

import { createClient } from "/client/index.js";
import { set } from "./store.js";

export const client = createClient();

let connected = null;

/** The wallet object, or null: signed in by the cookie, but the wallet is not there (yet). */
export const wallet = () => connected;

export function setWallet(next) {
  connected = next;
  set({ signsAlone: Boolean(next?.signTransaction) });
}
