// What if a step had read something else: the cell computes the rest here, and the differences show.

import { scanStack } from "./cell.js";
import { chart, points } from "./charts.js";
import { html, number, reading, short, svg, visible } from "./dom.js";

const MOST_FIELDS = 20;
const MOST_WORDS = 300;

/** Run all layers of a view's recording over its sequence, with inputs changed by `edits`. */
export function compute(view, edits) {
  const { recording, exact } = view;
  const { start, count } = view.sequence;
  const entry = recording.what_if.inputs;
  const width = entry.shape[1];
  const inputs = Float64Array.from(exact(entry).subarray(start * width, (start + count) * width));
  for (const { step, values } of edits) inputs.set(values, step * width);
  const passes = recording.passes.map((pass) => ({
    cell: pass.cell,
    layer: pass.layer,
    reverse: pass.reverse,
    params: Object.fromEntries(
      Object.entries(pass.params).map(([name, block]) => [name, exact(block)])),
    state: Object.fromEntries(Object.entries(pass.initial).map(([name, block]) => {
      const size = block.shape[1];
      return [name, exact(block).subarray(view.at.sequence * size, (view.at.sequence + 1) * size)];
    })),
  }));
  return scanStack(passes, inputs).passes[view.at.pass].values;
}

/** How far states are from what they were, by the steps since the first edit that was read. */
function distances(view, edits, before, after) {
  const read = (t) => (view.reverse ? view.T - 1 - t : t);
  const first = Math.min(...edits.map(({ step }) => read(step)));
  const lags = Array.from({ length: view.T - first }, (_, lag) => lag);
  const lines = [...new Set([view.pass.memory, "h"])].map((name) => {
    const width = before[name].length / view.T;
    return [name, lags.map((lag) => {
      const at = read(first + lag) * width;
      let sum = 0;
      for (let u = at; u < at + width; u++) sum += (after[name][u] - before[name][u]) ** 2;
      return Math.sqrt(sum);
    })];
  });
  const highest = Math.max(1e-9, ...lines.flatMap(([, values]) => values.filter(Number.isFinite)));
  const made = chart({
    height: 150, label: "Distance of the states from what they were, by the steps since the edit",
    x: { low: 0, high: Math.max(1, lags.length - 1), label: "steps since the edit" },
    y: { low: 0, high: highest, label: "distance" },
  });
  lines.forEach(([name, values], k) => made.layer.append(svg("polyline", {
    class: `line series-${k}`, "data-name": name, points: points(lags, values, made.x, made.y) })));
  return html("figure", {}, made.element, html("figcaption", { class: "keys" },
    ...lines.map(([name], k) => html("em", { class: `series-${k}` }, `${name} `))));
}

