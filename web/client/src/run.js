// The whole way as one call: open, burn, confirm, follow to the end. From any status it goes on.
//
// The page may die between any two lines. What was done lies with the API and on the chain, so
// `run({upgradeId})` looks there: a burn that was sent but never confirmed is found by the claim.

import { fromBase64, readTransaction } from "./bytes.js";
import { EndedError, NetworkError, ProblemError, StreamError, WalletError } from "./errors.js";
import { isTerminal } from "./statuses.js";
import { backOff, check, orAborted, sleep } from "./waiting.js";

const MAINNET = "solana:mainnet";
const FRESH_MS = 20_000; // a blockhash lives for about a minute, and the user takes time
const LANDING_MS = 2_500; // what a wallet has sent is confirmed after about a second
const CLAIM_AGAIN_MS = 15_000; // claims are limited to 5 a minute

/** The completed upgrade. EndedError when it ended otherwise; see index.d.ts for the rest. */
export async function run(upgrades, options) {
  return new Run(upgrades, options).complete();
}

class Run {
  constructor(upgrades, { upgradeId, nftId, targetLevel, mode, wallet, chain, onProgress, signal, autoRetry = true }) {
    Object.assign(this, { upgrades, nftId, targetLevel, mode, wallet, signal, autoRetry });
    this.id = upgradeId;
    this.chain = chain ?? MAINNET;
    this.onProgress = onProgress ?? (() => {});
    this.seen = 0; // events up to here are the past, whatever they say
  }

  get options() {
    return { signal: this.signal };
  }

  tell(type, facts) {
    this.onProgress({ type, upgradeId: this.id, ...facts });
  }

  async complete() {
    if (!this.id) await this.open();
    const { upgradeRequest } = await this.look();
    if (upgradeRequest.status === "initiated") await this.burn(upgradeRequest);
    if (upgradeRequest.status === "failed_retryable" && this.autoRetry) this.retry();
    await this.follow();
    return this.end();
  }

  /** A running upgrade of the same NFT is gone on with: the page was reloaded, most likely. */
  async open() {
    const { nftId, targetLevel, mode } = this;
    try {
      const opened = await this.upgrades.open({ nftId, targetLevel, mode }, this.options);
      this.id = opened.upgradeRequestId;
      this.opened = { ...opened, at: Date.now() };
    } catch (error) {
      if (error.code !== "upgrade_active" || !error.upgradeRequestId) throw error;
      const { upgradeRequest } = await this.upgrades.get(error.upgradeRequestId, this.options);
      if (upgradeRequest.currentNftId !== nftId) throw error;
      this.id = upgradeRequest.id;
    }
  }

  async look() {
    const answer = await this.upgrades.get(this.id, this.options);
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
    this.tell("wallet_asked", {});
    try {
      const sent = await (isAtomic ? this.sign(transaction) : this.send(transaction));
      await this.handIn(isAtomic, sent);
    } catch (error) {
      if (!(error instanceof WalletError)) throw error;
      await this.doubt(upgrade, error);
    }
  }

  async transaction(isAtomic) {
    const name = isAtomic ? "atomicTransaction" : "burnTransaction";
    const isFresh = this.opened && Date.now() - this.opened.at < FRESH_MS;
    const answer = isFresh ? this.opened : await this.upgrades[name](this.id, this.options);
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

  /** The NFT may be burned by now: a network is not worth giving up for. */
  async handIn(isAtomic, sent) {
    if (!isAtomic) this.tell("burn_sent", { burnTransactionHash: sent });
    for (let failures = 1; ; failures++) {
      try {
        await (isAtomic
          ? this.upgrades.submit(this.id, sent, this.options)
          : this.upgrades.confirm(this.id, sent, this.options));
        return;
      } catch (error) {
        check(this.signal);
        if (isWrongStatus(error)) return; // the backend found the burn by itself
        if (!isPassing(error)) throw error;
        const delayMs = backOff(failures, 1000 * (error.retryAfter || 1));
        this.tell("connection", { state: "waiting", delayMs, error });
        await sleep(delayMs, this.signal);
      }
    }
  }

  /** Wallets say no to what has landed. Nobody hands out a burn of what is burned already. */
  async doubt(upgrade, refusal) {
    if (refusal.code === "wallet_failed") await sleep(LANDING_MS, this.signal);
    try {
      await this.upgrades.burnTransaction(this.id, this.options);
    } catch (error) {
      return this.claim(upgrade, error, refusal);
    }
    throw refusal;
  }

  /** There is no burn to be had: because it was made already? Otherwise `refusal` stands. */
  async claim(upgrade, error, refusal) {
    check(this.signal);
    if (isWrongStatus(error)) return; // it went on by itself
    if (!(error instanceof ProblemError) || error.retryable) throw refusal;
    while (!(await this.isClaimed(upgrade.currentNftId, refusal))) {
      // Burned, but not final: it cannot be named before.
      this.tell("connection", { state: "waiting", delayMs: CLAIM_AGAIN_MS });
      await sleep(CLAIM_AGAIN_MS, this.signal);
    }
  }

  async isClaimed(mint, refusal) {
    try {
      const { status } = await this.upgrades.claim({ mint }, this.options);
      return status !== null && status !== "initiated";
    } catch {
      check(this.signal);
      throw refusal;
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
    const lastEventId = this.last;
    for await (const event of this.upgrades.watch(this.id, { ...this.options, transport, lastEventId, onState })) {
      this.last = event.sequence;
      this.tell("event", { event });
      await this.take(event);
    }
  }

  async take(event) {
    if (event.type === "reset") this.seen = 0;
    if (event.sequence <= this.seen) return;
    if (event.type === "burn_rejected") {
      const { upgradeRequest } = await this.upgrades.get(this.id, this.options);
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

  async end() {
    const { upgradeRequest } = await this.upgrades.get(this.id, this.options);
    const { status, errorDetails } = upgradeRequest;
    if (status === "completed") {
      this.tell("completed", { upgrade: upgradeRequest });
      return upgradeRequest;
    }
    const message = errorDetails?.message ?? `The upgrade is ${status.replace("_", " ")}.`;
    const code = isTerminal(status) ? `upgrade_${status}` : "upgrade_unfinished";
    throw new EndedError(code, message, upgradeRequest, !isTerminal(status));
  }
}

const isWrongStatus = (error) => error instanceof ProblemError && error.code === "wrong_status";

const isPassing = (error) =>
  error instanceof NetworkError || (error instanceof ProblemError && error.retryable);
