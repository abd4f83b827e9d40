// What Solana itself says, asked without our API. On this machine alone: elsewhere no node is
// allowed by the page's Content-Security-Policy, and an explorer is linked instead.

import { set, state } from "./store.js";

let nextId = 1;

export async function rpc(method, ...params) {
  const url = state.local?.solanaRpcUrl;
  if (!url) return null;
  const body = JSON.stringify({ jsonrpc: "2.0", id: nextId++, method, params });
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(url, { method: "POST", headers, body, signal: AbortSignal.timeout(5_000) });
  return (await answer.json()).result ?? null;
}

/** Remembers what the chain says of a mint; null when it cannot be asked. */
export async function lookAt(mint) {
  try {
    const facts = await factsOf(mint);
    if (facts || !state.facts[mint]) set({ facts: { ...state.facts, [mint]: facts } });
    return facts;
  } catch {
    if (!state.facts[mint]) set({ facts: { ...state.facts, [mint]: null } }); // asked in vain
    return null;
  }
}

async function factsOf(mint) {
  const [account, holder] = await Promise.all([parsed(mint), holderOf(mint)]);
  if (!account) return null;
  const { info } = account.data.parsed;
  const extensions = Object.fromEntries((info.extensions ?? []).map(({ extension, state: facts }) => [extension, facts]));
  const metadata = extensions.tokenMetadata;
  return {
    program: account.owner,
    supply: info.supply,
    mintAuthority: info.mintAuthority,
    freezeAuthority: info.freezeAuthority,
    updateAuthority: metadata?.updateAuthority ?? null,
    level: metadata?.additionalMetadata?.find(([name]) => name === "level")?.[1] ?? null,
    collection: extensions.tokenGroupMember?.group ?? null,
    holder,
  };
}

async function parsed(address) {
  return (await rpc("getAccountInfo", address, { encoding: "jsonParsed", commitment: "confirmed" }))?.value ?? null;
}

async function holderOf(mint) {
  const largest = await rpc("getTokenLargestAccounts", mint, { commitment: "confirmed" });
  const held = largest?.value?.find(({ amount }) => amount === "1");
  return held ? ((await parsed(held.address))?.data.parsed.info.owner ?? null) : null;
}

/** processed, confirmed or finalized; null: not seen, or not asked. */
export async function commitmentOf(signature) {
  try {
    const answer = await rpc("getSignatureStatuses", [signature], { searchTransactionHistory: true });
    return answer?.value[0]?.confirmationStatus ?? null;
  } catch {
    return null;
  }
}
