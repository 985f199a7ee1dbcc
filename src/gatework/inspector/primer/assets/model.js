// The tiny models that ship in the page, the tapes they read, and what happens when one is changed.
import { scan, step, zeroState, gates } from "./cell.js";

export const LETTERS = "abc";
export const FEATURES = ["a", "b", "c", "capital", "?"];
export const ANSWERS = ["A", "B", "C", "–"];
const SILENCE = 3;

/** The models of the page's data block: {lstm, gru, rnn}, each {cell, params, head, facts}. */
export function readModels(data) {
  const models = {};
  for (const [name, each] of Object.entries(data.models)) {
    const params = typed(each.params);
    models[name] = { ...each, params, head: typed(each.head) };
  }
  return models;
}

const typed = (record) =>
  Object.fromEntries(Object.entries(record).map(([name, list]) => [name, Float64Array.from(list)]));

/** Only what a tape may hold, at most `most` steps of it. */
export function cleanTape(text, most) {
  return [...text].filter((symbol) => /[abcABC?]/.test(symbol)).slice(0, most).join("");
}

/** One symbol as the five numbers the models read: a b c, capital, `?`. */
export function encode(symbol) {
  const x = new Float64Array(FEATURES.length);
  if (symbol === "?") x[4] = 1;
  else {
    x[LETTERS.indexOf(symbol.toLowerCase())] = 1;
    x[3] = symbol === symbol.toUpperCase() ? 1 : 0;
  }
  return x;
}

/** (T * 5), all steps one after another. */
export function encodeTape(tape) {
  const xs = new Float64Array(tape.length * FEATURES.length);
  [...tape].forEach((symbol, t) => xs.set(encode(symbol), t * FEATURES.length));
  return xs;
}

/** What is right at each step, as an index in ANSWERS. */
export function targets(tape) {
  let held = SILENCE;
  return [...tape].map((symbol) => {
    if (symbol === "?") return held;
    if (symbol === symbol.toUpperCase()) held = LETTERS.indexOf(symbol.toLowerCase());
    return SILENCE;
  });
}

/** Run a model over a tape: {steps, values, hidden: H, probabilities: (T * 4), said: [T]}. */
export function run(model, tape) {
  const { steps, values } = scan(model.cell, model.params, encodeTape(tape));
  const hidden = model.cell.hidden_size;
  const probabilities = new Float64Array(steps * ANSWERS.length);
  const said = [];
  for (let t = 0; t < steps; t++) {
    const answer = answerOf(model, values.h.subarray(t * hidden, (t + 1) * hidden));
    probabilities.set(answer, t * ANSWERS.length);
    said.push(answer.indexOf(Math.max(...answer)));
  }
  return { steps, values, hidden, probabilities, said };
}

/** softmax(V h + v): how sure the model is of A, B, C and silence. */
export function answerOf(model, h) {
  const logits = ANSWERS.map((_, k) => {
    let sum = model.head.bias[k];
    for (let u = 0; u < h.length; u++) sum += model.head.weight[k * h.length + u] * h[u];
    return sum;
  });
  const top = Math.max(...logits);
  const raised = logits.map((value) => Math.exp(value - top));
  const total = raised.reduce((sum, value) => sum + value, 0);
  return raised.map((value) => value / total);
}

/**
 * The model with one gate changed in all units, by its bias alone: `shift` is added to it, or
 * `held` (0 or 1) fixes the gate: its weights are zero and its bias is so large that the sigmoid is 1, or 0.
 */
export function withGate(model, gate, { shift = 0, held = null }) {
  const { cell, params } = model;
  const block = gates(cell).indexOf(gate);
  const hidden = cell.hidden_size;
  const changed = { ...params, bias_ih: params.bias_ih.slice() };
  const from = block * hidden;
  for (let row = from; row < from + hidden; row++) changed.bias_ih[row] += shift;
  if (held !== null) {
    changed.weight_ih = zeroRows(params.weight_ih, from, hidden, FEATURES.length);
    changed.weight_hh = zeroRows(params.weight_hh, from, hidden, hidden);
    changed.bias_hh = zeroRows(params.bias_hh, from, hidden, 1);
    changed.bias_ih.fill(held ? 40 : -40, from, from + hidden);
  }
  return { ...model, params: changed };
}

function zeroRows(weight, from, rows, columns) {
  return weight.slice().fill(0, from * columns, (from + rows) * columns);
}

/** Random tapes that end with `?`, the same ones for the same seed. */
export function randomTapes(count, steps, { capitals = 0.1, asks = 0.15, seed = 1 } = {}) {
  const chance = random(seed);
  return Array.from({ length: count }, () => {
    let tape = "";
    for (let t = 0; t < steps; t++) {
      const letter = LETTERS[Math.floor(3 * chance())];
      const kind = chance();
      if (t === steps - 1 || kind > 1 - asks) tape += "?";
      else tape += kind < capitals ? letter.toUpperCase() : letter;
    }
    return tape;
  });
}

/** The share of the questions that a model answers rightly. */
export function score(model, tapes) {
  let right = 0;
  let asked = 0;
  for (const tape of tapes) {
    const wanted = targets(tape);
    let state = zeroState(model.cell, model.params);
    [...tape].forEach((symbol, t) => {
      state = step(model.cell, model.params, encode(symbol), state);
      if (symbol !== "?") return;
      const answer = answerOf(model, state.h);
      asked += 1;
      right += answer.indexOf(Math.max(...answer)) === wanted[t] ? 1 : 0;
    });
  }
  return right / asked;
}

/** Mulberry32: small, and enough for drawing tapes. */
export function random(seed) {
  let now = seed >>> 0;
  return () => {
    now = (now + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(now ^ (now >>> 15), now | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
