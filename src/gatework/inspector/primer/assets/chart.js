// A line chart: axes, lines with their names at the end, linear or logarithmic upwards.
import { svg, set, label, picture } from "./svg.js";

const MARGIN = { left: 56, right: 118, top: 30, bottom: 40 };

/**
 * A chart of a size. `draw({x, y, lines})`: x and y are {min, max, name, log}; each line is
 * {points: [[x, y]], hue, name, dash, note}. Values that a logarithm cannot show are left out.
 */
export function chart(target, { width, height, caption }) {
  const root = picture(width, height, caption);
  root.classList.add("chart");
  target.append(root);
  const inner = { w: width - MARGIN.left - MARGIN.right, h: height - MARGIN.top - MARGIN.bottom };

  function draw({ x, y, lines, mark = null }) {
    const up = (value) => {
      const [low, high, at] = y.log
        ? [Math.log10(y.min), Math.log10(y.max), Math.log10(value)]
        : [y.min, y.max, value];
      return MARGIN.top + inner.h * (1 - (at - low) / (high - low));
    };
    const along = (value) => MARGIN.left + (inner.w * (value - x.min)) / (x.max - x.min || 1);
    root.replaceChildren();
    axes(root, { x, y, along, up, inner });
    if (mark !== null) {
      root.append(svg("line", { class: "mark", x1: along(mark), x2: along(mark), y1: MARGIN.top, y2: MARGIN.top + inner.h }));
    }
    for (const line of lines) drawLine(line, { x, y, along, up });
    placeNames(lines, { y, up, along });
  }

  function inside(y, value) {
    if (!Number.isFinite(value) || (y.log && value <= 0)) return false;
    return true;
  }

  function drawLine({ points, hue, dash, name }, { y, along, up }) {
    const seen = points.filter(([, value]) => inside(y, value));
    if (!seen.length) return;
    const clip = ([px, value]) => `${along(px).toFixed(2)} ${up(Math.min(y.max, Math.max(y.min, value))).toFixed(2)}`;
    root.append(svg("path", {
      class: `line stroke-${hue}`, d: `M${seen.map(clip).join("L")}`, "stroke-dasharray": dash, "data-line": name,
    }));
  }

  function placeNames(lines, { y, up, along }) {
    const ends = lines
      .map((line) => ({ line, end: line.points.filter(([, value]) => inside(y, value)).at(-1) }))
      .filter(({ end, line }) => end && line.name)
      .map(({ line, end }) => ({
        line, x: along(end[0]) + 8, y: up(Math.min(y.max, Math.max(y.min, end[1]))) + 4,
      }))
      .sort((one, other) => one.y - other.y);
    for (let k = 1; k < ends.length; k++) ends[k].y = Math.max(ends[k].y, ends[k - 1].y + 15);
    const over = ends.length ? ends.at(-1).y - (MARGIN.top + inner.h + 6) : 0;
    if (over > 0) for (const end of ends) end.y -= over;
    for (const { line, x, y: at } of ends) {
      root.append(label(line.name, { x, y: at, class: `line-name ink-${line.hue}` }));
    }
  }
  return { draw, root };
}

function axes(root, { x, y, along, up, inner }) {
  const bottom = MARGIN.top + inner.h;
  for (const value of y.log ? decades(y.min, y.max) : ticks(y.min, y.max, 4)) {
    root.append(svg("line", { class: "grid", x1: MARGIN.left, x2: MARGIN.left + inner.w, y1: up(value), y2: up(value) }));
    const text = set(svg("text", { x: MARGIN.left - 8, y: up(value) + 4, class: "tick right" }), {});
    if (y.log) {
      text.append("10", svg("tspan", { dy: "-0.5em", class: "sub" }, String(Math.round(Math.log10(value))).replace("-", "−")));
    } else text.textContent = String(+value.toFixed(3)).replace("-", "−");
    root.append(text);
  }
  for (const value of ticks(x.min, x.max, 6)) {
    root.append(svg("text", { x: along(value), y: bottom + 17, class: "tick middle" }, String(+value.toFixed(3)).replace("-", "−")));
  }
  root.append(svg("line", { class: "axis", x1: MARGIN.left, x2: MARGIN.left + inner.w, y1: bottom, y2: bottom }));
  root.append(label(x.name, { x: MARGIN.left + inner.w / 2, y: bottom + 34, class: "axis-name middle" }));
  if (y.name) root.append(label(y.name, { x: MARGIN.left - 40, y: 14, class: "axis-name" }));
}

/** Round numbers between two others. */
function ticks(min, max, count) {
  const rough = (max - min) / count;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const unit = [1, 2, 5, 10].find((each) => each * magnitude >= rough) * magnitude;
  const found = [];
  for (let value = Math.ceil(min / unit) * unit; value <= max + 1e-9; value += unit) found.push(value);
  return found;
}

/** Powers of ten, some six of them. */
function decades(min, max) {
  const [low, high] = [Math.round(Math.log10(min)), Math.round(Math.log10(max))];
  const unit = Math.max(1, Math.ceil((high - low) / 6));
  const found = [];
  for (let exponent = high - (((high % unit) + unit) % unit); exponent >= low; exponent -= unit) found.push(10 ** exponent);
  return found;
}
