// What each error code means to the person in front of the page, and what to do. A test compares
// the codes with those of docs/api.md.

const SIGN_IN_AGAIN = "Sign in again; a running upgrade goes on meanwhile.";
const OURS = "This is a fault of the page. Reload it; if it stays, tell us the code.";
const BY_ITSELF = "Nothing was lost. Try again in a moment.";
const NOT_BURNED = "Your NFT was not burned by it. Ask your wallet again, or cancel the upgrade.";

const ERRORS = {
  // Opening
  nft_not_found: ["This NFT is not one of the collection.", "Check the address, or ask for it to be registered."],
  nft_not_owned: ["Another wallet holds this NFT.", "Sign in with the wallet that holds it."],
  nft_not_free: ["This NFT is frozen, delegated or listed for sale.", "Take it off the market or revoke the delegate in your wallet, then try again."],
  unsupported_nft: ["This NFT has features that we cannot verify.", "It cannot be upgraded here, and nothing was changed."],
  requirements_not_met: ["The next level asks for more trading volume or badges.", "Come back when they are met; your NFT stays as it is."],
  upgrade_active: ["An upgrade of yours is already running.", "It is shown below. Finish or cancel it first."],
  nft_locked: ["This NFT is in another wallet's upgrade.", "Once your own burn is proven, that upgrade ends. Try again in a minute."],
  already_redeemed: ["This NFT already has its successor.", "Look for the next level in the wallet that burned it."],
  already_owns_nft: ["This wallet already owns an active NFT.", "A wallet holds one at a time. Use another wallet."],
  max_level: ["This is the highest level.", "There is nothing above it. Enjoy it."],
  invalid_target_level: ["Levels are climbed one at a time.", "Reload the page to see your present level."],
  minting_paused: ["Upgrades are paused for the moment.", "Nothing is burned while they are. Try again later."],
  // The burn
  nft_not_burned: ["Solana shows this NFT unburned.", "There is nothing to claim. If you burned it seconds ago, try again in a minute."],
  burn_refused: ["That transaction did not burn this NFT.", "Check which transaction it was; the failed check says what is missing."],
  claim_unclear: ["It is not clear which burn you mean.", "Enter the signature of the burn, and the NFT's address if there were several."],
  burn_already_used: ["That burn belongs to another upgrade.", "Look in your past upgrades: its NFT was minted or is on its way."],
  burn_not_found: ["The burn never reached Solana, and it no longer can.", NOT_BURNED],
  burn_tx_failed: ["The burn failed on Solana.", NOT_BURNED],
  burn_wrong_mint: ["That transaction concerns another NFT.", NOT_BURNED],
  burn_wrong_owner: ["That NFT was another wallet's.", NOT_BURNED],
  burn_is_transfer: ["The NFT was moved, not burned.", "Whoever holds it now can burn it. Sending it to an incinerator does not."],
  burn_incomplete: ["The transaction burned nothing.", NOT_BURNED],
  supply_not_zero: ["The NFT still exists on Solana.", NOT_BURNED],
  burn_wrong_level: ["The NFT has another level than this upgrade.", "Cancel the upgrade and open a new one."],
  wrong_transaction: ["Your wallet signed something else than we built.", "Nothing was sent. Try again, or with another wallet."],
  cannot_cancel_after_burn: ["The NFT is burned: the next one is owed to you.", "There is nothing to cancel. It is minted whether you wait or not."],
  wrong_status: ["The upgrade has moved on meanwhile.", "What you see now is its present state."],
  version_conflict: ["Somebody else moved the upgrade first, perhaps another tab.", "What you see now is its present state."],
  not_retryable: ["It is being tried already.", "You need not do anything."],
  transaction_refused: ["Solana would refuse this transaction as things stand.", BY_ITSELF],
  conflicting_account: ["Something unexpected lies at the new NFT's address.", "People look into it. Your claim to the next level is on record."],
  upgrade_not_found: ["There is no such upgrade for this wallet.", "Check which wallet you are signed in with."],
  // The session
  invalid_token: ["You are not signed in any more.", SIGN_IN_AGAIN],
  other_wallet: ["Another wallet has signed in in this browser.", "Sign in with yours to see it; a running upgrade goes on meanwhile."],
  sign_in_failed: ["Signing in did not succeed.", "Try again. The text to sign is valid for five minutes, once."],
  session_expiring: ["Your session is ending.", SIGN_IN_AGAIN],
  ticket_invalid: ["The live connection could not be opened.", "Reload the page."],
  token_in_url: ["A session was about to be shown in an address.", "It was refused. Sign in again to be safe."],
  wrong_origin: ["Another site tried to act for you.", "It was refused. Open this page by its own address."],
  // The network and Solana
  network_error: ["The server cannot be reached.", "Check your connection. A running upgrade goes on without this page."],
  part_not_loaded: ["A part of this page could not be loaded.", "Check your connection and reload. A running upgrade goes on without this page."],
  timeout: ["The server did not answer in time.", BY_ITSELF],
  unexpected_answer: ["Something on the way answered in the server's place.", "A firewall or a sign-in page of your network, most likely. Check it and try again."],
  chain_unavailable: ["Solana cannot be asked at the moment.", BY_ITSELF],
  providers_disagree: ["Solana's nodes contradict each other at the moment.", "Nothing is decided until they agree. Try again in a minute."],
  signer_unavailable: ["The signing service does not answer.", BY_ITSELF],
  storage_unavailable: ["The database does not answer.", "It may or may not have happened. Reload to see."],
  unavailable: ["The service is not available at the moment.", BY_ITSELF],
  part_unavailable: ["A part of the service restarts.", BY_ITSELF],
  internal_error: ["Something broke on our side.", "Try again. The code below finds it in our records."],
  rate_limited: ["Too many attempts within a minute.", "Wait a minute, then try again."],
  idempotency_in_progress: ["The same call is still running.", "Wait a moment."],
  // The wallet
  wallet_rejected: ["Your wallet said no.", "As far as Solana shows, nothing was burned; should it have been, the upgrade goes on by itself."],
  wallet_failed: ["Your wallet reported an error.", "As far as Solana shows, nothing was burned. Ask it again; should it have been burned, the upgrade goes on by itself."],
  wallet_mismatch: ["Another account is selected in your wallet.", "Switch to the account that opened this upgrade."],
  wallet_unsupported: ["This wallet cannot do that.", "Use another wallet."],
  wallet_empty: ["The wallet shares no Solana account.", "Allow one for this page in your wallet."],
  wallet_missing: ["The wallet is not connected.", "Connect the wallet that you signed in with."],
  test_key_broken: ["The test wallet's kept key cannot be read.", "Take a new one; what the old one holds stays with it."],
  faucet_empty: ["The faucet could not give anything now.", BY_ITSELF],
  // The end
  upgrade_cancelled: ["The upgrade was cancelled.", "Your NFT is unchanged. If a burn of it shows up after all, the next level is minted."],
  upgrade_expired: ["The upgrade ran out of time before a burn.", "Your NFT is unchanged. Open a new upgrade."],
  upgrade_failed_permanent: ["The upgrade could not go on.", "Nothing was burned. Open a new one."],
  upgrade_unfinished: ["The upgrade goes on.", "Reload to see where it stands."],
  // Notifications
  link_invalid: ["This link is too old or was replaced.", "Ask for a new one."],
  address_refused: ["Mail to this address is refused.", "Enter another address."],
  device_refused: ["This device cannot get push messages.", "Use mail."],
  // What only a broken page would see
  ...Object.fromEntries(
    [
      "invalid_mint", "invalid_signature_format", "malformed_json", "unknown_field", "missing_field", "invalid_field",
      "invalid_address", "invalid_status", "invalid_limit", "invalid_cursor", "invalid_idempotency_key",
      "unsupported_media_type", "body_too_large", "route_not_found", "method_not_allowed", "idempotency_key_reused",
    ].map((code) => [code, ["The server did not understand this.", "Check what you entered. " + OURS]]),
  ),
};

/** Nothing is at stake there, so nothing is said of burning. */
const SIGNING_IN = {
  wallet_rejected: "You are not signed in, and nothing else has happened.",
  wallet_failed: "You are not signed in, and nothing else has happened.",
  wallet_mismatch: "Switch to the account that you want to sign in with, and try again.",
  invalid_token: "Try again.",
};

/** {tone, title, text, code} of anything thrown. */
export function notice(error, { isSigningIn = false } = {}) {
  const [title, usual] = ERRORS[error.code] ?? ["Something unexpected happened.", OURS];
  const text = (isSigningIn && SIGNING_IN[error.code]) || usual;
  const wait = error.retryAfter > 3 ? ` The server asks to wait ${error.retryAfter} s.` : "";
  const said = error.code === "wallet_failed" && error.message ? ` It says: “${error.message.slice(0, 200)}”` : "";
  return { tone: "problem", title, text: text + said + wait, code: error.code ?? error.name, requestId: error.requestId };
}

/** The same for a code that came with an event. */
export const explained = (code) => ERRORS[code] ?? null;
