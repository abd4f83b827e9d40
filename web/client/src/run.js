// The whole way as one call: open, burn, confirm, follow to the end. From any status it goes on.
//
// The page may die between any two lines. What was done lies with the API and on the chain, so
// `run({upgradeId})` looks there: a burn that was sent but never confirmed is found by the claim.

import { randomName } from "./api.js";
import { fromBase64, readTransaction } from "./bytes.js";
import {
  EndedError,
  NetworkError,
  ProblemError,
  StreamError,
  WalletError,
  isForeign,
} from "./errors.js";
import { isTerminal } from "./statuses.js";
import { LONGEST_MS, backOff, check, notify, orAborted, sleep } from "./waiting.js";

export { watch } from "./watch.js";

const MAINNET = "solana:mainnet";
const FRESH_MS = 20_000; // a blockhash lives for about a minute, and the user takes time
const CERTAIN = new Set(["wallet_rejected", "wallet_unsupported"]);
const CHAIN_AWAY = new Set(["chain_unavailable", "providers_disagree"]);
export const TIMING = Object.freeze({
  landingMs: 2_500, // what a wallet has sent is confirmed after about a second
  claimAgainMs: 5_000,
});

/** The completed upgrade. EndedError when it ended otherwise; see index.d.ts for the rest. */
export async function run(upgrades, options) {
  return new Run(upgrades, options).complete();
}

class Run {
  constructor(upgrades, options) {
    const { upgradeId, nftId, targetLevel, mode, wallet, chain, onProgress, signal } = options;
    Object.assign(this, { upgrades, nftId, targetLevel, mode, wallet, onProgress, signal });
    this.id = upgradeId;
    this.chain = chain ?? MAINNET;
    this.autoRetry = options.autoRetry ?? true;
    this.timing = { ...TIMING, ...options.timing };
    this.seen = 0; // events up to here are the past, whatever they say
    this.last = undefined; // the last event told
    this.late = null; // the signature of a burn that came after the request's end
  }

  get options() {
    return { signal: this.signal };
  }

  tell(type, facts) {
    notify(this.onProgress, { type, upgradeId: this.id, ...facts });
  }

  async complete() {
    if (!this.id) await this.open();
    const { upgradeRequest } = await this.look();
    if (upgradeRequest.status === "initiated") await this.burn(upgradeRequest);
    if (upgradeRequest.status === "failed_retryable" && this.autoRetry) this.retry();
    for (;;) {
      await this.follow();
      const upgrade = await this.outcome();
      if (upgrade) return upgrade;
      await this.wait(this.timing.claimAgainMs); // a late burn: what had ended goes on
    }
  }

  /** A running upgrade of the same NFT is gone on with: the page was reloaded, most likely. */
  async open() {
    const { nftId, targetLevel, mode } = this;
    const options = { ...this.options, idempotencyKey: randomName() }; // over all tries: one open
    try {
      const open = () => this.upgrades.open({ nftId, targetLevel, mode }, options);
      const opened = await this.patiently(open, isChainAway);
      this.id = opened.upgradeRequestId;
      this.opened = { ...opened, at: Date.now() };
    } catch (error) {
      if (error.code !== "upgrade_active" || !error.upgradeRequestId) throw error;
      this.id = error.upgradeRequestId;
      const { upgradeRequest } = await this.asked();
      if (upgradeRequest.currentNftId !== nftId) throw error;
    }
  }

  /** Of what is gone on with nobody knows how far it is: it deserves the patience of a burn. */
  async look() {
    const answer = await (this.opened ? this.upgrades.get(this.id, this.options) : this.asked());
    this.seen = answer.statusHistory.at(-1)?.sequence ?? 0;
    this.tell("opened", { upgrade: answer.upgradeRequest });
    return answer;
  }

  // --- burn -----------------------------------------------------------------------------------

  async burn(upgrade) {
    const isAtomic = upgrade.mode === "atomic";
    let transaction;
    try {
      transaction = await this.transaction(isAtomic);
    } catch (error) {
      return this.claim(upgrade, error, error);
    }
    check(this.signal); // whoever was told may have aborted: no wallet is asked after that
    this.tell("wallet_asked", {});
    check(this.signal);
    let sent;
    try {
      sent = await (isAtomic ? this.sign(transaction) : this.send(transaction));
    } catch (error) {
      check(this.signal);
      return this.doubt(upgrade, error);
    }
    return isAtomic ? this.submit(sent) : this.confirm(sent);
  }

  async transaction(isAtomic) {
    const name = isAtomic ? "atomicTransaction" : "burnTransaction";
    const isFresh = this.opened && Date.now() - this.opened.at < FRESH_MS;
    const fresh = () => this.upgrades[name](this.id, this.options);
    const answer = isFresh ? this.opened : await this.patiently(fresh, isChainAway);
    const bytes = fromBase64(answer[name]);
    if (!readTransaction(bytes).signers.includes(this.wallet.address)) {
      throw new WalletError("wallet_mismatch", "Another wallet opened this upgrade. Switch to it.");
    }
    return bytes;
  }

  sign(transaction) {
    if (!this.wallet.signTransaction) {
      throw new WalletError("wallet_unsupported", "This wallet cannot sign without sending.");
    }
    return orAborted(this.wallet.signTransaction(transaction, { chain: this.chain }), this.signal);
  }

  send(transaction) {
    const { wallet, chain, signal } = this;
    return orAborted(wallet.signAndSendTransaction(transaction, { chain }), signal);
  }

  confirm(signature) {
    this.tell("burn_sent", { burnTransactionHash: signature });
    return this.confirmed(signature);
  }

