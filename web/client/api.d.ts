// Generated from the API's OpenAPI document by tests/web/api_types.py. Do not edit.

/** One NFT of a line. Its address is `createWithSeed(mintBase, seed, tokenProgram)` with the
 * Token-2022 program; `seed` is null for the first of a line. */
export interface AncestorView {
  nftId: string;
  level: number;
  name: string;
  status: NftStatus;
  predecessor: string | null;
  successor: string | null;
  tokenProgram: string;
  mintBase: string;
  seed: string | null;
  mintTransactionHash: string | null;
  burnTransactionHash: string | null;
}

export interface AtomicTransactionAnswer {
  success: boolean;
  /** Unsigned, base64. */
  atomicTransaction: string;
}

/** Something the user was first in. */
export interface BadgeView {
  name: string;
  earnedAt: string;
}

/** `code` is the code of the error that opening would answer with. */
export interface BlockerView {
  code: string;
  message: string;
}

/** `burnProof`: `{signature, mint, slot, owner, commitment, verdict, checks}`, null before any
 * burn was named or found; each check is `{rule, title, outcome, code, reason, evidence}`.
 * `isDecided`: the status rests on it and it is in the audit record. */
export interface BurnProofAnswer {
  success: boolean;
  upgradeRequestId: string;
  status: Status;
  isDecided: boolean;
  lookedAt: string | null;
  burnProof: Record<string, unknown> | null;
}

export interface BurnTransactionAnswer {
  success: boolean;
  /** Unsigned, base64. */
  burnTransaction: string;
}

export interface ChallengeAnswer {
  success: boolean;
  input: SignInInput;
}

/** Which wallet wants to sign in. */
export interface ChallengeRequest {
  address: string;
}

/** `upgradeRequestId` and `eventsUrl` are null while the claim is `claim_pending`. */
export interface ClaimAnswer {
  success: boolean;
  upgradeRequestId: string | null;
  status: Status | null;
  code: string;
  message: string;
  eventsUrl: string | null;
}

/** Which burn: by the NFT, by the transaction, or both (then nothing has to be searched). */
export interface ClaimRequest {
  /** The burned NFT. */
  mint?: string | null;
  /** The signature of the transaction that burned it. */
  burnTransactionHash?: string | null;
}

/** The signature of the transaction that burned the NFT. */
export interface ConfirmRequest {
  burnTransactionHash: string;
}

export interface DeviceAnswer {
  success: boolean;
  device: DeviceView;
}

/** One app installation. */
export interface DeviceRequest {
  platform: string;
  deviceToken: string;
}

export interface DeviceView {
  id: string;
  platform: string;
  registeredAt: string;
}

/** `currentLevel` is 0 for a wallet without an NFT. */
export interface EligibilityAnswer {
  success: boolean;
  canUpgrade: boolean;
  currentLevel: number;
  targetLevel: number;
  requirements: Record<string, unknown>;
  blockers: Array<BlockerView>;
}

/** Where mail is to go, once its owner has confirmed it. */
export interface EmailRequest {
  address: string;
}

/** `suppressed`: mail to the confirmed address bounced, or was called spam. */
export interface EmailView {
  address: string | null;
  pendingAddress: string | null;
  enabled: boolean;
  suppressed: boolean;
}

/** Why the last step did not succeed. */
export interface ErrorDetails {
  code: string;
  errorType: string;
  message: string;
  retryable: boolean;
}

export interface HealthAnswer {
  success: boolean;
  timestamp: string;
}

/** One step of the past; `sequence` is the SSE message's id. */
export interface HistoryEntry {
  sequence: number;
  type: string;
  status: string;
  message: string;
  timestamp: string;
  code: string | null;
}

/** RFC 7517. */
export interface JwksAnswer {
  keys: Array<Record<string, unknown>>;
}

/** Best first; `nextCursor` is null on the last page. */
export interface LeaderboardAnswer {
  success: boolean;
  users: Array<RankView>;
  nextCursor: string | null;
}

/** The NFT itself first, then what was burned for it, and so on. */
export interface LineageAnswer {
  success: boolean;
  nftId: string;
  lineage: Array<AncestorView>;
}

/** How a burn comes about. */
export type Mode = "two_step" | "atomic" | "claim";

/** What we know of an NFT. */
export type NftStatus = "active" | "upgrading" | "burned";