/** The panel. Returns {element, source()}: source is the difference as a heatmap's, or null. */
export function makeWhatIf({ store, current, manifest }) {
  const form = html("form", { class: "edit", onsubmit: (event) => event.preventDefault() });
  const answer = html("p", { "aria-live": "polite", class: "answer" });
  const proof = html("p", { class: "remark" });
  const fading = html("div");
  const element = html("section", { class: "panel", id: "what-if" },
    html("h3", {}, "What if it had read something else?"), form, answer, fading, proof,
    reading(manifest.readings.what_if));
  let base = null; // what the page computes without an edit, and of which view
  let found = null;

  const inputsAt = (view, step) => {
    const entry = view.recording.what_if.inputs;
    const width = entry.shape[1];
    const at = (view.sequence.start + step) * width;
    return view.exact(entry).subarray(at, at + width);
  };

  function edit(step, values) {
    const rest = store.get().edits.filter((each) => each.step !== step);
    store.set({ edits: values ? [...rest, { step, values }] : rest });
  }

  function rebuild() {
    const { view } = current();
    const { step, edits } = store.get();
    const { obstacle } = view.recording.what_if;
    element.hidden = !view.T;
    form.hidden = Boolean(obstacle);
    if (obstacle) {
      answer.textContent = "";
      proof.textContent = `Left out: ${obstacle}.`;
      return;
    }
    if (!view.T) return;
    const now = edits.find((each) => each.step === step);
    form.replaceChildren(
      html("span", {}, `At step ${step} read `), ...choices(view, step, now),
      html("button", { type: "button", onclick: () => store.set({ edits: [] }),
        disabled: edits.length === 0 }, "undo all"));
  }

  /** Fields for a few named inputs; for words the input of another step. */
  function choices(view, step, now) {
    const features = view.recording.features;
    const isNumbers = view.recording.named || !view.hasWords;
    if (isNumbers && features && features.length <= MOST_FIELDS) {
      const values = Float64Array.from(now ? now.values : inputsAt(view, step));
      return features.map((word, k) => html("label", {}, html("span", {}, word),
        html("input", { type: "number", step: "any", value: Number(values[k].toPrecision(6)),
          "data-feature": k,
          onchange: (event) => {
            const changed = values.slice();
            changed[k] = Number(event.target.value);
            edit(step, changed);
          } })));
    }
    const first = new Map();
    view.words.forEach((word, t) => {
      if (!first.has(word) && first.size < MOST_WORDS) first.set(word, t);
    });
    const options = [...first].sort(([a], [b]) => (a < b ? -1 : 1));
    const title = view.hasWords ? (word) => visible(word) : (word) => `what step ${word} read`;
    return [html("select", { id: "edit-word", onchange: (event) => {
      const choice = event.target.value;
      if (choice === "") edit(step, null);
      else if (choice === "zero") edit(step, new Float64Array(inputsAt(view, step).length));
      else edit(step, Float64Array.from(inputsAt(view, Number(choice))));
    } },
    html("option", { value: "" }, view.hasWords ? `${visible(view.words[step])}, as it was` : "as it was"),
    html("option", { value: "zero", selected: Boolean(now) && now.values.every((v) => v === 0) },
      "nothing (zeros)"),
    ...options.map(([word, t]) => html("option", { value: t,
      selected: Boolean(now) && now.values.every((v, k) => v === inputsAt(view, t)[k]) }, title(word))))];
  }

  function run() {
    const { view } = current();
    const { edits } = store.get();
    found = null;
    if (view.recording.what_if.obstacle || !view.T) return;
    if (!edits.length) {
      answer.textContent = "";
      fading.replaceChildren();
      proof.textContent = "Choose a step, then what it should read instead: the page computes "
        + "all later steps itself.";
      return;
    }
    const { memory } = view.pass;
    const key = JSON.stringify(view.at);
    if (base?.key !== key) base = { key, values: compute(view, []) };
    const before = base.values[memory];
    const changed = compute(view, edits);
    const after = changed[memory];
    fading.replaceChildren(distances(view, edits, base.values, changed));
    const difference = after.map((value, at) => value - before[at]);
    let most = 0;
    let where = 0;
    difference.forEach((value, at) => {
      if (Math.abs(value) > most) [most, where] = [Math.abs(value), at];
    });
    found = { difference, limit: most || 1, after, before };
    const { unit } = store.get();
    const last = (view.reverse ? 0 : view.T - 1) * view.H + unit;
    answer.textContent = `${memory} of unit ${unit} after the last step: ${number(before[last])} `
      + `becomes ${number(after[last])}. The largest change anywhere is ${short(most)}, in unit `
      + `${where % view.H} at step ${Math.floor(where / view.H)}.`;
    const shown = view.memory();
    const gap = before.reduce((worst, value, at) => Math.max(worst, Math.abs(value - shown[at])), 0);
    proof.textContent = "Without an edit this page's arithmetic agrees with the trace within "
      + `${short(gap)}; the trace's values here are good to ${short(view.precision())}.`;
  }

  store.listen(() => store.set({ edits: [] }), "recording", "sequence");
  store.listen(() => { run(); rebuild(); }, "edits", "unit", "pass", "sequence", "recording");
  store.listen(rebuild, "step");
  run();
  rebuild();
  return {
    element,
    found: () => found,
    source() {
      const { view, order } = current();
      if (!found) return null;
      return {
        rows: view.H, title: `Δ${view.pass.memory}`, note: "what if",
        scale: { kind: "diverging", limit: found.limit, beyond: 0 },
        valueAt: (row, t) => found.difference[t * view.H + order[row]],
      };
    },
  };
}
