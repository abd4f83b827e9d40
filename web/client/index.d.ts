// Types of nft-upgrade-client. Requests and answers are those of the API (api.d.ts, generated).
import type {
  AtomicTransactionAnswer,
  BurnProofAnswer,
  BurnTransactionAnswer,
  ClaimAnswer,
  ClaimRequest,
  DeviceAnswer,
  DeviceRequest,
  EligibilityAnswer,
  ErrorType,
  EventType,
  HealthAnswer,
  JwksAnswer,
  LeaderboardAnswer,
  LineageAnswer,
  NftsAnswer,
  OpenAnswer,
  OpenRequest,
  PreferencesAnswer,
  Problem,
  ProblemCode,
  ReceiptAnswer,
  RequestsAnswer,
  SessionAnswer,
  SignInInput,
  StatsAnswer,
  Status,
  StatusAnswer,
  StepAnswer,
  SwitchRequest,
  UpgradeView,
  WhoAnswer,
} from "./api.js";

export type * from "./api.js";

// --- client -----------------------------------------------------------------------------------

export interface ClientOptions {
  /** Scheme, host and port of the API; "" (default) for a page of the same origin. */
  baseUrl?: string;
  /** Instead of the global fetch. */
  fetch?: typeof fetch;
  /** Kept from before. Without one the browser's cookie is the session, if there is one. */
  session?: Session | null;
  /** Wallet Standard chain id; unset: what the API names when signing in. */
  chain?: string;
  /** Time for one answer; 30,000. Streams have their own. */
  timeoutMs?: number;
  /** Repetitions of a call that may be repeated; 3. */
  retries?: number;
  timing?: Partial<Timing>;
}

/** Milliseconds. */
export interface Timing {
  /** Without a byte for so long a stream counts as blocked, and the client asks instead; 6,000. */
  firstByteMs: number;
  /** An open stream without a byte for so long is dead (the server comments every 15 s); 45,000. */
  silenceMs: number;
  /** Between two questions where streams are blocked; 2,000. */
  pollMs: number;
  /** How often a stream is tried again there; 30,000. */
  streamAgainMs: number;
  /** After a wallet's failure, until it is asked whether the burn landed all the same; 2,500. */
  landingMs: number;
  /** Between two claims of a burn that is not final yet; 5,000. */
  claimAgainMs: number;
}

export type Session = Pick<SessionAnswer, "accessToken" | "expiresAt" | "user">;

/** Every call may be aborted; it then throws the signal's reason. */
export interface CallOptions {
  signal?: AbortSignal;
}

export interface PageOptions extends CallOptions {
  /** 1 to 100; 20. */
  limit?: number;
  /** `nextCursor` of the page before. */
  cursor?: string;
}

export function createClient(options?: ClientOptions): Client;

export interface Client {
  /** Null: the browser's cookie is the session, if there is one. */
  readonly session: Session | null;
  chain: string | undefined;
  readonly upgrades: Upgrades;
  readonly preferences: Preferences;
  /** Asks the wallet to sign the API's challenge. */
  signIn(wallet: Pick<Wallet, "address" | "signIn">, options?: CallOptions): Promise<Session>;
  /** Whose session it is; 401 `invalid_token` without one. */
  whoAmI(options?: CallOptions): Promise<WhoAnswer>;
  /** Ends the session of this browser. When it throws, the cookie is still there. */
  signOut(options?: CallOptions): Promise<void>;
  /** Forgets the session here; the browser's cookie lives on until `signOut`. */
  forgetSession(): void;
  nfts(options?: CallOptions): Promise<NftsAnswer>;
  /** Every blocker at once; without `targetLevel` for the level that follows. */
  eligibility(options?: CallOptions & { targetLevel?: number }): Promise<EligibilityAnswer>;
  lineage(mint: string, options?: CallOptions): Promise<LineageAnswer>;
  leaderboard(options?: PageOptions): Promise<LeaderboardAnswer>;
  stats(options?: CallOptions): Promise<StatsAnswer>;
  health(options?: CallOptions): Promise<HealthAnswer>;
  /** Public keys of sessions and receipts. */
  keys(options?: CallOptions): Promise<JwksAnswer>;
}

