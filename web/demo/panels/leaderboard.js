// Who climbed highest, and one's own figures.

import { h } from "../dom.js";
import { duration } from "../duration.js";
import { date, roman, short } from "../format.js";

export function leaderboardPanel({ leaderboard, stats, session }) {
  if (!leaderboard) return null;
  return h(
    "section",
    { key: "leaderboard", class: "panel", "aria-labelledby": "leaderboard-title" },
    h("h2", { id: "leaderboard-title" }, "Leaderboard"),
    leaderboard.users.length === 0 ? h("p", { class: "quiet" }, "Nobody has upgraded yet.") : table(leaderboard.users, session),
    stats && stats.upgrades.completed > 0 && own(stats),
  );
}

function table(users, session) {
  return h(
    "table",
    null,
    h("thead", null, h("tr", null, h("th", { scope: "col" }, "Place"), h("th", { scope: "col" }, "Wallet"), h("th", { scope: "col" }, "Level"), h("th", { scope: "col" }, "Since"))),
    h("tbody", null, users.map((user) => row(user, user.wallet === session?.address))),
  );
}

const row = ({ position, wallet, level, reachedAt }, isMine) =>
  h(
    "tr",
    { key: wallet, class: isMine ? "mine" : undefined },
    h("td", null, String(position)),
    h("td", null, h("code", { title: wallet }, short(wallet)), isMine && " you"),
    h("td", null, roman(level)),
    h("td", null, date(reachedAt)),
  );

function own({ upgrades, steps, badges }) {
  const whole = steps.openedToCompleted;
  return h(
    "p",
    { class: "small" },
    `You: ${upgrades.completed} completed`,
    whole && `, the fastest in two steps took ${duration(whole.shortestMs)}`,
    badges.length > 0 && `; ${badges.map(({ name }) => name.replaceAll("_", " ")).join(", ")}`,
    ".",
  );
}
