// Lanes of lines and bars: the loss of each step, the inputs, chosen units over time.

import { html, short, svg } from "./dom.js";

/** An empty lane: {element, picture, name, height, size(width)}. */
export function lane(title, note, height) {
  const picture = svg("svg", { height, role: "img", "aria-label": `${title}: ${note}` });
  const name = html("span", {}, note);
  const element = html("div", { class: "lane" },
    html("div", { class: "lane-label" }, html("b", {}, title), name),
    html("div", { class: "plot" }, picture));
  return { element, picture, name, height, size: (width) => size(picture, width, height) };
}

function size(picture, width, height) {
  picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
  picture.setAttribute("width", width);
  picture.setAttribute("height", height);
}

/** Pieces of a line, broken where values are missing: the points attribute of each. */
function pieces(from, to, valueAt, x, y) {
  const found = [];
  let piece = [];
  for (let t = from; t < to; t++) {
    const value = valueAt(t);
    if (Number.isFinite(value)) piece.push(`${x(t + 0.5).toFixed(1)},${y(value).toFixed(1)}`);
    else if (piece.length) {
      found.push(piece);
      piece = [];
    }
  }
  if (piece.length) found.push(piece);
  return found.map((points) => (points.length > 1 ? points : [points[0], points[0]]).join(" "));
}

function extent(from, to, valueAt, seed = []) {
  let [low, high] = seed.length ? seed : [Infinity, -Infinity];
  for (let t = from; t < to; t++) {
    const value = valueAt(t);
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? [low, high] : [0, 1];
}

/** The loss of each step as bars. */
export function lossLane({ current }) {
  const { element, picture, name, height } = lane("loss", "", 40);
  return {
    element,
    draw({ width, from, to }, x) {
      const { view } = current();
      const losses = view.side("loss");
      element.hidden = !losses;
      if (!losses) return;
      size(picture, width, height);
      const [, high] = extent(0, view.T, (t) => losses[t], [0, 0]);
      name.textContent = `to ${short(high)}`;
      const column = width / (to - from);
      const bars = [];
      for (let t = from; t < to; t++) {
        const tall = (losses[t] / (high || 1)) * (height - 4);
        if (!(tall > 0)) continue;
        bars.push(svg("rect", { class: "loss", x: x(t) + 0.1 * column, y: height - tall,
          width: Math.max(0.8, 0.8 * column), height: tall }));
      }
      picture.replaceChildren(...bars);
    },
  };
}

const MOST_LINES = 6;

/** The inputs of each step as lines, each over its own range. */
export function inputLane({ current }) {
  const { element, picture, name, height } = lane("input", "", 72);
  return {
    element,
    draw({ width, from, to }, x) {
      const { view } = current();
      const inputs = view.side("inputs");
      const { features: all, named } = view.recording;
      // Unnamed inputs of words are embeddings, which say nothing as lines.
      element.hidden = !inputs || view.pass.layer > 0 || (view.hasWords && !named);
      if (element.hidden) return;
      size(picture, width, height);
      const features = all.slice(0, MOST_LINES);
      name.replaceChildren(
        ...features.map((word, k) => html("em", { class: `series-${k}` }, word)),
        all.length > MOST_LINES ? `${MOST_LINES} of ${all.length}` : "");
      picture.replaceChildren(...features.flatMap((_, k) => {
        const valueAt = (t) => inputs[t * all.length + k];
        const [low, high] = extent(0, view.T, valueAt);
        const y = (value) => height - 4 - ((value - low) / (high - low || 1)) * (height - 8);
        return pieces(from, to, valueAt, x, y).map((points) =>
          svg("polyline", { class: `line series-${k}`, points }));
      }));
    },
  };
}

/** The memory of the chosen unit and of pinned ones over time, all on one scale. */
export function traceLane({ store, current }) {
  const { element, picture, name, height } = lane("", "", 92);
  const title = element.querySelector("b");
  return {
    element,
    draw({ width, from, to }, x) {
      const { view } = current();
      const { unit, pins } = store.get();
      const shown = [unit, ...pins.filter((each) => each !== unit && each < view.H)];
      const values = view.memory();
      size(picture, width, height);
      title.textContent = `${view.pass.memory} of`;
      const [low, high] = shown.reduce((range, u) =>
        extent(0, view.T, (t) => values[t * view.H + u], range), [0, 0]);
      const y = (value) => 5 + ((high - value) / (high - low || 1)) * (height - 10);
      name.replaceChildren(...shown.map((u, k) =>
        html("em", { class: `series-${k % 6}` }, `unit ${u}`)), `${short(low)} to ${short(high)}`);
      picture.replaceChildren(
        svg("line", { class: "base", x1: 0, x2: width, y1: y(0), y2: y(0) }),
        ...shown.flatMap((u, k) =>
          pieces(from, to, (t) => values[t * view.H + u], x, y).map((points) =>
            svg("polyline", { class: `line series-${k % 6}`, points }))).reverse());
    },
  };
}
