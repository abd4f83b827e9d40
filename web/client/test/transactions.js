// Vectors that solders and the API made (tests/web/client_vectors.py).

import { readFileSync } from "node:fs";

import { fromBase64 } from "../src/bytes.js";

export const VECTORS = JSON.parse(readFileSync(new URL("vectors.json", import.meta.url), "utf8"));
export const ADDRESS = VECTORS.address;
export const TRANSACTION = fromBase64(VECTORS.transactions.legacy.unsigned);
export const fromHex = (text) => Uint8Array.from(text.match(/../g), (pair) => Number.parseInt(pair, 16));
