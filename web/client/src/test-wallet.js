// A wallet in the page, for development: an Ed25519 key of WebCrypto and a Solana node. Whoever can
// read the page's storage can spend what it holds, so never give it anything of worth.

import { readTransaction, toBase58, toBase64, utf8, withSignature } from "./bytes.js";
import { NetworkError, WalletError } from "./errors.js";
import { signInText } from "./wallets.js";

const ALGORITHM = { name: "Ed25519" };
const PKCS8_HEAD = Uint8Array.of(48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32); // RFC 8410

/**
 * `rpcUrl` sends its transactions. The key is that of `seed` (32 bytes), else the one kept in
 * `storage` (localStorage's getItem and setItem, or their async likes) under `name`, else a new one.
 */
export async function createTestWallet({ rpcUrl, seed, storage, name = "test-wallet", fetch } = {}) {
  const jwk = seed ? await fromSeed(seed) : ((await kept(storage, name)) ?? (await made()));
  if (storage) await storage.setItem(name, JSON.stringify(jwk));
  const key = await crypto.subtle.importKey("jwk", jwk, ALGORITHM, false, ["sign"]);
  const send = fetch ?? ((...args) => globalThis.fetch(...args));
  return new TestWallet(key, toBase58(fromBase64Url(jwk.x)), rpcUrl, send);
}

class TestWallet {
  #key;
  #rpcUrl;
  #fetch;

  constructor(key, address, rpcUrl, fetch) {
    this.name = "Test wallet";
    this.address = address;
    this.#key = key;
    this.#rpcUrl = rpcUrl;
    this.#fetch = fetch;
  }

  async signIn(input) {
    const signedMessage = utf8(signInText(input));
    return { signedMessage, signature: await this.#sign(signedMessage) };
  }

  async signTransaction(transaction) {
    const { message } = readTransaction(transaction);
    return withSignature(transaction, this.address, await this.#sign(message));
  }

  async signAndSendTransaction(transaction) {
    const signed = toBase64(await this.signTransaction(transaction));
    const options = { encoding: "base64", preflightCommitment: "confirmed" };
    return this.#rpc("sendTransaction", [signed, options]);
  }

  async disconnect() {}

  async #sign(bytes) {
    return new Uint8Array(await crypto.subtle.sign(ALGORITHM, this.#key, bytes));
  }

  async #rpc(method, params) {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const headers = { "Content-Type": "application/json" };
    let answer;
    try {
      answer = await (await this.#fetch(this.#rpcUrl, { method: "POST", headers, body })).json();
    } catch (error) {
      throw new NetworkError("network_error", "The Solana node cannot be reached.", error);
    }
    if (!answer.error) return answer.result;
    const { message } = answer.error;
    throw new WalletError("wallet_failed", message, { retryable: true, cause: answer.error });
  }
}

async function kept(storage, name) {
  const text = await storage?.getItem(name);
  return text ? JSON.parse(text) : null;
}

async function made() {
  const pair = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  return crypto.subtle.exportKey("jwk", pair.privateKey);
}

async function fromSeed(seed) {
  const key = await crypto.subtle.importKey("pkcs8", Uint8Array.of(...PKCS8_HEAD, ...seed), ALGORITHM, true, ["sign"]);
  return crypto.subtle.exportKey("jwk", key);
}

const fromBase64Url = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
