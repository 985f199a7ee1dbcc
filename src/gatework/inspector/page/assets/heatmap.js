// One array as a picture: time across, units down, a colour for each value.

import { colourOf } from "./colours.js";
import { html, short } from "./dom.js";

/** How high a heatmap of `rows` rows is, in pixels: whole pixels a row, or whole rows a pixel. */
export function heightOf(rows, target) {
  if (!rows) return 0;
  if (rows <= target) return rows * Math.max(1, Math.floor(target / rows));
  return Math.ceil(rows / Math.ceil(rows / (1.4 * target)));
}

/** Means over blocks of rows and columns, for a picture of `across` by `down` dots. */
function blockMeans(valueAt, rows, columns, down, across) {
  const means = new Float64Array(down * across);
  for (let row = 0; row < down; row++) {
    const top = Math.floor((row * rows) / down);
    const bottom = Math.floor(((row + 1) * rows) / down);
    for (let column = 0; column < across; column++) {
      const left = Math.floor((column * columns) / across);
      const right = Math.floor(((column + 1) * columns) / across);
      let sum = 0;
      for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) sum += valueAt(y, x);
      means[row * across + column] = sum / ((bottom - top) * (right - left));
    }
  }
  return means;
}

const legend = ({ kind, limit, beyond }) =>
  `${kind === "sequential" ? "0 to " : "± "}${short(limit)}${beyond ? `, ${100 * beyond} % beyond` : ""}`;

/**
 * A lane with a heatmap. `source` gives {rows, valueAt(row, t), scale, title, note}; null hides it.
 * Returns {element, canvas, draw(frame), rowAt(y)}.
 */
export function heatmapLane(source) {
  const canvas = html("canvas", { role: "img" });
  const across = html("i", { class: "cursor-row", hidden: true });
  const title = html("b");
  const note = html("span");
  const label = html("div", { class: "lane-label" }, title, note);
  const plot = html("div", { class: "plot" }, canvas, across);
  const element = html("div", { class: "lane heatmap" }, label, plot);
  let rows = 0;
  let height = 0;

  function draw({ width, from, to, colours, target }) {
    const found = source();
    element.hidden = !found || to <= from;
    if (element.hidden) return;
    rows = found.rows;
    height = found.height ?? heightOf(rows, target);
    title.textContent = found.title;
    note.replaceChildren(found.note, html("em", {}, legend(found.scale)));
    canvas.setAttribute("aria-label", `${found.title}, ${found.note}: ${rows} rows, time across`);
    const dense = window.devicePixelRatio || 1;
    canvas.width = Math.max(1, Math.round(width * dense));
    canvas.height = Math.max(1, Math.round(height * dense));
    canvas.style.height = `${height}px`;
    const columns = to - from;
    const size = [Math.min(columns, canvas.width), Math.min(rows, canvas.height)];
    const means = blockMeans((y, x) => found.valueAt(y, from + x), rows, columns, size[1], size[0]);
    const picture = new ImageData(size[0], size[1]);
    for (let at = 0; at < means.length; at++) {
      const [r, g, b] = colourOf(colours, means[at], found.scale);
      picture.data.set([r, g, b, 255], 4 * at);
    }
    const small = new OffscreenCanvas(size[0], size[1]);
    small.getContext("2d").putImageData(picture, 0, 0);
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(small, 0, 0, canvas.width, canvas.height);
  }

  return {
    element,
    canvas,
    draw,
    rowAt: (y) => Math.min(rows - 1, Math.max(0, Math.floor((y / height) * rows))),
    /** Move the line that marks a row; null hides it. */
    mark(row) {
      across.hidden = row === null || row < 0;
      if (row === null || row < 0) return;
      across.style.top = `${(row / rows) * height}px`;
      across.style.height = `${Math.max(1, height / rows)}px`;
    },
  };
}