/** One NFT as the registry last saw it. */
export interface NftView {
  nftId: string;
  level: number;
  name: string;
  status: NftStatus;
  version: number;
  predecessor: string | null;
  successor: string | null;
  createdAt: string;
  updatedAt: string;
}

export interface NftsAnswer {
  success: boolean;
  nfts: Array<NftView>;
}

/** For the wallet, unsigned, base64: `burnTransaction` to sign and send, or in atomic mode
 * `atomicTransaction` to sign and submit; the other one is null. */
export interface OpenAnswer {
  success: boolean;
  upgradeRequestId: string;
  status: Status;
  message: string;
  burnTransaction: string | null;
  atomicTransaction: string | null;
  expiresAt: string;
  eventsUrl: string;
}

/** Which NFT is to become which level. */
export interface OpenRequest {
  /** The NFT's mint address. */
  currentNftId: string;
  /** The current level + 1. */
  targetLevel: number;
  /** atomic: burn and mint in one transaction. */
  mode?: "two_step" | "atomic";
}

export interface PreferencesAnswer {
  success: boolean;
  email: EmailView;
  push: PushView;
}

/** RFC 9457 problem details with the product's own members. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  /** Stable; what a program decides by. */
  code: string;
  /** One of the product's eleven. */
  errorType: string;
  /** The same call may succeed later. */
  retryable: boolean;
  requestId: string;
  success: false;
  /** The same sentence as `detail`. */
  error: string;
  /** With `upgrade_active`: the running one. */
  upgradeRequestId?: string;
  /** With `rate_limited`: seconds to wait. */
  retryAfter?: number;
  /** With `burn_refused`: all checks. */
  burnProof?: Record<string, unknown>;
  /** Which field is at fault. */
  field?: string;
}

export interface PushView {
  enabled: boolean;
  devices: Array<DeviceView>;
}

/** One place. A wallet's address is public on the chain, and so is its NFT's level. */
export interface RankView {
  position: number;
  wallet: string;
  level: number;
  levelName: string | null;
  reachedAt: string;
  upgradesCompleted: number;
}

/** What is signed, member by member; another member would be another receipt. */
export interface Receipt {
  type: "nft-upgrade-receipt";
  version: number;
  issuer: string;
  upgradeRequestId: string;
  wallet: string;
  burnedNftId: string;
  burnTransactionHash: string;
  newNftId: string;
  mintTransactionHash: string;
  oldLevel: number;
  newLevel: number;
  completedAt: string;
  /** Of the last entry of the audit record, hex. */
  eventHash: string;
}

/** The signature is over `nft-upgrade receipt v1`, a line feed, and the receipt by RFC 8785. */
export interface ReceiptAnswer {
  success: boolean;
  receipt: Receipt;
  algorithm: "Ed25519";
  /** `kid` of the key in /.well-known/jwks.json. */
  keyId: string;
  /** 64 bytes, base64url without padding. */
  signature: string;
}

/** Newest first; `nextCursor` is null on the last page. */
export interface RequestsAnswer {
  success: boolean;
  requests: Array<UpgradeView>;
  nextCursor: string | null;
}

export interface SessionAnswer {
  success: boolean;
  accessToken: string;
  expiresAt: string;
  user: User;
}

/** The Wallet Standard's `SolanaSignInInput`; hand it to the wallet as it is. */
export interface SignInInput {
  domain: string;
  address: string;
  statement: string;
  uri: string;
  version: string;
  chainId: string;
  nonce: string;
  issuedAt: string;
  expirationTime: string;
  notBefore: string;
}

/** `level` 0: nothing is known of an NFT. Seconds behind the upgrades themselves. */
export interface StatsAnswer {
  success: boolean;
  level: number;
  levelName: string | null;
  /** When an upgrade first led to the best level. */
  reachedAt: string | null;
  upgrades: UpgradeCounts;
  steps: StepsView;
  badges: Array<BadgeView>;
  lastEventAt: string | null;
}

/** Where an upgrade stands (docs/architecture.md). */
export type Status = "initiated" | "burn_pending" | "burn_confirmed" | "mint_pending" | "completed" | "cancelled" | "expired" | "under_review" | "failed_retryable" | "failed_permanent";

export interface StatusAnswer {
  success: boolean;
  upgradeRequest: UpgradeView;
  statusHistory: Array<HistoryEntry>;
  canRetry: boolean;
}

/** Where an upgrade stands after a step. `code` names what the step led to. */
export interface StepAnswer {
  success: boolean;
  upgradeRequestId: string;
  status: Status;
  code: string;
  message: string;
}

