// The picture of an NFT: a guilloche as on banknotes and certificates, drawn from its mint address.
// The same address gives the same lines everywhere; each level has its own palette, and more of them.

import { h } from "./dom.js";
import { levelName, roman } from "./format.js";

const SIZE = 400;
const CENTRE = SIZE / 2;

/** ground, line colours, seal: chosen to hold on light and dark pages alike. */
const PALETTES = [
  null,
  { ground: "#23302b", lines: ["#8fb59b", "#c9d8b0"], seal: "#e9e4c8" },
  { ground: "#3a2419", lines: ["#d98e5f", "#f0c59b"], seal: "#f7e3c6" },
  { ground: "#0f2f36", lines: ["#4fb0a5", "#a6dcc4"], seal: "#e2f3e1" },
  { ground: "#1b2347", lines: ["#7f95e0", "#e0b46a"], seal: "#f4dfae" },
  { ground: "#15120c", lines: ["#d9b45b", "#f5e3a8", "#b3563a"], seal: "#fbf0cc" },
];

const memory = new Map();

/** `state`: whole, outline (to come), drawing (being minted), ash (burned). */
export function picture(mint, level, state = "whole") {
  const name = `${mint}/${level}/${state}`;
  if (!memory.has(name)) memory.set(name, draw(mint, level, state));
  return memory.get(name);
}

function draw(mint, level, state) {
  const random = numbers(`${mint}:${level}`);
  const palette = PALETTES[level] ?? PALETTES[1];
  const label = `${SPOKEN[state]}${levelName(level)}, level ${level}`;
  return h(
    "svg",
    { viewBox: `0 0 ${SIZE} ${SIZE}`, class: `picture picture-${state}`, role: "img", "aria-label": label },
    h("rect", { width: SIZE, height: SIZE, fill: palette.ground, class: "ground" }),
    frame(random, palette),
    rosettes(random, palette, level),
    seal(palette, level),
  );
}

const SPOKEN = { whole: "", outline: "To come: ", drawing: "Being minted: ", ash: "Burned: " };

function rosettes(random, palette, level) {
  const groups = [];
  for (let ring = 0; ring < level + 1; ring++) {
    const outer = 168 - ring * (96 / (level + 1));
    const petals = 5 + Math.floor(random() * 9) + level;
    const shape = { radius: outer, depth: 14 + random() * 22, petals, twist: 2 + Math.floor(random() * 4), bend: random() * 0.5 };
    const colour = palette.lines[ring % palette.lines.length];
    const copies = 6 + level;
    groups.push(h("g", { stroke: colour, fill: "none", "stroke-width": 0.9 }, lines(shape, copies)));
  }
  return groups;
}

function lines(shape, copies) {
  return Array.from({ length: copies }, (_, index) =>
    h("path", { d: curve(shape, (index / copies) * Math.PI * 2), pathLength: 1, opacity: (0.45 + 0.5 * (index / copies)).toFixed(2) }),
  );
}

/** One closed line: a circle that two waves pull in and out. */
function curve({ radius, depth, petals, twist, bend }, phase) {
  const points = [];
  const count = petals * 14;
  for (let step = 0; step < count; step++) {
    const angle = (step / count) * Math.PI * 2;
    const wave = Math.sin(petals * angle + phase) + bend * Math.sin(petals * twist * angle - 2 * phase);
    const r = radius - depth + depth * wave * 0.62;
    points.push(`${(CENTRE + r * Math.cos(angle)).toFixed(1)} ${(CENTRE + r * Math.sin(angle)).toFixed(1)}`);
  }
  return `M${points.join("L")}Z`;
}

function frame(random, palette) {
  const inset = 12;
  const waves = 14 + Math.floor(random() * 10);
  const border = Array.from({ length: 3 }, (_, index) => h("path", { d: wavyBorder(inset, waves, (index * Math.PI) / 3), pathLength: 1 }));
  return h("g", { stroke: palette.lines[0], fill: "none", "stroke-width": 0.8, opacity: 0.7 }, border);
}

function wavyBorder(inset, waves, phase) {
  const points = [];
  const length = SIZE - 2 * inset;
  for (let side = 0; side < 4; side++) {
    for (let step = 0; step < waves * 8; step++) {
      const along = (step / (waves * 8)) * length;
      const off = 3.5 * Math.sin((step / 8) * Math.PI * 2 + phase);
      const [x, y] = turned(side, inset + along, inset + off);
      points.push(`${x.toFixed(1)} ${y.toFixed(1)}`);
    }
  }
  return `M${points.join("L")}Z`;
}

const turned = (side, x, y) => [[x, y], [SIZE - y, x], [SIZE - x, SIZE - y], [y, SIZE - x]][side];

/** The level: a star with two points more than it, and its number. */
function seal(palette, level) {
  return h(
    "g",
    { class: "seal" },
    h("circle", { cx: CENTRE, cy: CENTRE, r: 50, fill: palette.ground, stroke: palette.seal, "stroke-width": 1.2 }),
    h("path", { d: star(level + 4, 45, 34 - level), fill: "none", stroke: palette.seal, "stroke-width": 1, opacity: 0.8 }),
    h("text", { x: CENTRE, y: CENTRE + 13, "text-anchor": "middle", fill: palette.seal, class: "numeral" }, roman(level)),
  );
}

function star(points, outer, inner) {
  const corners = Array.from({ length: points * 2 }, (_, index) => {
    const angle = (index * Math.PI) / points - Math.PI / 2;
    const r = index % 2 ? inner : outer;
    return `${(CENTRE + r * Math.cos(angle)).toFixed(1)} ${(CENTRE + r * Math.sin(angle)).toFixed(1)}`;
  });
  return `M${corners.join("L")}Z`;
}

/** Numbers in 0..1 that follow from a text alone (FNV-1a, then mulberry32). */
function numbers(text) {
  let seed = 0x811c9dc5;
  for (const char of text) seed = Math.imul(seed ^ char.codePointAt(0), 0x01000193);
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
