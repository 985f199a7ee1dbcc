// Lanes one under the other over one time axis: the ledger, the words, the loss, every heatmap.

import { heatmapLane } from "./heatmap.js";
import { html, number, reading, short, svg, visible } from "./dom.js";
import { ledgerLane } from "./flow.js";
import { creditLanes } from "./gradients.js";
import { inputLane, lane, lossLane, traceLane } from "./lanes.js";

const NARROWEST = 9; // pixels of a column that has a word under it

/** The stack. Returns {element, draw(), cursor()}. */
export function makeStack({ store, current, moves, colours, whatIf, manifest }) {
  const remark = html("p", { class: "remark" });
  const down = html("i", { class: "cursor-step" });
  const hover = html("i", { class: "cursor-hover", hidden: true });
  const overlay = html("div", { class: "overlay" }, hover, down);
  const tooltip = html("div", { class: "tooltip", role: "tooltip", hidden: true });
  const axis = svg("svg", { class: "axis", "aria-hidden": "true" });
  const axisLane = html("div", { class: "lane" }, html("div", { class: "lane-label" }),
    html("div", { class: "plot" }, axis));
  const flow = ledgerLane({ store, current });
  const loss = lossLane({ current });
  const input = inputLane({ current });
  const traces = traceLane({ store, current, colours });
  const maps = html("div");
  const credits = html("div");
  let methods = [];
  const strips = heatmapLane(stripSource);
  const changed = heatmapLane(whatIf.source);
  changed.canvas.dataset.name = "what-if";
  const lanes = html("div", { class: "lanes" }, flow.element, axisLane, loss.element,
    input.element, credits, traces.element, strips.element,
    changed.element, maps, overlay);
  const element = html("div", {
    class: "stack", tabindex: "0", role: "group", id: "stack",
    "aria-label": "Gates and states over time. Arrow left and right choose a step, up and down a "
      + "unit, plus and minus zoom, Home and End go to the ends.",
    onkeydown: moves.onKey,
  }, flow.sentence, lanes, reading(manifest.readings.ledger), remark, tooltip);
  let heatmaps = [];
  let plotWidth = 0;

  const frame = () => {
    const { from, to, tall } = store.get();
    return { width: plotWidth, from, to, colours: colours(), target: tall ? 300 : 108 };
  };
  const x = (t) => {
    const { from, to } = store.get();
    return ((t - from) / Math.max(to - from, 1)) * plotWidth;
  };

  /** Make the lanes of the heatmaps anew: for another layer, another cell. */
  function rebuild() {
    const { view } = current();
    heatmaps = view.parts().map(({ name, what }) => {
      const map = heatmapLane(() => sourceOf(name, what));
      map.name = name;
      map.canvas.dataset.name = name;
      return map;
    });
    methods = creditLanes({ current }, lane);
    credits.replaceChildren(...methods.map((each) => each.element));
    maps.replaceChildren(...heatmaps.map((map) => map.element));
    const extra = { outputs: "outputs", attention: "attention" };
    for (const [name, what] of Object.entries(extra)) {
      if (!view.recording[name]) continue;
      const map = heatmapLane(() => sideSource(name, what));
      map.name = name;
      map.canvas.dataset.name = name;
      heatmaps.push(map);
      maps.append(map.element);
    }
  }

  function sourceOf(name, what) {
    const { view, order } = current();
    const rows = view.sizeOf(name);
    const values = view.array(name);
    const unitAt = rows === view.H ? (row) => order[row] : (row) => row;
    return {
      rows, title: name, note: what, scale: view.scale(name), unitAt,
      valueAt: (row, t) => values[t * rows + unitAt(row)],
    };
  }

  /** The gates of the chosen unit, a row each. */
  function stripSource() {
    const { view } = current();
    const { unit } = store.get();
    const gates = view.parts().filter(({ name, signed }) => !signed && view.sizeOf(name) === view.H);
    if (!gates.length) return null;
    const arrays = gates.map(({ name }) => view.array(name));
    return {
      rows: gates.length, height: 12 * gates.length, title: gates.map(({ name }) => name).join(" "),
      note: `of unit ${unit}`, scale: { kind: "sequential", limit: 1 },
      valueAt: (row, t) => arrays[row][t * view.H + unit],
    };
  }

  function sideSource(name, what) {
    const { view } = current();
    const rows = view.sideWidth(name);
    const values = view.side(name);
    const largest = values.reduce((most, v) => Math.max(most, Math.abs(v) || 0), 0) || 1;
    const kind = name === "attention" ? "sequential" : "diverging";
    return { rows, title: what, note: "", scale: { kind, limit: largest },
      valueAt: (row, t) => values[t * rows + row] };
  }

  function draw() {
    const { view } = current();
    plotWidth = axisLane.lastElementChild.clientWidth;
    element.hidden = !view.T;
    if (!view.T || !plotWidth) return;
    for (const each of [loss, input, ...methods, changed, ...heatmaps]) each.draw(frame(), x);
    remark.textContent = "Keys: ← → step, ↑ ↓ unit, + − zoom, 0 all, p pin. " + `Values on this page have 16 bits a unit: within ${short(view.precision())} `
      + `of the trace.${view.recording.pool > 1 ? ` A column is ${view.recording.pool} steps: gates are their mean, states those of the last.` : ""}`;
    drawAxis();
    cursor();
  }

  function drawAxis() {
    const { view } = current();
    const { from, to } = store.get();
    const column = plotWidth / (to - from);
    axis.setAttribute("viewBox", `0 0 ${plotWidth} 22`);
    axis.setAttribute("width", plotWidth);
    axis.setAttribute("height", 22);
    const longest = Math.max(1, ...view.words.slice(from, to).map((word) => word.length));
    const every = view.hasWords && column >= NARROWEST && longest * 7 <= column * 1.6
      ? 1 : niceStep((to - from) / (plotWidth / (view.hasWords && longest > 3 ? 90 : 48)));
    const marks = [];
    for (let t = Math.ceil(from / every) * every; t < to; t += every) {
      const word = every === 1 || (view.hasWords && longest > 3)
        ? visible(view.words[t]).slice(0, 16) : String(t);
      marks.push(svg("text", { x: x(t + 0.5), y: 15, "text-anchor": "middle" }, word));
    }
    axis.replaceChildren(...marks);
  }

  /** Put the line of a cursor on a step; null hides it. */
  function place(line, t) {
    line.hidden = t === null;
    if (t === null) return;
    line.style.left = `${x(t)}px`;
    line.style.width = `${Math.max(1, x(1) - x(0))}px`;
  }

  /** Move the cursor and what belongs to it. */
  function cursor() {
    const { view, order } = current();
    if (!view.T || !plotWidth) return;
    const { step, unit } = store.get();
    place(down, step);
    for (const map of heatmaps) {
      map.mark(view.pass.values[map.name] && view.sizeOf(map.name) === view.H
        ? order.indexOf(unit) : null);
    }
    flow.draw(frame(), x);
    traces.draw(frame(), x);
    strips.draw(frame());
  }

  /** Step, map and unit under the pointer; null outside the plots. */
  function under(event) {
    const box = axis.getBoundingClientRect();
    const share = (event.clientX - box.left) / plotWidth;
    if (share < 0 || share >= 1) return null;
    const { from, to } = store.get();
    const step = from + Math.floor(share * (to - from));
    const map = heatmaps.find((each) => each.canvas === event.target);
    if (!map) return { step, unit: null, map: null };
    const { view, order } = current();
    const row = map.rowAt(event.clientY - map.canvas.getBoundingClientRect().top);
    const isUnit = view.pass.values[map.name] && view.sizeOf(map.name) === view.H;
    return { step, unit: isUnit ? order[row] : null, row, map };
  }

  lanes.addEventListener("pointermove", (event) => {
    const over = under(event);
    store.set({ over });
    tooltip.hidden = !over;
    if (!over) return;
    tooltip.replaceChildren(...describe(over));
    const box = element.getBoundingClientRect();
    const left = event.clientX - box.left + 16;
    tooltip.style.left = `${Math.min(left, box.width - tooltip.offsetWidth - 4)}px`;
    tooltip.style.top = `${event.clientY - box.top + 18}px`;
  });
  lanes.addEventListener("pointerleave", () => {
    tooltip.hidden = true;
    store.set({ over: null });
  });
  lanes.addEventListener("click", (event) => {
    const over = under(event);
    if (!over) return;
    store.set(over.unit === null ? { step: over.step } : { step: over.step, unit: over.unit });
  });

  function describe({ step, unit, row, map }) {
    const { view } = current();
    const word = view.hasWords ? ` ${visible(view.words[step])}` : "";
    const lines = [html("b", {}, `step ${step}${word}`)];
    if (unit !== null) {
      lines.push(html("span", {}, `unit ${unit}`));
      for (const { name, what } of view.parts()) {
        if (view.sizeOf(name) !== view.H) continue;
        const value = view.array(name)[step * view.H + unit];
        const line = html("div", map.name === name ? { class: "here" } : {},
          html("i", {}, name), html("output", { "data-name": name }, number(value)),
          html("small", {}, what));
        lines.push(line);
      }
    } else if (map) {
      const isState = view.pass.values[map.name];
      const values = isState ? view.array(map.name) : view.side(map.name);
      const width = isState ? view.sizeOf(map.name) : view.sideWidth(map.name);
      lines.push(html("div", { class: "here" }, html("i", {}, `${map.name} ${row}`),
        html("output", { "data-name": map.name }, number(values[step * width + row]))));
    } else {
      const losses = view.side("loss");
      if (losses) {
        lines.push(html("div", {}, html("i", {}, "loss"), html("output", {}, number(losses[step]))));
      }
    }
    return lines;
  }

  store.listen(rebuild, "recording", "pass");
  store.listen(draw, "recording", "pass", "sequence", "order", "from", "to", "theme", "tall");
  store.listen(() => changed.draw(frame()), "edits");
  store.listen(() => place(hover, store.get().over?.step ?? null), "over");
  store.listen(cursor, "step", "unit", "span", "pins");
  new ResizeObserver(() => {
    if (axisLane.lastElementChild.clientWidth !== plotWidth) draw();
  }).observe(element);
  rebuild();
  return { element, draw, x };
}

/** The next of 1, 2, 5, 10, 20, ... that is at least `size`. */
function niceStep(size) {
  const power = 10 ** Math.floor(Math.log10(Math.max(size, 1)));
  return [1, 2, 5, 10].map((part) => part * power).find((part) => part >= size);
}