  async confirmed(signature) {
    const step = await this.handedIn(() => this.upgrades.confirm(this.id, signature, this.options));
    // The request had ended before the burn, which counts all the same once it is final.
    this.late = step?.code.startsWith("late_burn") ? signature : null;
  }

  /** From the telling on the outcome is not known until the backend has answered. */
  submit(transaction) {
    this.tell("signed", {});
    return this.handedIn(() => this.upgrades.submit(this.id, transaction, this.options));
  }

  async handedIn(call) {
    try {
      return await this.patiently(call);
    } catch (error) {
      if (!isWrongStatus(error)) throw error;
      return null; // the backend found the burn by itself
    }
  }

  /**
   * Until it is answered. After the burn no network is worth giving up for; before it only a chain
   * that cannot be asked is waited for, since nothing but time helps, and nothing is at stake.
   */
  async patiently(call, mayWait = isPassing) {
    for (let failures = 1; ; failures++) {
      try {
        return await call();
      } catch (error) {
        check(this.signal);
        if (!mayWait(error)) throw error;
        const doublings = mayWait === isChainAway ? 1 : failures;
        await this.wait(backOff(doublings, 1000 * (error.retryAfter || 1)), error);
      }
    }
  }

  asked() {
    return this.patiently(() => this.upgrades.get(this.id, this.options));
  }

  wait(asked, error) {
    const delayMs = Math.min(asked, LONGEST_MS);
    this.tell("connection", { state: "waiting", delayMs, error });
    return sleep(delayMs, this.signal);
  }

  /** Wallets say no to what has landed. Nobody hands out a burn of what is burned already. */
  async doubt(upgrade, refusal) {
    if (!CERTAIN.has(refusal?.code)) await sleep(this.timing.landingMs, this.signal);
    try {
      await this.patiently(() => this.upgrades.burnTransaction(this.id, this.options), isChainAway);
    } catch (error) {
      return this.claim(upgrade, error, refusal);
    }
    throw refusal;
  }

  /** There is no burn to be had: because it was made already? Otherwise `refusal` stands. */
  async claim(upgrade, error, refusal) {
    check(this.signal);
    if (isWrongStatus(error)) return; // it went on by itself
    if (!(error instanceof ProblemError) || isPassing(error)) throw refusal;
    for (;;) {
      const delayMs = await this.claimed(upgrade.currentNftId, refusal);
      if (!delayMs) return;
      await this.wait(delayMs);
    }
  }

  /** 0, or when to ask again: a burn cannot be named before it is final. */
  async claimed(mint, refusal) {
    try {
      const { status } = await this.upgrades.claim({ mint }, this.options);
      return status === null || status === "initiated" ? this.timing.claimAgainMs : 0;
    } catch (error) {
      check(this.signal);
      if (!isPassing(error)) throw refusal;
      return Math.max(this.timing.claimAgainMs, 1000 * (error.retryAfter || 0));
    }
  }

  // --- follow ---------------------------------------------------------------------------------

  async follow() {
    try {
      await this.events("auto");
    } catch (error) {
      if (!(error instanceof StreamError) || error.code !== "evicted") throw error;
      await this.events("poll"); // other tabs have the streams; this one asks
    }
  }

  async events(transport) {
    const onState = (facts) => this.tell("connection", facts);
    const options = { ...this.options, transport, lastEventId: this.last, onState };
    for await (const event of this.upgrades.watch(this.id, options)) {
      this.last = event.sequence;
      this.tell("event", { event });
      await this.take(event);
    }
  }

  async take(event) {
    if (event.type === "reset") this.seen = 0;
    if (event.sequence <= this.seen) return;
    if (event.type === "burn_rejected") {
      const { upgradeRequest } = await this.asked();
      if (upgradeRequest.status !== "initiated") return;
      throw new EndedError(event.data?.code ?? "burn_rejected", event.message, upgradeRequest, true);
    }
    if (event.type === "mint_failed_retryable" && this.autoRetry) this.retry();
  }

  /** The backend goes on by itself in any case, later and later; this is sooner. */
  async retry() {
    try {
      const { upgradeRequest } = await this.upgrades.get(this.id, this.options);
      const { status, retryCount, maxRetries } = upgradeRequest;
      if (status !== "failed_retryable" || retryCount >= maxRetries) return;
      await sleep(backOff(retryCount + 1), this.signal);
      await this.upgrades.retry(this.id, this.options);
    } catch {
      // Somebody else was faster, or the call is aborted: the stream tells what is.
    }
  }

  /** The completed upgrade; null when it goes on after all. */
  async outcome() {
    const { upgradeRequest } = await this.asked();
    const { status, errorDetails } = upgradeRequest;
    if (!isTerminal(status)) return null;
    if (status === "completed") {
      this.tell("completed", { upgrade: upgradeRequest });
      return upgradeRequest;
    }
    if (this.late) {
      await this.confirmed(this.late);
      return null;
    }
    const message = errorDetails?.message ?? `The upgrade is ${status.replace("_", " ")}.`;
    throw new EndedError(`upgrade_${status}`, message, upgradeRequest);
  }
}

const isWrongStatus = (error) => error instanceof ProblemError && error.code === "wrong_status";

const isChainAway = (error) =>
  error instanceof ProblemError && CHAIN_AWAY.has(error.code);

/** Whoever answered in the API's place has decided nothing about a burn. */
const isPassing = (error) =>
  error instanceof NetworkError || (error instanceof ProblemError && (error.retryable || isForeign(error)));
