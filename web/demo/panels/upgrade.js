// The upgrade that is shown: where it stands, what is to be done, its timeline.

import { h } from "../dom.js";
import { duration } from "../duration.js";
import { day, levelName } from "../format.js";
import { busy, connected } from "../session.js";
import { cancel, close, confirmAgain, followAgain, goOn, isActive, retry } from "../upgrade.js";
import { connectionLine } from "./connection.js";
import { outcome } from "./outcome.js";
import { timeline } from "./timeline.js";

export function upgradePanel(state) {
  const { upgrade } = state;
  const { request } = upgrade;
  const target = request?.targetLevel ?? (upgrade.nft?.level ?? 0) + 1;
  return h(
    "section",
    { key: "upgrade", class: "sheet", "aria-labelledby": "upgrade-title", "data-status": request?.status ?? "opening" },
    h("p", { class: "eyebrow" }, EYEBROWS[request?.status] ?? "Upgrade"),
    h("h1", { id: "upgrade-title", tabindex: -1 }, title(request, target)),
    h("p", { class: "lead" }, lead(upgrade)),
    request?.status === "completed" && outcome(request, leaving(request, state), state),
    controls(upgrade, state),
    request && isActive(request.status) && upgrade.step !== "wallet" && !isChainAway(upgrade.connection) && connectionLine(upgrade.connection, state),
    timeline(upgrade, state),
    closable(request, upgrade),
  );
}

const EYEBROWS = {
  initiated: "Open",
  burn_pending: "Burn under proof",
  burn_confirmed: "Burn proven",
  mint_pending: "Being minted",
  completed: "Completed",
  failed_retryable: "The mint is repeated",
  under_review: "People look at it",
  cancelled: "Cancelled",
  expired: "Expired",
  failed_permanent: "Ended",
};

function title(request, target) {
  if (request?.status === "completed") return `${levelName(target)} is yours.`;
  if (request && !isActive(request.status)) return "This upgrade has ended.";
  return `${levelName(target - 1)} becomes ${levelName(target)}`;
}

const LEADS = {
  burn_pending: "Your burn is on its way. It counts once Solana has made it final and every check below holds.",
  burn_confirmed: "Your burn is proven. The next level is owed to you now, and its mint is being prepared.",
  mint_pending: "The next level is being minted. It counts once Solana has made it final.",
  completed: "The burn and the mint are final on Solana.",
  failed_retryable: "The mint did not go through this time. Nothing is lost: it is repeated until it does, by itself.",
  under_review: "Your NFT is gone, but not in a way a machine may judge. People look at it; you need not do anything, and it is not refused by a machine.",
  cancelled: "Your NFT was not burned. Should a burn of it show up after all, the next level is minted.",
  expired: "Nobody burned the NFT in time, so nothing changed. You can open a new upgrade.",
  failed_permanent: "It ended before anything was burned. You can open a new upgrade.",
};

const STEPS = {
  opening: "Asking for everything that must hold before you burn: your NFT, the mint to come, our reserves …",
  wallet: "Your wallet is asking you now. Nothing is burned without your yes there.",
  confirming: "The burn is sent. Telling the server which transaction it was …",
  "handing in": "You have signed, and the transaction is being handed in: it may burn and mint at any moment from now on. Both happen or neither does.",
};

function lead(upgrade) {
  const { step, request, connection } = upgrade;
  if (isChainAway(connection)) return `Solana cannot be read at the moment. ${request ? "Nothing is lost" : "Nothing has been burned"}. The next attempt is in ${duration(1000 * Math.ceil(connection.delayMs / 1000))}.`;
  if (step in STEPS) return STEPS[step];
  if (request?.status === "initiated") return open(upgrade);
  return LEADS[request?.status] ?? "Looking up where it stands …";
}

