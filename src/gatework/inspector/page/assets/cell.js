// The recurrent cells of gatework.cells in float64, for pages that compute while you watch.
//
// A cell is a plain object: its name, hidden_size, and the options of the Python cell of that name
// which are away from their defaults: {name: "lstm", hidden_size: 8, peephole: true}.
// Parameters are typed arrays under the cell's own names (weight_ih, weight_hh, bias_ih, ...), row
// after row. T steps, I inputs, H hidden, P width of h (H without a projection), G row blocks.

const SIGMOID = (x) => 1 / (1 + Math.exp(-x));
const ACTIVATIONS = {
  sigmoid: SIGMOID,
  tanh: Math.tanh,
  hard_sigmoid: (x) => Math.min(1, Math.max(0, x / 6 + 0.5)),
  relu: (x) => (x > 0 ? x : 0),
  identity: (x) => x,
};
const NORM_EPSILON = 1e-5; // torch's

/** The row blocks of the weights, in torch's order: i f g o, r z n or n, less those that are off. */
export function gates(cell) {
  if (cell.name === "gru") return ["r", "z", "n"];
  if (cell.name === "rnn") return ["n"];
  if (cell.name !== "lstm") throw new Error(`cell.js knows lstm, gru and rnn, not ${cell.name}.`);
  const off = new Set(["input", "forget", "output"].filter((each) => cell[`${each}_gate`] === false));
  return ["i", "f", "g", "o"].filter(
    (gate) =>
      !(gate === "i" && (off.has("input") || cell.coupled)) &&
      !(gate === "f" && off.has("forget")) &&
      !(gate === "o" && off.has("output")),
  );
}

/** What a step hands to the next: "h" first, then "c" for an LSTM and what its gates read. */
export function states(cell) {
  if (cell.name !== "lstm") return ["h"];
  return ["h", "c", ...(cell.full_recurrence ? switches(cell) : [])];
}

/** {input: I, hidden: H, output: P}. */
export function sizes(cell, params) {
  const rows = gates(cell).length * cell.hidden_size;
  return {
    input: params.weight_ih.length / rows,
    hidden: cell.hidden_size,
    output: params.weight_hh.length / rows,
  };
}

/** The state of all zeros: {h: (P), c: (H), ...}. */
export function zeroState(cell, params) {
  const { hidden, output } = sizes(cell, params);
  return Object.fromEntries(
    states(cell).map((name) => [name, new Float64Array(name === "h" ? output : hidden)]),
  );
}

/**
 * One step. x is (I), state one array for each of `states`.
 * Returns by name every row block after its activation, (H) each, and every new state.
 */
export function step(cell, params, x, state) {
  const hidden = cell.hidden_size;
  const rows = gates(cell).length * hidden;
  const fromX = linear(params.weight_ih, params.bias_ih, x, rows);
  const fromH = linear(params.weight_hh, params.bias_hh, state.h, rows);
  if (cell.name === "gru") return gruStep(cell, params, fromX, fromH, state, hidden);
  if (cell.name === "lstm") return lstmStep(cell, params, fromX, fromH, state, hidden);
  const act = ACTIVATIONS[cell.nonlinearity ?? "tanh"];
  const n = fromX.map((sum, u) => act(sum + fromH[u]));
  return { n, h: n };
}

/**
 * All steps. xs is (T * I); `reverse` reads it from its end; `state` is zero if left out.
 * Returns {steps: T, values: by name (T * size), in the order of time, state: after the last step}.
 */
export function scan(cell, params, xs, { state = null, reverse = false } = {}) {
  const { input } = sizes(cell, params);
  const steps = xs.length / input;
  if (!Number.isInteger(steps)) {
    throw new Error(`the inputs are ${xs.length} numbers; expected a multiple of ${input}.`);
  }
  let now = state ?? zeroState(cell, params);
  const values = {};
  for (let taken = 0; taken < steps; taken++) {
    const t = reverse ? steps - 1 - taken : taken;
    const made = step(cell, params, xs.subarray(t * input, (t + 1) * input), now);
    for (const [name, part] of Object.entries(made)) {
      values[name] ??= new Float64Array(steps * part.length);
      values[name].set(part, t * part.length);
    }
    now = Object.fromEntries(states(cell).map((name) => [name, made[name]]));
  }
  return { steps, values, state: now };
}

