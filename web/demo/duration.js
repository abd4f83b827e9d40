// How long something took, for both pages.

const UNITS = [["d", 86_400], ["h", 3_600], ["min", 60], ["s", 1]];

/** Two units at most: "85 ms", "3.2 s", "3 min 20 s", "2 h 5 min". */
export function duration(ms) {
  if (ms < 100) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 59_950) return `${Number((ms / 1000).toFixed(1))} s`;
  const whole = Math.round(ms / 1000);
  const first = UNITS.findIndex(([, size]) => whole >= size);
  const [[name, size], [nextName, nextSize]] = UNITS.slice(first, first + 2);
  const rest = Math.floor((whole % size) / nextSize);
  return `${Math.floor(whole / size)} ${name}${rest ? ` ${rest} ${nextName}` : ""}`;
}