/** What is not known is not said: the page may have died after the burn. */
function open({ isUnconfirmed, isBurned }) {
  if (isUnconfirmed) return "Your wallet has sent the burn, but the server could not be told which transaction it was. It looks for the burn by itself too: nothing is lost.";
  if (isBurned) return "Your NFT is burned on Solana. The upgrade goes on by itself as soon as that is final; you need not do anything.";
  if (isBurned === false) return "The upgrade is open, and Solana shows your NFT unburned. It goes on when you burn it in your wallet.";
  if (isBurned === null) return "Whether your NFT is burned already cannot be seen at the moment. If it is, the upgrade goes on by itself.";
  return "Looking whether your NFT is burned already …";
}

const isChainAway = ({ state, error }) => state === "waiting" && ["chain_unavailable", "providers_disagree"].includes(error?.code);

function controls(upgrade, state) {
  const { request, step, connection } = upgrade;
  if (step === "opening" && isChainAway(connection)) return h("div", { key: "controls", class: "row" }, givingUp(state));
  if (!request) return upgrade.isLost && h("div", { key: "controls", class: "row" }, lookingAgain(state));
  if (step === "wallet") return h("div", { key: "controls", class: "row" }, again(request, state, "Nothing in your wallet? Ask again"), cancelling(request, state));
  if (step && step !== "looking") return null;
  const shown = choices(upgrade, state).filter(Boolean);
  return shown.length > 0 && h("div", { key: "controls", class: "row" }, shown, request.status === "initiated" && h("p", { class: "quiet" }, `Open until ${day(request.expiresAt)}.`));
}

function choices(upgrade, state) {
  const { request, isBurned, isUnconfirmed, isLost } = upgrade;
  const { status } = request;
  const isToBurn = status === "initiated" && !isBurned && isBurned !== undefined && !isUnconfirmed;
  return [
    isToBurn && again(request, state, "Burn in my wallet"),
    isToBurn && cancelling(request, state),
    status === "initiated" && isUnconfirmed && confirming(request, state),
    status === "failed_retryable" && retrying(request, state),
    isLost && isActive(status) && lookingAgain(state),
    !isActive(status) && status !== "completed" && leaving(request, state),
  ];
}

const again = (request, state, text) =>
  h(
    "button",
    {
      key: text,
      class: "button button-ember",
      type: "button",
      disabled: Boolean(state.busy),
      onclick: () =>
        busy("burn", async () => {
          if (!(await connected())) throw Object.assign(new Error("no wallet"), { code: "wallet_missing" });
          void goOn(request.id);
        }),
    },
    text,
  );

const confirming = (request, state) =>
  h("button", { key: "confirm", class: "button", type: "button", disabled: Boolean(state.busy), onclick: () => busy("confirm", () => confirmAgain(request.id)) }, "Try again");

const lookingAgain = (state) =>
  h("button", { key: "look", class: "button button-plain", type: "button", disabled: Boolean(state.busy), onclick: () => busy("look", followAgain) }, "Look again");

const cancelling = (request, state) =>
  h("button", { key: "cancel", class: "button button-plain", type: "button", disabled: Boolean(state.busy), onclick: () => busy("cancel", () => cancel(request.id)) }, state.busy === "cancel" ? "Cancelling …" : "Cancel, keep my NFT");

const givingUp = (state) =>
  h("button", { key: "give up", class: "button button-plain", type: "button", disabled: Boolean(state.busy), onclick: () => busy("leave", close) }, "Stop trying, keep my NFT");

const retrying = (request, state) =>
  h("button", { key: "retry", class: "button", type: "button", disabled: Boolean(state.busy), onclick: () => busy("retry", () => retry(request.id)) }, "Try again now");

const leaving = (request, state) =>
  h("button", { key: "leave", class: "button", type: "button", disabled: Boolean(state.busy), onclick: () => busy("leave", close) }, request.status === "completed" ? "Go on with the new NFT" : "Back to my NFT");

function closable(request, { step, isBurned }) {
  if (!request || !isActive(request.status)) return null;
  const mayBeUnburned = request.status === "initiated" && !isBurned && !["confirming", "handing in"].includes(step);
  return h(
    "p",
    { class: "aside" },
    mayBeUnburned
      ? "You may close this page. Without a burn the upgrade expires by itself; a burn is found, and the upgrade goes on."
      : "You may close this page: the upgrade goes on without it. Come back, and it shows where it stands.",
  );
}