/** How long one step took, over all of the user's upgrades; milliseconds. */
export interface StepView {
  count: number;
  meanMs: number;
  shortestMs: number;
}

/** Null: not yet. */
export interface StepsView {
  openedToBurned: StepView | null;
  burnedToCompleted: StepView | null;
  openedToCompleted: StepView | null;
}

/** The atomic transaction as the wallet signed it. */
export interface SubmitRequest {
  transaction: string;
}

/** Which channels are wanted. */
export interface SwitchRequest {
  emailEnabled: boolean;
  pushEnabled: boolean;
}

/** Opens one stream, once, within 30 s: `<eventsUrl>?ticket=<ticket>`. */
export interface TicketAnswer {
  success: boolean;
  ticket: string;
  expiresAt: string;
}

export interface UpgradeCounts {
  opened: number;
  burned: number;
  completed: number;
  givenUp: number;
  mintFailures: number;
}

/** One upgrade request. Transaction hashes are Solana signatures, base58. */
export interface UpgradeView {
  id: string;
  status: Status;
  mode: Mode;
  currentNftId: string;
  currentLevel: number;
  targetLevel: number;
  burnTransactionHash: string | null;
  mintTransactionHash: string | null;
  newNftId: string | null;
  retryCount: number;
  maxRetries: number;
  errorDetails: ErrorDetails | null;
  createdAt: string;
  updatedAt: string;
  expiresAt: string;
}

/** A user is a wallet: both are its address. */
export interface User {
  id: string;
  wallet: string;
}

/** What the wallet's `signIn` gave back: bytes as base64. */
export interface VerifyRequest {
  address: string;
  signedMessage: string;
  signature: string;
}

/** Who is signed in, until when; `chainId` is the Wallet Standard's, to sign for. */
export interface WhoAnswer {
  success: boolean;
  address: string;
  expiresAt: string;
  chainId: string;
}

/** `code` of a problem. */
export type ProblemCode =
  | "address_refused"
  | "already_owns_nft"
  | "already_redeemed"
  | "body_too_large"
  | "burn_already_used"
  | "burn_refused"
  | "cannot_cancel_after_burn"
  | "chain_unavailable"
  | "claim_unclear"
  | "conflicting_account"
  | "device_refused"
  | "idempotency_in_progress"
  | "idempotency_key_reused"
  | "internal_error"
  | "invalid_address"
  | "invalid_cursor"
  | "invalid_field"
  | "invalid_idempotency_key"
  | "invalid_limit"
  | "invalid_mint"
  | "invalid_signature_format"
  | "invalid_status"
  | "invalid_target_level"
  | "invalid_token"
  | "link_invalid"
  | "malformed_json"
  | "max_level"
  | "method_not_allowed"
  | "minting_paused"
  | "missing_field"
  | "nft_locked"
  | "nft_not_burned"
  | "nft_not_found"
  | "nft_not_free"
  | "nft_not_owned"
  | "not_operator"
  | "not_retryable"
  | "providers_disagree"
  | "rate_limited"
  | "requirements_not_met"
  | "route_not_found"
  | "sign_in_failed"
  | "signer_unavailable"
  | "storage_unavailable"
  | "ticket_invalid"
  | "token_in_url"
  | "transaction_refused"
  | "unavailable"
  | "unknown_field"
  | "unsupported_media_type"
  | "unsupported_nft"
  | "upgrade_active"
  | "upgrade_not_found"
  | "version_conflict"
  | "wrong_origin"
  | "wrong_status"
  | "wrong_transaction";

/** `errorType` of a problem. */
export type ErrorType =
  | "burn_transaction_failed"
  | "burn_confirmation_timeout"
  | "mint_transaction_failed"
  | "mint_confirmation_timeout"
  | "wallet_disconnected"
  | "insufficient_sol"
  | "network_error"
  | "badge_validation_failed"
  | "rate_limit_exceeded"
  | "invalid_nft_state"
  | "solana_rpc_error";

/** What happened to an upgrade. */
export type EventType =
  | "upgrade_initiated"
  | "burn_pending"
  | "burn_confirmed"
  | "burn_rejected"
  | "under_review"
  | "mint_started"
  | "mint_failed_retryable"
  | "retry_started"
  | "upgrade_completed"
  | "upgrade_cancelled"
  | "upgrade_expired"
  | "upgrade_failed";
