// Backpropagation through time for the plain LSTM, GRU and RNN: how much each step's state matters
// to the answer at one step. The equations are the derivatives of those in cell.js.
import { answerOf } from "./model.js";

/**
 * The loss -log p(wanted) at step `at`, and its gradients backwards from there.
 * result is what `run` of model.js gave. Returns {loss, hidden: ((at + 1) * H) dL/dh of each step,
 * memory: likewise dL/dc for an LSTM, dL/dh otherwise}: all that later steps do included.
 */
export function backpropagate(model, result, at, wanted) {
  const { values, hidden: width } = result;
  const read = (name, t) => values[name].subarray(t * width, (t + 1) * width);
  const h = read("h", at);
  const answer = answerOf(model, h);
  const fromHead = new Float64Array(width);
  answer.forEach((p, k) => {
    const error = p - (k === wanted ? 1 : 0);
    for (let u = 0; u < width; u++) fromHead[u] += error * model.head.weight[k * width + u];
  });

  const hidden = new Float64Array((at + 1) * width);
  const memory = new Float64Array((at + 1) * width);
  let dh = fromHead;
  let dc = new Float64Array(width);
  const back = { lstm: backLstm, gru: backGru, rnn: backRnn }[model.cell.name];
  for (let t = at; t >= 0; t--) {
    hidden.set(dh, t * width);
    const made = back(model.params, { read, t, width, dh, dc });
    memory.set(made.memory ?? dh, t * width);
    ({ dh, dc } = made);
  }
  return { loss: -Math.log(answer[wanted]), hidden, memory };
}

/** The norm of each step's row of (T * H). */
export function norms(gradient, width) {
  return Array.from({ length: gradient.length / width }, (_, t) =>
    Math.hypot(...gradient.subarray(t * width, (t + 1) * width)),
  );
}

/** How much of a perturbation of c at each step reaches step `at` along the cell path alone: the
 * norm over units of the product of the forget gates between, over that of no forgetting. */
export function cellPath(result, at) {
  const { values, hidden: width } = result;
  const product = new Float64Array(width).fill(1);
  const shares = [];
  for (let t = at; t >= 0; t--) {
    shares.unshift(Math.hypot(...product) / Math.sqrt(width));
    for (let u = 0; u < width; u++) product[u] *= values.f[t * width + u];
  }
  return shares;
}

function backLstm(params, { read, t, width, dh, dc }) {
  const [i, f, g, o, c] = ["i", "f", "g", "o", "c"].map((name) => read(name, t));
  const before = t > 0 ? read("c", t - 1) : new Float64Array(width);
  const memory = new Float64Array(width);
  const sums = new Float64Array(4 * width);
  const next = new Float64Array(width);
  for (let u = 0; u < width; u++) {
    const shown = Math.tanh(c[u]);
    memory[u] = dc[u] + dh[u] * o[u] * (1 - shown * shown);
    sums[u] = memory[u] * g[u] * i[u] * (1 - i[u]);
    sums[width + u] = memory[u] * before[u] * f[u] * (1 - f[u]);
    sums[2 * width + u] = memory[u] * i[u] * (1 - g[u] * g[u]);
    sums[3 * width + u] = dh[u] * shown * o[u] * (1 - o[u]);
    next[u] = memory[u] * f[u];
  }
  return { memory, dh: transposed(params.weight_hh, sums, width), dc: next };
}

function backGru(params, { read, t, width, dh, dc }) {
  const [r, z, n] = ["r", "z", "n"].map((name) => read(name, t));
  const before = t > 0 ? read("h", t - 1) : new Float64Array(width);
  const sums = new Float64Array(3 * width);
  const direct = new Float64Array(width);
  for (let u = 0; u < width; u++) {
    let inside = params.bias_hh[2 * width + u];
    for (let v = 0; v < width; v++) inside += params.weight_hh[(2 * width + u) * width + v] * before[v];
    const dn = dh[u] * (1 - z[u]) * (1 - n[u] * n[u]);
    sums[u] = dn * inside * r[u] * (1 - r[u]);
    sums[width + u] = dh[u] * (before[u] - n[u]) * z[u] * (1 - z[u]);
    sums[2 * width + u] = dn * r[u];
    direct[u] = dh[u] * z[u];
  }
  const through = transposed(params.weight_hh, sums, width);
  return { dh: through.map((value, u) => value + direct[u]), dc };
}

function backRnn(params, { read, t, width, dh, dc }) {
  const h = read("h", t);
  const sums = dh.map((value, u) => value * (1 - h[u] * h[u]));
  return { dh: transposed(params.weight_hh, sums, width), dc };
}

/** weight (rows, columns), transposed, times `sums`: (columns). */
function transposed(weight, sums, columns) {
  const result = new Float64Array(columns);
  sums.forEach((sum, row) => {
    for (let k = 0; k < columns; k++) result[k] += weight[row * columns + k] * sum;
  });
  return result;
}
