// Axes and marks of small charts, in SVG.

import { short, svg } from "./dom.js";

const EDGE = { left: 44, right: 10, top: 10, bottom: 34 };

/** A scale from values to pixels; `log` for powers of ten. */
export function scale(low, high, from, to, log = false) {
  const way = log ? Math.log10 : (value) => value;
  const start = way(low);
  const span = way(high) - start || 1;
  const place = (value) => from + ((way(value) - start) / span) * (to - from);
  place.ticks = log ? powers(low, high) : steps(low, high);
  return place;
}

function steps(low, high) {
  const rough = (high - low) / 4 || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((part) => part * power).find((part) => part >= rough);
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + step * 1e-6; at += step) {
    found.push(Math.abs(at) < step * 1e-6 ? 0 : at);
  }
  return found;
}

function powers(low, high) {
  const from = Math.floor(Math.log10(low));
  const to = Math.ceil(Math.log10(high));
  const every = Math.max(1, Math.ceil((to - from) / 5));
  const found = [];
  for (let power = from; power <= to; power += every) {
    const value = 10 ** power;
    if (value >= low * 0.999 && value <= high * 1.001) found.push(value);
  }
  return found;
}

const mark = (value, log) => {
  if (!log || (value >= 0.01 && value < 1e4)) return short(value);
  return `10${[...String(Math.round(Math.log10(value)))].map((d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[d] ?? "⁻").join("")}`;
};

/**
 * A chart. x and y are {low, high, log, label}. Returns {element, x, y, layer}: put marks in layer.
 */
export function chart({ width = 340, height = 230, x, y, label }) {
  const across = scale(x.low, x.high, EDGE.left, width - EDGE.right, x.log);
  const up = scale(y.low, y.high, height - EDGE.bottom, EDGE.top, y.log);
  const layer = svg("g");
  const floor = height - EDGE.bottom;
  const element = svg("svg", {
    class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label,
  },
  ...up.ticks.map((value) => svg("line", { class: "grid", x1: EDGE.left, x2: width - EDGE.right,
    y1: up(value), y2: up(value) })),
  ...up.ticks.map((value) => svg("text", { x: EDGE.left - 6, y: up(value) + 4,
    "text-anchor": "end" }, mark(value, y.log))),
  ...across.ticks.map((value) => svg("text", { x: across(value), y: floor + 15,
    "text-anchor": "middle" }, mark(value, x.log))),
  svg("text", { class: "axis-name", x: (EDGE.left + width - EDGE.right) / 2, y: height - 3,
    "text-anchor": "middle" }, x.label),
  svg("text", { class: "axis-name", x: 0, y: 0, "text-anchor": "middle",
    transform: `translate(11 ${(EDGE.top + floor) / 2}) rotate(-90)` }, y.label),
  layer);
  return { element, x: across, y: up, layer };
}

/** The points attribute of a line through (xs, ys), without what is missing or cannot be drawn. */
export function points(xs, ys, across, up) {
  const found = [];
  for (let k = 0; k < xs.length; k++) {
    const [a, b] = [across(xs[k]), up(ys[k])];
    if (Number.isFinite(a) && Number.isFinite(b)) found.push(`${a.toFixed(1)},${b.toFixed(1)}`);
  }
  return found.join(" ");
}
