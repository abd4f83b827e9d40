// The public names; everything else may change. index.d.ts has the types.
export { createClient } from "./src/client.js";
export { ClientError, EndedError, NetworkError, ProblemError, StreamError, WalletError } from "./src/errors.js";
export { ACTIVE, TERMINAL } from "./src/statuses.js";
export { createTestWallet } from "./src/test-wallet.js";
export * as wallets from "./src/wallets.js";
