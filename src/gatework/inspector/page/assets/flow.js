// The memory ledger over the time axis: which earlier steps wrote what is in the memory now.

import { html, short, svg, visible } from "./dom.js";

const HEIGHT = 166;
const BASE = 96; // where bars begin: up is positive, down negative
const REACH = 44; // the highest bar
const LEAST = 0.2; // pixels of a bar that is drawn
const MOST_ARCS = 14;

/** The entries of the ledger of a step, in the order of time, for one unit or for all. */
export function entries(view, step, unit, span) {
  const book = view.ledgerAt(step);
  const rows = book.written.length / view.H;
  const found = new Float64Array(view.T).fill(0);
  const kept = new Float64Array(view.T).fill(NaN);
  let initial = 0;
  for (let k = 0; k < rows; k++) {
    const t = view.timeOf(k);
    const at = k * view.H;
    if (span === "one") {
      found[t] = book.written[at + unit];
      kept[t] = book.kept[at + unit];
    } else {
      let sum = 0;
      let stays = 0;
      for (let u = 0; u < view.H; u++) {
        sum += Math.abs(book.written[at + u]);
        stays += book.kept[at + u];
      }
      found[t] = sum;
      kept[t] = stays / view.H;
    }
  }
  if (span === "one") initial = book.initial[unit];
  else initial = book.initial.reduce((sum, value) => sum + Math.abs(value), 0);
  return { found, kept, initial, residual: residual(view, step, book, rows) };
}

/** The largest difference between a memory and the sum of its ledger, over the units. */
function residual(view, step, book, rows) {
  const memory = view.memory();
  let worst = 0;
  for (let u = 0; u < view.H; u++) {
    let sum = book.initial[u];
    for (let k = 0; k < rows; k++) sum += book.written[k * view.H + u];
    worst = Math.max(worst, Math.abs(sum - memory[step * view.H + u]));
  }
  return worst;
}

/** The lane. Returns {element, sentence, draw(frame, x)}. */
export function ledgerLane({ store, current }) {
  const picture = svg("svg", { class: "flow", role: "img" });
  const sentence = html("p", { class: "ledger-sentence", "aria-live": "polite" });
  const start = html("span");
  const label = html("div", { class: "lane-label" }, html("b", {}, "ledger"),
    html("span", {}, "who wrote it"), start, html("em", { class: "left-over" }, "part left"));
  const element = html("div", { class: "lane ledger" }, label,
    html("div", { class: "plot" }, picture));

  function draw({ width, from, to }, x) {
    const { view } = current();
    const { step, unit, span } = store.get();
    const { found, kept, initial, residual: gap } = entries(view, step, unit, span);
    const largest = found.reduce((most, v) => Math.max(most, Math.abs(v) || 0), Math.abs(initial)) || 1;
    const column = width / (to - from);
    picture.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    picture.setAttribute("width", width);
    picture.setAttribute("height", HEIGHT);
    const tall = (value) => (value / largest) * REACH;
    const ranked = [...found.keys()]
      .filter((t) => t >= from && t < to && Math.abs(found[t]) > 0.02 * largest)
      .sort((a, b) => Math.abs(found[b]) - Math.abs(found[a]));
    const stays = [];
    for (let t = from; t < to; t++) {
      if (!Number.isNaN(kept[t])) stays.push(`${x(t + 0.5)},${HEIGHT - 4 - 12 * kept[t]}`);
    }
    const bars = [];
    for (let t = from; t < to; t++) {
      const height = Math.abs(tall(found[t]));
      if (!(height > LEAST)) continue;
      bars.push(svg("rect", {
        class: found[t] < 0 ? "minus" : "plus", "data-step": t,
        x: x(t) + 0.1 * column, width: Math.max(0.8, 0.8 * column),
        y: found[t] < 0 ? BASE : BASE - height, height,
      }));
    }
    const arcs = ranked.slice(0, MOST_ARCS).reverse()
      .filter((t) => t !== step).map((t) => arc(t, found[t] / largest, step, x));
    const marks = words(view, ranked, found, x, tall, width);
    const before = beginning(view, { initial, largest, step, width }, x);
    picture.replaceChildren(
      ...before,
      svg("line", { class: "base", x1: 0, x2: width, y1: BASE, y2: BASE }),
      ...arcs, ...bars,
      svg("polyline", { class: "stays", points: stays.join(" ") }), ...marks);
    start.replaceChildren("start ", html("output", { class: "initial" }, short(initial)));
    sentence.replaceChildren(...say(view, { step, unit, span, found, initial, gap }));
    picture.setAttribute("aria-label", sentence.textContent);
  }

  return { element, sentence, draw };
}

/** The bar of the initial state, beside the step that was read first, and its way to the step. */
function beginning(view, { initial, largest, step, width }, x) {
  const share = initial / largest;
  if (!(Math.abs(share) * REACH > LEAST)) return [];
  const at = view.reverse ? width + 6 : -6;
  const height = Math.abs(share) * REACH;
  return [
    ...(Math.abs(share) > 0.02 ? [arcBetween(at, x(step + 0.5), share)] : []),
    svg("rect", { class: share < 0 ? "minus" : "plus", id: "initial-state", x: at - 4, width: 8,
      y: share < 0 ? BASE : BASE - height, height }, svg("title", {}, "the initial state")),
  ];
}

const arc = (t, share, step, x) => arcBetween(x(t + 0.5), x(step + 0.5), share);

function arcBetween(from, to, share) {
  const top = BASE - Math.min(100, 22 + 0.2 * Math.abs(to - from));
  const begin = BASE - Math.max(0, share * REACH);
  return svg("path", {
    class: share < 0 ? "arc minus" : "arc plus",
    d: `M${from},${begin} C${from},${top} ${to},${top} ${to},${BASE}`,
    "stroke-width": 0.75 + 7 * Math.abs(share),
  });
}

/** The words of the largest entries, where there is room beside those already there. */
function words(view, ranked, found, x, tall, width) {
  const taken = [];
  const marks = [];
  for (const t of ranked.slice(0, 24)) {
    const word = view.hasWords ? visible(view.words[t]).slice(0, 14) : String(t);
    const half = 4 + 3.5 * word.length;
    const at = Math.min(width - half, Math.max(half, x(t + 0.5)));
    if (taken.some(([left, right]) => at + half > left && at - half < right)) continue;
    taken.push([at - half, at + half]);
    const y = found[t] < 0 ? BASE + Math.abs(tall(found[t])) + 11 : BASE - tall(found[t]) - 4;
    marks.push(svg("text", { x: at, y, "text-anchor": "middle" }, word));
  }
  return marks;
}

function say(view, { step, unit, span, found, initial, gap }) {
  const { memory } = view.pass;
  const word = view.hasWords ? ` (${visible(view.words[step])})` : "";
  const count = found.reduce((sum, value) => sum + (value !== 0), 0);
  const closing = html("span", { class: "remark" },
    ` start ${short(initial)}; rows and memory differ by at most ${short(gap)}.`);
  if (span === "all") {
    const total = found.reduce((sum, value) => sum + value, 0) + initial;
    return [html("b", {}, `After step ${step}${word}`),
      ` the ${view.H} units hold ${short(total)} written by ${count} steps;`, closing];
  }
  const value = view.memory()[step * view.H + unit];
  return [html("b", {}, `After step ${step}${word}`), ` unit ${unit} holds ${memory} = `,
    html("b", {}, short(value)), `, written by ${count} steps;`, closing];
}
