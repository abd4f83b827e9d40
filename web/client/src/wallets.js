// Wallets of the Wallet Standard, found by the window events that it defines.

import { toBase58, utf8 } from "./bytes.js";
import { WalletError } from "./errors.js";
import { check, orAborted } from "./waiting.js";

const CONNECT = "standard:connect";
const DISCONNECT = "standard:disconnect";
const SEND = "solana:signAndSendTransaction";
const SIGN = "solana:signTransaction";
const SIGN_IN = "solana:signIn";
const SIGN_MESSAGE = "solana:signMessage";

/**
 * Solana wallets of this page, as they come: extensions may register late. `onChange(list)` is told
 * each time; `stop()` ends that. In Node there are none.
 */
export function discover(onChange = () => {}) {
  const found = new Map();
  const list = () => [...found.values()];
  const register = (...wallets) => {
    const news = wallets.filter((wallet) => isUsable(wallet) && !found.has(wallet));
    for (const wallet of news) found.set(wallet, offer(wallet));
    if (news.length) onChange(list());
    return () => {
      const gone = wallets.filter((wallet) => found.delete(wallet));
      if (gone.length) onChange(list());
    };
  };
  return {
    get list() {
      return list();
    },
    stop: listen(register),
  };
}

function listen(register) {
  const page = globalThis.window;
  if (!page?.addEventListener) return () => {};
  const api = Object.freeze({ register });
  const onRegister = (event) => event.detail(api);
  page.addEventListener("wallet-standard:register-wallet", onRegister);
  page.dispatchEvent(new CustomEvent("wallet-standard:app-ready", { detail: api }));
  return () => page.removeEventListener("wallet-standard:register-wallet", onRegister);
}

function isUsable({ chains = [], features = {} }) {
  const isSolana = chains.some((chain) => chain.startsWith("solana:"));
  const signsText = SIGN_IN in features || SIGN_MESSAGE in features;
  return isSolana && CONNECT in features && signsText && (SEND in features || SIGN in features);
}

function offer(wallet) {
  return {
    name: wallet.name,
    icon: wallet.icon,
    /** Asks the user; `silent`: only if they have allowed it before. Wallets may never answer. */
    async connect({ silent = false, signal } = {}) {
      check(signal);
      const connecting = asked(() => wallet.features[CONNECT].connect({ silent }));
      const { accounts } = await orAborted(connecting, signal);
      const account = accounts.find(({ chains = [] }) => chains.some(isSolanaChain));
      if (!account) throw new WalletError("wallet_empty", "The wallet shares no Solana account.");
      return new StandardWallet(wallet, account);
    },
  };
}

const isSolanaChain = (chain) => chain.startsWith("solana:");

class StandardWallet {
  constructor(wallet, account) {
    this.name = wallet.name;
    this.address = account.address;
    this.#wallet = wallet;
    this.#account = account;
    if (!(SIGN in wallet.features)) this.signTransaction = undefined; // a page need not offer it
  }

  #wallet;
  #account;

  async signIn(input) {
    if (SIGN_IN in this.#wallet.features) return this.#one(SIGN_IN, "signIn", input);
    const message = utf8(signInText(input));
    return this.#one(SIGN_MESSAGE, "signMessage", { account: this.#account, message });
  }

  /** Signature of the sent transaction, base58. */
  async signAndSendTransaction(transaction, { chain }) {
    const input = { account: this.#account, transaction, chain };
    const { signature } = await this.#one(SEND, "signAndSendTransaction", input);
    return toBase58(signature);
  }

  async signTransaction(transaction, { chain }) {
    const input = { account: this.#account, transaction, chain };
    return (await this.#one(SIGN, "signTransaction", input)).signedTransaction;
  }

  async disconnect() {
    await this.#wallet.features[DISCONNECT]?.disconnect();
  }

  /** The methods take any number of inputs and give as many outputs. */
  async #one(feature, method, input) {
    const found = this.#wallet.features[feature];
    if (!found) {
      throw new WalletError("wallet_unsupported", `${this.name} does not offer ${feature}.`);
    }
    const [output] = await asked(() => found[method](input));
    return output;
  }
}

/** The standard has no errors; 4001 is what wallets agree on for "the user said no". */
async function asked(ask) {
  try {
    return await ask();
  } catch (error) {
    const code = error?.code === 4001 ? "wallet_rejected" : "wallet_failed";
    throw new WalletError(code, error?.message || "The wallet failed.", {
      retryable: true,
      cause: error,
    });
  }
}

const LINES = [
  ["URI", "uri"],
  ["Version", "version"],
  ["Chain ID", "chainId"],
  ["Nonce", "nonce"],
  ["Issued At", "issuedAt"],
  ["Expiration Time", "expirationTime"],
  ["Not Before", "notBefore"],
  ["Request ID", "requestId"],
];

/** Sign-In With Solana's text, for wallets and keys that sign messages alone. */
export function signInText(input) {
  const head = `${input.domain} wants you to sign in with your Solana account:\n${input.address}`;
  const given = LINES.filter(([, name]) => input[name]);
  const lines = given.map(([label, name]) => `${label}: ${input[name]}`);
  return [head, "", input.statement, "", ...lines].join("\n");
}