export interface Upgrades {
  open(
    upgrade: { nftId: string; targetLevel: number; mode?: OpenRequest["mode"] },
    options?: CallOptions & { idempotencyKey?: string },
  ): Promise<OpenAnswer>;
  get(id: string, options?: CallOptions): Promise<StatusAnswer>;
  /** Newest first. */
  list(options?: PageOptions & { status?: Status }): Promise<RequestsAnswer>;
  /** The caller's running upgrade, or null: what a page asks after a reload. */
  active(options?: CallOptions): Promise<UpgradeView | null>;
  /** A fresh one, base64: each expires within about a minute. */
  burnTransaction(id: string, options?: CallOptions): Promise<BurnTransactionAnswer>;
  confirm(id: string, burnTransactionHash: string, options?: CallOptions): Promise<StepAnswer>;
  atomicTransaction(id: string, options?: CallOptions): Promise<AtomicTransactionAnswer>;
  /** `transaction`: as the wallet signed it. */
  submit(id: string, transaction: Uint8Array, options?: CallOptions): Promise<StepAnswer>;
  cancel(id: string, options?: CallOptions): Promise<StepAnswer>;
  retry(id: string, options?: CallOptions): Promise<StepAnswer>;
  /** For an NFT that was burned outside any request. */
  claim(burn: ClaimRequest, options?: CallOptions): Promise<ClaimAnswer>;
  burnProof(
    id: string,
    options?: CallOptions,
  ): Promise<Omit<BurnProofAnswer, "burnProof"> & { burnProof: BurnProof | null }>;
  receipt(id: string, options?: CallOptions): Promise<ReceiptAnswer>;
  /** For `new EventSource(...)`; a ticket opens one stream within 30 s. */
  eventsUrl(id: string, options?: CallOptions & { withTicket?: boolean }): Promise<string>;
  /**
   * The upgrade's events until it ends: each once, in order, over any number of connections.
   * Throws StreamError (`evicted`, `session_expiring`) and ProblemError (401, 404, ...).
   */
  watch(id: string, options?: WatchOptions): AsyncGenerator<UpgradeEvent, void, void>;
  /** See RunOptions. Resolves when the upgrade is completed, whatever the page does meanwhile. */
  run(options: RunOptions): Promise<UpgradeView>;
}

export interface Preferences {
  get(options?: CallOptions): Promise<PreferencesAnswer>;
  set(switches: SwitchRequest, options?: CallOptions): Promise<PreferencesAnswer>;
  /** A confirmation is mailed to it first. */
  setEmail(address: string, options?: CallOptions): Promise<PreferencesAnswer>;
  addDevice(device: DeviceRequest, options?: CallOptions): Promise<DeviceAnswer>;
  removeDevice(id: string, options?: CallOptions): Promise<PreferencesAnswer>;
  forget(options?: CallOptions): Promise<PreferencesAnswer>;
}

export const ACTIVE: readonly Status[];
export const TERMINAL: readonly Status[];

// --- run --------------------------------------------------------------------------------------

/**
 * Opens an upgrade of `nftId`, or goes on with `upgradeId` from any status: asks the wallet for the
 * burn if it is not burned yet, confirms it, and follows to the end.
 */
export type RunOptions = CallOptions & {
  wallet: Pick<Wallet, "address" | "signAndSendTransaction" | "signTransaction">;
  chain?: string;
  /** Asks for another try after a failed mint, up to the API's `maxRetries`; true. */
  autoRetry?: boolean;
  onProgress?: (progress: Progress) => void;
} & (
    | { nftId: string; targetLevel: number; mode?: OpenRequest["mode"]; upgradeId?: undefined }
    | { upgradeId: string; nftId?: undefined; targetLevel?: undefined; mode?: undefined }
  );

/** What `run` tells, with `upgradeId` each time. */
export type Progress = { upgradeId: string } & (
  | { type: "opened"; upgrade: UpgradeView }
  | { type: "wallet_asked" }
  /** Atomic mode: it is submitted now, and what comes of it is not known until the API answers. */
  | { type: "signed" }
  | { type: "burn_sent"; burnTransactionHash: string }
  | { type: "event"; event: UpgradeEvent }
  | ({ type: "connection" } & Connection)
  | { type: "completed"; upgrade: UpgradeView }
);

// --- stream -----------------------------------------------------------------------------------

export interface WatchOptions extends CallOptions {
  /** `sequence` of the last event seen; unset: the whole history first. */
  lastEventId?: number | string;
  /** "poll": no stream, ask every `pollMs`. */
  transport?: "auto" | "poll";
  onState?: (connection: Connection) => void;
  timing?: Partial<Timing>;
}

export type StreamState = "connecting" | "live" | "waiting" | "polling" | "ended";

export interface Connection {
  state: StreamState;
  /** With `live` and `polling`. */
  status?: Status;
  /** With `waiting`: until the next attempt, and why. */
  delayMs?: number;
  error?: ClientError;
}

interface EventOf<Type extends string, Data = undefined> {
  type: Type;
  upgradeRequestId: string;
  status: Status;
  /** One sentence for the user. */
  message: string;
  /** ISO 8601. */
  timestamp: string;
  /** Counts from 1 within an upgrade, without a hole; 0 with `reset`. */
  sequence: number;
  data?: Data;
}

export interface FailureData {
  code: string;
  errorType?: ErrorType;
  errorMessage?: string;
  retryable?: boolean;
}

