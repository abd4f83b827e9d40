// Who is signed in. The session itself is a cookie that no script can read: the API says whose it
// is. Kept here is which wallet it was, so that a reload connects that one again.

import { createTestWallet, wallets } from "/client/index.js";
import { client, setWallet, wallet } from "./api.js";
import { misbehaving } from "./local.js";
import { inside, loaded } from "./parts.js";
import { empty, kept, set, state } from "./store.js";
import { notice } from "./words.js";

const TEST_WALLET = "nft-upgrade.test-wallet";
const KEPT = "session";

if (kept.get(KEPT)) void inside().catch(() => {}); // who needs it asks again, and says so

export function findWallets() {
  const found = wallets.discover((list) => {
    set({ wallets: list });
    void reconnect();
  });
  set({ wallets: found.list });
}

/** After a reload: the cookie may still be good. */
export async function restore() {
  const session = kept.get(KEPT);
  if (!session) return set({ isReady: true });
  client.chain = session.chain;
  set({ session });
  void reconnect();
  await enter();
}

export async function signIn(offered) {
  await busy(`sign-in ${offered.name}`, async () => {
    const asked = await offered.connect();
    await begin(asked, { wallet: offered.name });
  });
}

export async function useTestWallet({ isNew = false } = {}) {
  await busy("sign-in test", async () => {
    if (isNew) localStorage.removeItem(TEST_WALLET);
    await begin(await testWallet(), { wallet: "test", isTest: true });
  });
}

export const hasTestWallet = () => localStorage.getItem(TEST_WALLET) !== null;

async function testWallet() {
  const rpcUrl = state.local.solanaRpcUrl;
  return misbehaving(await createTestWallet({ rpcUrl, storage: localStorage, name: TEST_WALLET }));
}

async function begin(connected, facts) {
  void inside().catch(() => {}); // meanwhile
  client.chain = undefined;
  await client.signIn(connected);
  const session = { ...facts, address: connected.address, chain: client.chain };
  setWallet(connected);
  kept.set(KEPT, session);
  set({ ...empty, session, notice: null, isReady: false });
  await enter();
}

async function enter() {
  try {
    const shown = inside();
    await Promise.all([identify(), shown.then(({ load }) => load())]);
    await (await shown).resume();
  } catch (error) {
    if (error.code === "invalid_token") leave();
    set({ notice: notice(error) });
  }
  set({ isReady: true });
}

/** The cookie may be another wallet's meanwhile: then that one is signed in here. */
async function identify() {
  const { address, chainId: chain } = await client.whoAmI();
  if (address === state.session?.address) return;
  const session = { wallet: null, address, chain };
  setWallet(null);
  kept.set(KEPT, session);
  set({ session });
}

/** Without asking the user: the wallet of this session, if it is here and still allows it. */
async function reconnect() {
  const { session } = state;
  if (!session || wallet()) return;
  try {
    if (session.isTest && !state.local) return;
    const found = state.wallets.find(({ name }) => name === session.wallet);
    const connected = session.isTest ? await testWallet() : await found?.connect({ silent: true });
    if (connected?.address === session.address) setWallet(connected);
  } catch {
    // It asks when it is needed: see connected().
  }
}

/** The wallet, asking the user if it has to. */
export async function connected() {
  if (wallet()) return wallet();
  const found = state.wallets.find(({ name }) => name === state.session.wallet);
  const asked = await found?.connect();
  if (asked?.address === state.session.address) setWallet(asked);
  return wallet();
}

export async function signOut() {
  await busy("sign-out", async () => {
    await client.signOut(); // first: as long as the cookie is there, somebody is signed in
    void Promise.resolve(wallet()?.disconnect?.()).catch(() => {});
    leave();
  });
}

function leave() {
  loaded.inside?.stop();
  client.forgetSession();
  setWallet(null);
  kept.set(KEPT, null);
  history.replaceState(null, "", location.pathname);
  set({ ...empty, session: null });
}

/** Another tab signed in or out: what is shown here is not true any more. */
export function followOtherTabs() {
  addEventListener("storage", ({ key, newValue }) => {
    if (key !== `nft-upgrade.${KEPT}`) return;
    const address = newValue ? JSON.parse(newValue).address : undefined;
    if (address !== state.session?.address) location.replace(location.pathname);
  });
}

/** One thing at a time; what fails becomes a notice. */
export async function busy(name, act) {
  if (state.busy) return;
  set({ busy: name, notice: null });
  try {
    await act();
  } catch (error) {
    if (error.code === "invalid_token") leave();
    set({ notice: notice(error) });
  } finally {
    set({ busy: null });
  }
}
