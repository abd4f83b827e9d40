// What there is on a developer's machine alone: the faucet, the mailbox, faults and their controls.

import { ClientError, WalletError } from "/client/index.js";
import { set, state } from "./store.js";

/** Addresses of the local stack's parts; null where there is no such stack. */
export async function find() {
  try {
    const answer = await fetch("/local/addresses", { headers: { Accept: "application/json" } });
    if (!answer.ok || !answer.headers.get("content-type")?.startsWith("application/json")) return null;
    set({ developer: { ...state.developer, retriesByItself: retriesByItself() } });
    return await answer.json();
  } catch {
    return null;
  }
}

export async function faucet(address) {
  return post("/local/faucet", { address });
}

export async function mailbox() {
  if (!state.local) return [];
  const answer = await fetch("/local/mailbox");
  return answer.ok ? (await answer.json()).messages.reverse() : [];
}

/** Until the tab is closed, over reloads: what is found after one would be retried else. */
export const BY_HAND = "nft-upgrade.retries-by-hand";
function retriesByItself() {
  try {
    return sessionStorage.getItem(BY_HAND) === null;
  } catch {
    return true; // storage is forbidden
  }
}

export async function post(url, body) {
  const headers = { "Content-Type": "application/json" };
  let answer;
  try {
    answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  } catch (error) {
    throw new ClientError("network_error", "The server cannot be reached.", { retryable: true, cause: error });
  }
  const facts = await answer.json().catch(() => ({}));
  if (answer.ok) return facts;
  throw new ClientError(facts.code ?? "unexpected_answer", facts.detail ?? "", { retryable: true });
}

/** The test wallet, misbehaving as the developer drawer says. */
export function misbehaving(wallet) {
  return {
    name: wallet.name,
    address: wallet.address,
    signIn: (input) => wallet.signIn(input),
    signTransaction: (...given) => wallet.signTransaction(...given),
    async signAndSendTransaction(...given) {
      const signature = await wallet.signAndSendTransaction(...given);
      if (state.developer.forgetsToConfirm) return new Promise(() => location.reload());
      if (state.developer.walletSaysNo) throw new WalletError("wallet_rejected", "The test wallet says no.");
      return signature;
    },
  };
}
