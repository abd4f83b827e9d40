// Who is signed in. The session itself is a cookie that no script can read: the API says whose it
// is. Kept here is which wallet it was, so that a reload connects that one again.

import { ClientError, createTestWallet, wallets } from "/client/index.js";
import { client, setWallet, wallet } from "./api.js";
import { misbehaving } from "./local.js";
import { inside, loaded } from "./parts.js";
import { empty, kept, set, state, storage } from "./store.js";
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
  if (!session?.address) return set({ isReady: true });
  client.chain = session.chain;
  set({ session });
  void reconnect();
  await enter();
}

export async function signIn(offered) {
  await busy(`sign-in ${offered.name}`, () =>
    waiting(offered.name, async (signal) => {
      const asked = await orStopped(offered.connect({ signal }), signal);
      await begin(asked, { wallet: offered.name }, signal);
    }),
  );
}

export async function useTestWallet({ isNew = false } = {}) {
  await busy("sign-in test", async () => {
    if (isNew) storage.removeItem(TEST_WALLET);
    await begin(await testWallet(), { wallet: "test", isTest: true });
  });
}

export const hasTestWallet = () => storage.getItem(TEST_WALLET) !== null;

async function testWallet() {
  const rpcUrl = state.local.solanaRpcUrl;
  try {
    return misbehaving(await createTestWallet({ rpcUrl, storage, name: TEST_WALLET }));
  } catch (cause) {
    throw new ClientError("test_key_broken", "The kept key cannot be read.", { cause });
  }
}

/** Wallets may never answer: as long as one is waited for, the person can stop that. */
async function waiting(name, act) {
  const controller = new AbortController();
  const stop = () => controller.abort(new DOMException("Not waited for any more.", "AbortError"));
  set({ waitsFor: { name, stop } });
  try {
    return await act(controller.signal);
  } catch (error) {
    if (!controller.signal.aborted) throw error;
    return null;
  } finally {
    set({ waitsFor: null });
  }
}

/** The promise, unless it is stopped first. */
const orStopped = (promise, signal) =>
  new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    promise.then(resolve, reject);
  });

async function begin(connected, facts, signal) {
  void inside().catch(() => {}); // meanwhile
  client.chain = undefined;
  await client.signIn(connected, { signal });
  set({ waitsFor: null });
  const session = { ...facts, address: connected.address, chain: client.chain };
  setWallet(connected);
  kept.set(KEPT, session);
  set({ ...empty, session, notice: null, isReady: false });
  await enter();
}

async function enter() {
  try {
    const shown = inside();
    const [isOurs] = await Promise.all([identify(), shown.then(({ load }) => load())]);
    if (isOurs) await (await shown).resume();
  } catch (error) {
    if (error.code === "invalid_token") leave();
    set({ notice: notice(error) });
  }
  set({ isReady: true });
}

/** False: the one cookie of this browser is another wallet's meanwhile, so nothing is shown. */
export async function identify() {
  const { address } = await client.whoAmI();
  if (address === state.session?.address) return true;
  if (kept.get(KEPT)?.address === address) location.replace(location.pathname); // it signed in here
  else if (state.session) {
    leave();
    set({ notice: notice({ code: "other_wallet" }) });
  }
  return false;
}

/** Without asking the user: the wallet of this session, if it is here and still allows it. */
async function reconnect() {
  const { session } = state;
  if (!session || wallet()) return;
  try {
    if (session.isTest && !state.local) return;
    const found = state.wallets.find(({ name }) => name === session.wallet);
    const connected = session.isTest ? await testWallet() : await found?.connect({ silent: true });
    if (connected?.address === state.session?.address) setWallet(connected);
  } catch {
    // It asks when it is needed: see connected().
  }
}

/** The wallet, asking the user if it has to. */
export async function connected() {
  if (wallet()) return wallet();
  const found = state.wallets.find(({ name }) => name === state.session.wallet);
  const ask = (signal) => orStopped(found.connect({ signal }), signal);
  const asked = found && (await waiting(found.name, ask));
  if (asked?.address === state.session.address) setWallet(asked);
  return wallet();
}

export async function signOut() {
  await busy("sign-out", async () => {
    await client.signOut(); // first: as long as the cookie is there, somebody is signed in
    void Promise.resolve(wallet()?.disconnect?.()).catch(() => {});
    kept.forget("burn.");
    leave();
  });
}

export function leave() {
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
    if (newValue && kept.get(KEPT)?.address === state.session?.address) return;
    if (newValue || state.session) location.replace(location.pathname);
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
    set({ notice: notice(error, { isSigningIn: name.startsWith("sign-in") }) });
  } finally {
    set({ busy: null });
  }
}