export interface CompletedData {
  oldLevel: number;
  newLevel: number;
  newNftId: string;
  mintTransactionHash: string;
}

export interface BurnProof {
  signature: string;
  mint: string;
  slot: number | null;
  /** On chain, at the burn. */
  owner: string | null;
  /** How far the transaction got when it was looked at; null: not seen. */
  commitment: string | null;
  verdict: "proven" | "pending" | "rejected" | "under_review";
  checks: BurnCheck[];
}

export interface BurnCheck {
  rule: string;
  title: string;
  outcome: "pass" | "fail" | "pending" | "review";
  code: string | null;
  reason: string;
  evidence: Record<string, unknown>;
}

interface ProofData {
  proof?: BurnProof;
}

type Plain = Exclude<
  EventType,
  | "upgrade_completed"
  | "burn_confirmed"
  | "burn_rejected"
  | "under_review"
  | "mint_failed_retryable"
  | "upgrade_failed"
>;

/** One message of the stream. `data` is fuller on a stream than where the client had to ask. */
export type UpgradeEvent =
  | EventOf<Plain>
  | EventOf<"upgrade_completed", CompletedData>
  | EventOf<"burn_confirmed" | "under_review", ProofData>
  | EventOf<"burn_rejected" | "upgrade_failed", FailureData & ProofData>
  | EventOf<"mint_failed_retryable", FailureData>
  /** Forget what was told: the whole history follows. */
  | EventOf<"reset">;

// --- wallets ----------------------------------------------------------------------------------

/** What the client needs of a wallet; write your own for anything that is not in the standard. */
export interface Wallet {
  readonly name?: string;
  /** Base58. */
  readonly address: string;
  signIn(input: SignInInput): Promise<{ signedMessage: Uint8Array; signature: Uint8Array }>;
  /** The signature of the sent transaction, base58. */
  signAndSendTransaction(transaction: Uint8Array, options: { chain: string }): Promise<string>;
  /** For atomic mode: the whole transaction, signed. */
  signTransaction?(transaction: Uint8Array, options: { chain: string }): Promise<Uint8Array>;
  disconnect?(): Promise<void>;
}

export interface FoundWallet {
  readonly name: string;
  /** A data: URL. */
  readonly icon: string;
  /** `silent`: without asking the user, if they allowed it before. Abort it: wallets may never answer. */
  connect(options?: CallOptions & { silent?: boolean }): Promise<Wallet>;
}

export namespace wallets {
  /** Solana wallets of the Wallet Standard on this page, as they come. */
  function discover(onChange?: (list: FoundWallet[]) => void): {
    readonly list: FoundWallet[];
    stop(): void;
  };
  /** Sign-In With Solana's text. */
  function signInText(input: SignInInput): string;
}

export interface TestWalletOptions {
  /** The Solana node that its transactions are sent to. */
  rpcUrl?: string;
  /** 32 bytes; the same key each time. */
  seed?: Uint8Array;
  /** Where the key is kept, readable: localStorage, or anything like it. */
  storage?: {
    getItem(name: string): string | null | Promise<string | null>;
    setItem(name: string, value: string): void | Promise<void>;
  };
  /** Its name there; "test-wallet". */
  name?: string;
  fetch?: typeof fetch;
}

/** A key in the page, for development. */
export function createTestWallet(options?: TestWalletOptions): Promise<Required<Wallet>>;

// --- errors -----------------------------------------------------------------------------------

/** Base of what the client throws; an aborted call throws its signal's reason instead. */
export class ClientError extends Error {
  /** Stable; decide by it. */
  readonly code: string;
  /** The same call may succeed later. */
  readonly retryable: boolean;
}

/** The API refused. */
export class ProblemError extends ClientError {
  readonly code: ProblemCode | "unexpected_answer";
  readonly status: number;
  readonly errorType: ErrorType;
  readonly requestId: string;
  /** Seconds to wait; null when nothing was said. */
  readonly retryAfter: number | null;
  /** With `upgrade_active`. */
  readonly upgradeRequestId?: string;
  /** The field at fault. */
  readonly field?: string;
  readonly problem: Problem;
}

/** No answer, or none that can be read. */
export class NetworkError extends ClientError {
  readonly code: "network_error" | "timeout" | "closed";
}

/** The server ended the stream on purpose. */
export class StreamError extends ClientError {
  readonly code: "evicted" | "session_expiring";
}

export class WalletError extends ClientError {
  readonly code:
    | "wallet_rejected"
    | "wallet_failed"
    | "wallet_unsupported"
    | "wallet_mismatch"
    | "wallet_empty";
}

/** The upgrade did not lead to a new NFT: `upgrade_cancelled`, ..., or why its burn was refused. */
export class EndedError extends ClientError {
  readonly upgrade: UpgradeView;
}