/**
 * A stack of layers, each in one or two directions, as torch runs it. passes is a list of
 * {cell, params, layer, reverse, state}, a layer's forward pass before its reverse one.
 * Returns {passes: what `scan` gave for each, hidden: (T * D * P) of the last layer}.
 */
export function scanStack(passes, xs) {
  const results = [];
  let reading = xs;
  let hidden = xs;
  let layer = passes[0].layer;
  let outputs = [];
  for (const each of passes) {
    if (each.layer !== layer) {
      reading = hidden;
      outputs = [];
      layer = each.layer;
    }
    const result = scan(each.cell, each.params, reading, each);
    results.push(result);
    outputs.push(result.values.h ?? new Float64Array(0));
    hidden = beside(outputs, result.steps);
  }
  return { passes: results, hidden };
}

/**
 * What the steps did to the memory m (c, or h for a GRU and an RNN): m' = keep m + write candidate.
 * values are those of `step` or `scan`; all results have the shape of the memory.
 */
export function roles(cell, values) {
  if (cell.name === "gru") {
    return {
      keep: values.z, write: complement(values.z), read: filled(values.z, 1), candidate: values.n,
    };
  }
  if (cell.name === "rnn") {
    const ones = filled(values.n, 1);
    return { keep: filled(values.n, 0), write: ones, read: ones, candidate: values.n };
  }
  const ones = filled(values.g, 1);
  return {
    keep: values.f ?? ones,
    write: cell.coupled ? complement(values.f) : (values.i ?? ones),
    read: values.o ?? ones,
    candidate: values.g,
  };
}

/**
 * The memory ledger: which step wrote what is in the memory after step `target`.
 *   m[T] = sum over t of (keep[t+1] ... keep[T]) write[t] candidate[t] + (keep[1] ... keep[T]) m[0]
 * keep, write and candidate are (T * H) in the order in which the steps were taken; initial is (H).
 * Returns {written: ((target + 1) * H), row t the share of step t; initial: (H), what is left of
 * the initial memory; kept: ((target + 1) * H), how much of row t's memory has stayed since}.
 * The shares add up to the memory exactly, but for a cell with a clip.
 */
export function ledger(keep, write, candidate, initial, target) {
  const width = initial.length;
  const written = new Float64Array((target + 1) * width);
  const kept = new Float64Array((target + 1) * width);
  const product = new Float64Array(width).fill(1);
  for (let t = target; t >= 0; t--) {
    for (let u = 0, at = t * width; u < width; u++, at++) {
      kept[at] = product[u];
      written[at] = product[u] * write[at] * candidate[at];
      product[u] *= keep[at];
    }
  }
  return { written, kept, initial: product.map((stays, u) => stays * initial[u]) };
}

function lstmStep(cell, params, fromX, fromH, state, hidden) {
  const blocks = lstmBlocks(cell, params, fromX, fromH, state, hidden);
  const squash = ACTIVATIONS[cell.gate_activation ?? "sigmoid"];
  const values = { g: blocks.g.map(ACTIVATIONS[cell.candidate_activation ?? "tanh"]) };
  const open = (gate, memory) => {
    const peep = cell.peephole ? params[`weight_c${gate}`] : null;
    values[gate] = blocks[gate].map((sum, u) => squash(peep ? sum + peep[u] * memory[u] : sum));
  };
  for (const gate of ["i", "f"]) if (blocks[gate]) open(gate, state.c);

  const { keep, write } = roles(cell, values);
  let c = values.g.map((offered, u) => keep[u] * state.c[u] + write[u] * offered);
  const limit = cell.cell_clip ?? null;
  if (limit !== null) c = c.map((value) => Math.min(limit, Math.max(-limit, value)));

  if (blocks.o) open("o", c);
  const shown = cell.layer_norm ? layerNorm(params, "norm_c", c) : c;
  const squashCell = ACTIVATIONS[cell.output_activation ?? "tanh"];
  let h = shown.map((value, u) => (values.o ? values.o[u] : 1) * squashCell(value));
  if (cell.projection) h = linear(params.weight_hr, null, h, params.weight_hr.length / hidden);
  return { ...values, h, c };
}

