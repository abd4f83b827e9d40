// What an application calls: one method per route, and the whole way in `upgrades.run`.

import { Api } from "./api.js";
import { toBase64 } from "./bytes.js";
import { NetworkError } from "./errors.js";
import { ACTIVE } from "./statuses.js";
import { check, orAborted } from "./waiting.js";

const UPGRADES = "/api/nft/upgrade";
const PREFERENCES = "/api/notifications/preferences";
const segment = encodeURIComponent;

/** `run` and `watch`, half of the client: a page without a bundler loads them for an upgrade alone,
 * and both at once, so that nothing is left to load after a burn. */
const upgrading = () =>
  import("./run.js").catch((error) => {
    throw new NetworkError("network_error", "A part of the page could not be loaded.", error);
  });

export function createClient(options = {}) {
  return new Client(options);
}

class Client {
  #api;

  constructor({ chain, timing, ...options }) {
    this.#api = new Api(options);
    this.chain = chain;
    this.upgrades = new Upgrades(this.#api, timing, () => this.chain);
    this.preferences = new Preferences(this.#api);
  }

  /** `{accessToken, expiresAt, user}`; null: the browser's cookie, if it has one, is the session. */
  get session() {
    return this.#api.session;
  }

  async signIn(wallet, { signal } = {}) {
    const { address } = wallet;
    const body = { address };
    const { input } = await this.#api.call("POST", "/api/auth/challenge", { body, signal });
    check(signal);
    const { signedMessage, signature } = await orAborted(wallet.signIn(input), signal);
    const [text, proof] = [toBase64(signedMessage), toBase64(signature)];
    const signed = { address, signedMessage: text, signature: proof };
    const answer = await this.#api.call("POST", "/api/auth/verify", { body: signed, signal });
    const { accessToken, expiresAt, user } = answer;
    this.chain ??= input.chainId;
    this.#api.session = { accessToken, expiresAt, user };
    return this.#api.session;
  }

  /** Whose session it is, asked of the API: after a reload nobody here knows. */
  async whoAmI(options) {
    const answer = await this.#api.get("/api/auth/session", options);
    this.chain ??= answer.chainId;
    return answer;
  }

  /** Ends the session of this browser. When it throws, the cookie is still there. */
  async signOut(options) {
    await this.#api.call("POST", "/api/auth/sign-out", options);
    this.forgetSession();
  }

  /** Forgets the session here. */
  forgetSession() {
    this.#api.session = null;
  }

  nfts(options) {
    return this.#api.get("/api/nft", options);
  }

  eligibility({ targetLevel, ...options } = {}) {
    return this.#api.get("/api/nft/can-upgrade", { query: { targetLevel }, ...options });
  }

  lineage(mint, options) {
    return this.#api.get(`/api/nft/${segment(mint)}/lineage`, options);
  }

  leaderboard({ limit, cursor, ...options } = {}) {
    return this.#api.get("/api/leaderboard", { query: { limit, cursor }, ...options });
  }

  stats(options) {
    return this.#api.get("/api/stats/me", options);
  }

  health(options) {
    return this.#api.get(`${UPGRADES}/health`, options);
  }

  keys(options) {
    return this.#api.get("/.well-known/jwks.json", options);
  }
}

class Upgrades {
  #api;
  #timing;
  #chain;

  constructor(api, timing, chain) {
    this.#api = api;
    this.#timing = timing;
    this.#chain = chain;
  }

  open({ nftId, targetLevel, mode }, options) {
    return this.#api.post(UPGRADES, { currentNftId: nftId, targetLevel, mode }, options);
  }

  get(id, options) {
    return this.#get(id, "status", options);
  }

  list({ status, limit, cursor, ...options } = {}) {
    const query = { status, limit, cursor };
    return this.#api.get(`${UPGRADES}/user/requests`, { query, ...options });
  }

  /** The caller's running upgrade, or null. */
  async active(options) {
    const { requests } = await this.list(options);
    return requests.find(({ status }) => ACTIVE.includes(status)) ?? null;
  }

  burnTransaction(id, options) {
    return this.#get(id, "burn-transaction", options);
  }

  confirm(id, burnTransactionHash, options) {
    return this.#post(id, "burn-confirmation", { burnTransactionHash }, options);
  }

  atomicTransaction(id, options) {
    return this.#get(id, "atomic-transaction", options);
  }

  /** `transaction`: the bytes that the wallet signed. */
  submit(id, transaction, options) {
    return this.#post(id, "submit", { transaction: toBase64(transaction) }, options);
  }

  cancel(id, options) {
    return this.#post(id, "cancel", undefined, options);
  }

  retry(id, options) {
    return this.#post(id, "retry", undefined, options);
  }

  claim({ mint, burnTransactionHash }, options) {
    return this.#api.post(`${UPGRADES}/claims`, { mint, burnTransactionHash }, options);
  }

  burnProof(id, options) {
    return this.#get(id, "burn-proof", options);
  }

  receipt(id, options) {
    return this.#get(id, "receipt", options);
  }

  /** For `new EventSource`: with a ticket, which opens one stream within 30 s, or by the cookie. */
  async eventsUrl(id, { withTicket = false, ...options } = {}) {
    const url = `${this.#api.baseUrl}${path(id, "events")}`;
    if (!withTicket) return url;
    const { ticket } = await this.#post(id, "events-ticket", undefined, options);
    return `${url}?ticket=${segment(ticket)}`;
  }

  async *watch(id, options) {
    const timing = { ...this.#timing, ...options?.timing };
    const { watch } = await upgrading();
    yield* watch(this.#api, id, { ...options, timing });
  }

  async run(options) {
    const { run } = await upgrading();
    return run(this, { chain: this.#chain(), timing: this.#timing, ...options });
  }

  #get(id, name, options) {
    return this.#api.get(path(id, name), options);
  }

  #post(id, name, body, options) {
    return this.#api.post(path(id, name), body, options);
  }
}

const path = (id, name) => `${UPGRADES}/${segment(id)}/${name}`;

class Preferences {
  #api;

  constructor(api) {
    this.#api = api;
  }

  get(options) {
    return this.#api.get(PREFERENCES, options);
  }

  set({ emailEnabled, pushEnabled }, options) {
    return this.#put("", { emailEnabled, pushEnabled }, options);
  }

  setEmail(address, options) {
    return this.#put("/email", { address }, options);
  }

  addDevice({ platform, deviceToken }, options) {
    return this.#api.post(`${PREFERENCES}/devices`, { platform, deviceToken }, options);
  }

  removeDevice(id, options) {
    return this.#api.call("DELETE", `${PREFERENCES}/devices/${segment(id)}`, options);
  }

  forget(options) {
    return this.#api.call("DELETE", PREFERENCES, options);
  }

  #put(name, body, options) {
    return this.#api.call("PUT", PREFERENCES + name, { body, ...options });
  }
}
