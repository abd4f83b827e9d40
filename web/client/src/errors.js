// ClientError              code, retryable
// ├── ProblemError         the API refused: its problem document, as it is
// ├── NetworkError         no answer, or none that can be read: network_error, timeout
// ├── StreamError          the stream ended on purpose: evicted, session_expiring
// ├── WalletError          the wallet did not do it: wallet_rejected, wallet_failed, ...
// └── EndedError           the upgrade ended without its NFT: its status and what was left of it
//
// An aborted call throws its signal's reason, which is none of these.

export class ClientError extends Error {
  constructor(code, message, { retryable = false, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = retryable;
  }
}

export class NetworkError extends ClientError {
  constructor(code, message, cause) {
    super(code, message, { retryable: true, cause });
  }
}

export class StreamError extends ClientError {}

export class WalletError extends ClientError {}

export class EndedError extends ClientError {
  constructor(code, message, upgrade, retryable = false) {
    super(code, message, { retryable });
    this.upgrade = upgrade;
  }
}

export class ProblemError extends ClientError {
  /** `problem`: the document's members, or what could be said in their place. */
  constructor(problem, retryAfter = null) {
    super(problem.code, problem.detail, { retryable: problem.retryable });
    this.problem = problem;
    this.status = problem.status;
    this.errorType = problem.errorType;
    this.requestId = problem.requestId;
    this.upgradeRequestId = problem.upgradeRequestId;
    this.field = problem.field;
    this.retryAfter = secondsOf(problem.retryAfter) ?? secondsOf(retryAfter);
  }

  /** From an answer that is no success; its body is read. */
  static async from(response) {
    return new ProblemError(await problemOf(response), response.headers.get("retry-after"));
  }
}

/** From now, 0 or more, of what Retry-After may be: seconds, or a date. Null for anything else. */
function secondsOf(asked) {
  const isCount = /^-?[0-9]+(\.[0-9]+)?$/.test(asked);
  const isDate = /^[A-Z].*GMT$/.test(asked); // what else is parsed as a date differs by browser
  const seconds = isCount ? Number(asked) : isDate ? (Date.parse(asked) - Date.now()) / 1000 : NaN;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : null;
}

async function problemOf(response) {
  const text = await response.text().catch(() => "");
  try {
    const problem = JSON.parse(text);
    if (typeof problem?.code === "string") return problem;
  } catch {
    // Not ours: a proxy's page, most likely.
  }
  return foreignProblem(response);
}

const FOREIGN = "unexpected_answer";

/** Somebody on the way answered: a firewall, a proxy, a network's sign-in page. */
export const isForeign = (error) => error.code === FOREIGN;

/** What somebody on the way answered in the API's place. */
export function foreignProblem(response) {
  const detail = `Something on the way answered ${response.status} in the API's place.`;
  return {
    type: "about:blank",
    title: "Unexpected answer",
    status: response.status,
    detail,
    code: FOREIGN,
    errorType: "network_error",
    retryable: response.status >= 500 || response.status === 429 || response.status < 400,
    requestId: response.headers.get("x-request-id") ?? "",
    success: false,
    error: detail,
  };
}