/** The sum that enters each row block's activation, but for the peepholes. */
function lstmBlocks(cell, params, fromX, fromH, state, hidden) {
  if (cell.layer_norm) {
    fromX = layerNorm(params, "norm_ih", fromX);
    fromH = layerNorm(params, "norm_hh", fromH);
  }
  const blocks = {};
  gates(cell).forEach((gate, block) => {
    const from = block * hidden;
    blocks[gate] = fromX.slice(from, from + hidden).map((sum, u) => sum + fromH[from + u]);
  });
  if (cell.full_recurrence) {
    const names = switches(cell);
    const before = Float64Array.from(names.flatMap((name) => [...state[name]]));
    const fromGates = linear(params.weight_gg, null, before, before.length);
    names.forEach((name, block) => {
      blocks[name] = blocks[name].map((sum, u) => sum + fromGates[block * hidden + u]);
    });
  }
  return blocks;
}

function gruStep(cell, params, fromX, fromH, state, hidden) {
  const r = new Float64Array(hidden).map((_, u) => SIGMOID(fromX[u] + fromH[u]));
  const z = r.map((_, u) => SIGMOID(fromX[hidden + u] + fromH[hidden + u]));
  let reset = r.map((open, u) => open * fromH[2 * hidden + u]);
  if (cell.reset_after === false) {
    const from = 2 * hidden;
    const weight = params.weight_hh.subarray(from * hidden);
    const bias = params.bias_hh?.subarray(from);
    reset = linear(weight, bias, r.map((open, u) => open * state.h[u]), hidden);
  }
  const n = r.map((_, u) => Math.tanh(fromX[2 * hidden + u] + reset[u]));
  const h = n.map((fresh, u) => fresh + z[u] * (state.h[u] - fresh));
  return { r, z, n, h };
}

function switches(cell) {
  return gates(cell).filter((gate) => gate !== "g");
}

/** weight (rows, columns) times x, plus bias if there is one: (rows). */
function linear(weight, bias, x, rows) {
  const columns = x.length;
  const sums = new Float64Array(rows);
  for (let row = 0, at = 0; row < rows; row++) {
    let sum = bias ? bias[row] : 0;
    for (let column = 0; column < columns; column++, at++) sum += weight[at] * x[column];
    sums[row] = sum;
  }
  return sums;
}

function layerNorm(params, name, x) {
  const weight = params[`${name}_weight`];
  const bias = params[`${name}_bias`];
  const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
  const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length;
  const scale = 1 / Math.sqrt(variance + NORM_EPSILON);
  return x.map((value, k) => (value - mean) * scale * weight[k] + (bias ? bias[k] : 0));
}

const complement = (values) => values.map((value) => 1 - value);
const filled = (values, number) => new Float64Array(values.length).fill(number);

/** Arrays (T * size) put side by side: (T * sum of sizes). */
function beside(parts, steps) {
  if (parts.length === 1) return parts[0];
  const width = parts.reduce((sum, part) => sum + part.length, 0) / Math.max(steps, 1);
  const whole = new Float64Array(steps * width);
  for (let t = 0; t < steps; t++) {
    let at = t * width;
    for (const part of parts) {
      const size = part.length / steps;
      whole.set(part.subarray(t * size, (t + 1) * size), at);
      at += size;
    }
  }
  return whole;
}
