// The one client of this page, and the wallet that it signs with.

import { createClient } from "/client/index.js";

export const client = createClient();

let connected = null;

/** The wallet object, or null: signed in by the cookie, but the wallet is not there (yet). */
export const wallet = () => connected;
export const setWallet = (next) => (connected = next);
