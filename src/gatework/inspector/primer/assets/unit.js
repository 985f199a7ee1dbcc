// One unit of a cell: its numbers for the drawing, and its equations with those numbers put in.
import { step } from "./cell.js";
import { html, number, rich } from "./svg.js";

const CELLS = {
  lstm: { name: "lstm", hidden_size: 1 },
  peephole: { name: "lstm", hidden_size: 1, peephole: true },
  coupled: { name: "lstm", hidden_size: 1, coupled: true },
  nofg: { name: "lstm", hidden_size: 1, forget_gate: false },
  gru: { name: "gru", hidden_size: 1 },
  rnn: { name: "rnn", hidden_size: 1 },
};
const BLOCKS = {
  lstm: "ifgo", peephole: "ifgo", coupled: "fgo", nofg: "igo", gru: "rzn", rnn: "n",
};

/**
 * One step of a cell of one unit whose sums are given: cell.js with the identity as its weights.
 * sums: what enters each gate, by letter; memory: what the unit held; peep: the peephole weight;
 * recurrent: the weight of the old h in the GRU's candidate. Returns {values, sums} for the drawing.
 */
export function unitStep(variant, { sums, memory, peep = 0, recurrent = 0 }) {
  const cell = CELLS[variant];
  const blocks = [...BLOCKS[variant]];
  const size = blocks.length;
  const eye = new Float64Array(size * size);
  for (let k = 0; k < size; k++) eye[k * size + k] = 1;
  const weight_hh = new Float64Array(size);
  if (variant === "gru" || variant === "rnn") weight_hh[size - 1] = recurrent;
  const params = { weight_ih: eye, weight_hh };
  for (const gate of "ifo") params[`weight_c${gate}`] = Float64Array.of(peep);
  const before = variant === "gru" || variant === "rnn"
    ? { h: Float64Array.of(memory) }
    : { h: Float64Array.of(0), c: Float64Array.of(memory) };
  const made = step(cell, params, Float64Array.from(blocks, (gate) => sums[gate]), before);
  const values = Object.fromEntries(Object.entries(made).map(([name, part]) => [name, part[0]]));
  return complete(variant, values, { sums, memory, peep, recurrent });
}

/** All numbers of the drawing from those of the cell. */
export function complete(variant, values, { sums, memory, peep = 0, recurrent = 0 }) {
  if (variant === "rnn") {
    return { values: { ...values, h_before: memory }, sums: { ...sums, n: sums.n + recurrent * memory } };
  }
  if (variant === "gru") {
    const { r, z, n } = values;
    const reset = r * recurrent * memory;
    const all = { ...values, "1−z": 1 - z, h_before: memory, kept: z * memory, written: (1 - z) * n, reset };
    return { values: all, sums: { ...sums, n: sums.n + reset } };
  }
  const f = values.f ?? 1;
  const i = variant === "coupled" ? 1 - f : values.i;
  const all = {
    ...values, f, i, c_before: memory, kept: f * memory, written: i * values.g,
    shown: Math.tanh(values.c), peep_f: peep * memory, peep_i: peep * memory, peep_o: peep * values.c,
  };
  if (variant !== "peephole") return { values: all, sums };
  return {
    values: all,
    sums: { ...sums, f: sums.f + peep * memory, i: sums.i + peep * memory, o: sums.o + peep * values.c },
  };
}

/** The equations of a variant, a line each: [part of the drawing, symbols, numbers put in, result]. */
function lines(variant, { values: v, sums }) {
  const n = (value) => (value < 0 ? `(${number(value)})` : number(value));
  const squashed = (gate, name) => [gate, `*${gate}* = ${name}(z_{${gate}})`, `${name}(${number(sums[gate])})`, v[gate]];
  if (variant === "rnn") return [["h", "h_{t} = tanh(z + u h_{t−1})", `tanh(${number(sums.n)})`, v.h]];
  if (variant === "gru") {
    return [
      squashed("r", "σ"),
      squashed("z", "σ"),
      ["n", "*n* = tanh(z_{n} + *r*·u h_{t−1})", `tanh(${number(sums.n)})`, v.n],
      ["h", "h_{t} = *z*·h_{t−1} + (1 − *z*)·*n*",
        `${n(v.z)}·${n(v.h_before)} + ${n(v["1−z"])}·${n(v.n)}`, v.h],
    ];
  }
  const gate = (letter) => squashed(letter, "σ");
  const forget = variant === "nofg" ? ["kept", "*f* = 1", "always", 1] : gate("f");
  const input = variant === "coupled" ? ["i", "*i* = 1 − *f*", `1 − ${number(v.f)}`, v.i] : gate("i");
  return [
    forget,
    input,
    squashed("g", "tanh"),
    ["c", "c_{t} = *f*·c_{t−1} + *i*·*g*", `${n(v.f)}·${n(v.c_before)} + ${n(v.i)}·${n(v.g)}`, v.c],
    gate("o"),
    ["h", "h_{t} = *o*·tanh(c_{t})", `${n(v.o)}·${n(v.shown)}`, v.h],
  ];
}

/** Write the equations into `target`. */
export function showEquations(target, variant, shown) {
  target.replaceChildren(...lines(variant, shown).map(([part, symbols, numbers, result]) =>
    html("div", { class: "equation", "data-part": part, tabindex: "0" },
      html("div", { class: "symbols" }, ...letters(symbols)),
      html("div", { class: "numbers" }, `= ${numbers}`),
      html("output", { "data-value": String(result) }, `= ${number(result, 3)}`))));
}

/** Symbols in which *f* is the letter f in the colour of its gate. */
export function letters(text) {
  return text.split(/(\*\w+\*)/).flatMap((part) => {
    if (!part.startsWith("*")) return rich(part);
    const letter = part.slice(1, -1);
    return [html("b", { class: `ink-${letter}` }, letter)];
  });
}
