// Figure: the trained LSTM at one step of the tape, one unit of it in the drawing.
import { gates } from "./cell.js";
import { cellDiagram, linkParts } from "./diagram.js";
import { ANSWERS, encode, run, withGate } from "./model.js";
import { choice, html, number, slider, slot, sub, tint } from "./svg.js";
import { tapeStrip } from "./tape.js";
import { complete, letters, showEquations } from "./unit.js";

const FIGURE = "figure-step";
const NAMES = { f: "forget gate", i: "input gate", g: "candidate", o: "output gate" };

/** What enters each gate of a unit at a step: {gate: {x, h, bias, sum}}. */
export function sumsOf(model, result, tape, t, unit) {
  const width = model.cell.hidden_size;
  const x = encode(tape[t]);
  const h = t > 0 ? result.values.h.subarray((t - 1) * width, t * width) : new Float64Array(width);
  const found = {};
  gates(model.cell).forEach((gate, block) => {
    const row = block * width + unit;
    const fromX = x.reduce((sum, value, k) => sum + value * model.params.weight_ih[row * x.length + k], 0);
    const fromH = h.reduce((sum, value, k) => sum + value * model.params.weight_hh[row * width + k], 0);
    const bias = model.params.bias_ih[row] + model.params.bias_hh[row];
    found[gate] = { x: fromX, h: fromH, bias, sum: fromX + fromH + bias };
  });
  return found;
}

export function stepFigure(trained, store) {
  const figure = document.getElementById(FIGURE);
  const nudges = { f: 0, i: 0, g: 0, o: 0 };
  let model = trained;
  const diagram = cellDiagram(slot(FIGURE, "drawing"), "One unit of the trained LSTM with the value on each edge");
  diagram.build("lstm");
  linkParts(figure);
  tapeStrip(slot(FIGURE, "tape"), store, (tape) => run(model, tape).said);
  const units = [...Array(trained.cell.hidden_size).keys()];
  slot(FIGURE, "units").append(choice({
    label: "unit", options: units.map((unit) => [String(unit), String(unit + 1)]), value: "0",
    change: (unit) => store.set({ unit: Number(unit) }),
  }));
  const sliders = Object.keys(nudges).map((gate) => slider({
    label: NAMES[gate], min: -8, max: 8, step: 0.25, value: 0, hue: gate,
    show: (value) => (value > 0 ? `+${number(value)}` : number(value)),
    change: (value) => { nudges[gate] = value; rebuild(); },
  }));
  const reset = html("button", { type: "button" }, "as trained");
  reset.addEventListener("click", () => {
    for (const gate of Object.keys(nudges)) nudges[gate] = 0;
    for (const each of sliders) each.put(0);
    rebuild();
  });
  slot(FIGURE, "controls").append(...sliders.map((each) => each.element), reset);

  function rebuild() {
    model = Object.entries(nudges).reduce(
      (changed, [gate, shift]) => (shift ? withGate(changed, gate, { shift }) : changed), trained,
    );
    store.set({});
  }

  store.listen(({ tape, step, unit }) => {
    const result = run(model, tape);
    const width = model.cell.hidden_size;
    const at = (name, t) => (t < 0 ? 0 : result.values[name][t * width + unit]);
    const entering = sumsOf(model, result, tape, step, unit);
    const sums = Object.fromEntries(Object.entries(entering).map(([gate, each]) => [gate, each.sum]));
    const values = Object.fromEntries(["i", "f", "g", "o", "c", "h"].map((name) => [name, at(name, step)]));
    const shown = complete("lstm", values, { sums, memory: at("c", step - 1) });
    diagram.show({ ...shown, inputs: ["x", sub("t"), ` is “${tape[step]}”; h`, sub("t−1"), ` has ${width} numbers`] });
    showEquations(slot(FIGURE, "equations"), "lstm", shown);
    showSums(entering, tape[step]);
    showAnswer(result, step);
    for (const input of slot(FIGURE, "units").querySelectorAll("input")) {
      input.checked = Number(input.value) === unit;
    }
  });

  function showSums(entering, symbol) {
    const head = html("tr", {}, ...["", `from x (“${symbol}”)`, "from h", "bias", "sum z"].map((text) =>
      html("th", { scope: "col" }, text)));
    const rows = ["f", "i", "g", "o"].map((gate) => {
      const name = html("th", { scope: "row" });
      name.append(...letters(`*${gate}* ${NAMES[gate]}`));
      const cells = ["x", "h", "bias", "sum"].map((part) => {
        const cell = html("td", { "data-sum": `${gate} ${part}` }, number(entering[gate][part]));
        return tint(cell, entering[gate][part], null, 8);
      });
      return html("tr", { "data-part": gate }, name, ...cells);
    });
    slot(FIGURE, "sums").replaceChildren(html("table", { class: "sums" }, html("thead", {}, head), html("tbody", {}, ...rows)));
  }

  function showAnswer(result, step) {
    const bars = ANSWERS.map((answer, k) => {
      const p = result.probabilities[step * ANSWERS.length + k];
      const bar = html("span", { class: "bar" });
      bar.style.setProperty("--share", `${100 * p}%`);
      return html("div", { class: "answer" }, html("b", {}, answer === "–" ? "silent" : answer), bar,
        html("output", { "data-answer": answer }, `${(100 * p).toFixed(1)} %`));
    });
    slot(FIGURE, "answer").replaceChildren(...bars);
  }
}

