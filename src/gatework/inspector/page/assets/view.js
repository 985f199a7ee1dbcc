// One sequence in one layer and direction: every array (T * size), row t the step t in time.

import { decoded, floats, precision } from "./source.js";
import { ledger } from "./cell.js";

const ROLE_WORDS = { keep: "keep", write: "write", read: "read" };

/** A function that opens views of a page's data; arrays are decoded once, when first seen. */
export function opener(manifest, bytes) {
  const cache = new Map();
  const cached = (entry, decode) => {
    if (!cache.has(entry.at)) cache.set(entry.at, decode(bytes, entry));
    return cache.get(entry.at);
  };
  const coded = (entry) => cached(entry, entry.kind === "f32" ? floats : decoded);
  const exact = (entry) => cached(entry, floats);
  const known = new Map();
  const once = (key, make) => {
    if (!known.has(key)) known.set(key, make());
    return known.get(key);
  };
  return (recording, pass, sequence) =>
    openView({ manifest, bytes, coded, exact, once }, recording, pass, sequence);
}

function openView({ manifest, bytes, coded, exact, once }, recordingAt, passAt, sequenceAt) {
  const recording = manifest.recordings[recordingAt];
  const pass = recording.passes[passAt];
  const sequence = recording.sequences[sequenceAt] ?? {
    index: 0, name: "", start: 0, count: 0, steps: 0, words: [],
  };
  const { start, count } = sequence;
  const width = (entry) => (entry.kind === "shown" ? pass.hidden_size : (entry.shape[1] ?? 1));
  /** All rows of an array; h need not be carried where it is read * tanh(memory). */
  const whole = (entry) => {
    if (entry.kind !== "shown") return coded(entry);
    const read = whole(entryOf(entry.read));
    const memory = whole(entryOf(entry.memory));
    return once(`h ${recordingAt}.${passAt}`, () => read.map((open, at) => open * Math.tanh(memory[at])));
  };
  const rows = (entry) => whole(entry).subarray(start * width(entry), (start + count) * width(entry));
  const entryOf = (name) => pass.values[pass.same[name] ?? name];
  const values = {};
  const view = {
    recording, pass, sequence,
    at: { recording: recordingAt, pass: passAt, sequence: sequenceAt },
    T: count,
    H: pass.hidden_size,
    words: sequence.words,
    hasWords: recording.words,
    reverse: pass.reverse,
    names: Object.keys(pass.values),
    sizeOf: (name) => width(entryOf(name)),
    array: (name) => (values[name] ??= rows(entryOf(name))),
    whole: (name) => whole(entryOf(name)),
    side: (name) => (recording[name] ? rows(recording[name]) : null),
    sideWidth: (name) => (recording[name] ? width(recording[name]) : 0),
    exact,
    initial: (name) => {
      const entry = pass.initial[name];
      const size = entry.shape[1];
      return exact(entry).subarray(sequenceAt * size, (sequenceAt + 1) * size);
    },
    precision: () =>
      Math.max(0, ...Object.values(pass.values).map((entry) => (entry.kind === "shown"
        ? precision(bytes, entryOf(entry.read)) + precision(bytes, entryOf(entry.memory))
        : precision(bytes, entry)))),
  };
  const role = (name) => {
    const how = pass.roles[name];
    const constant = (value) => new Float64Array(view.T * view.H).fill(value);
    if (how.number !== undefined) return constant(how.number);
    if (how.block) return rows(how.block);
    return how.rest ? view.array(how.gate).map((value) => 1 - value) : view.array(how.gate);
  };
  const roles = {};
  view.role = (name) => (roles[name] ??= role(name));
  view.memory = () => view.array(pass.memory);
  view.candidate = () => view.array(pass.candidate);
  view.before = (t, unit) => {
    const previous = view.reverse ? t + 1 : t - 1;
    if (previous < 0 || previous >= view.T) return view.initial(pass.memory)[unit];
    return view.memory()[previous * view.H + unit];
  };
  const kept = () => (pass.kept ? rows(pass.kept) : view.role("keep"));
  const ordered = (array) => (view.reverse ? flipped(array, view.H) : array);
  let scanned = null;
  view.ledgerAt = (t) => {
    scanned ??= {
      keep: ordered(kept()),
      write: pass.written ? ordered(kept()).map(() => 1) : ordered(view.role("write")),
      candidate: ordered(pass.written ? rows(pass.written) : view.candidate()),
    };
    const target = view.reverse ? view.T - 1 - t : t;
    const { keep, write, candidate } = scanned;
    return ledger(keep, write, candidate, view.initial(pass.memory), target);
  };
  /** The step in time of row k of a ledger. */
  view.timeOf = (k) => (view.reverse ? view.T - 1 - k : k);
  view.parts = () => once(`parts ${recordingAt}.${passAt}`, () => parts(view));
  view.scale = (name) => once(`scale ${recordingAt}.${passAt}.${name}`, () => scaleOf(view, name));
  return view;
}

/** The arrays in the order in which they are shown, each with what it does. */
function parts(view) {
  const { pass } = view;
  const job = new Map([[pass.memory, "memory"]]);
  if (!pass.same.h && pass.memory !== "h") job.set("h", "shown");
  for (const role of ["keep", "write", "read"]) {
    const how = pass.roles[role];
    if (how.gate && !job.has(how.gate)) job.set(how.gate, ROLE_WORDS[role]);
  }
  if (!pass.same[pass.candidate] && !job.has(pass.candidate)) job.set(pass.candidate, "candidate");
  for (const name of view.names) if (!job.has(name)) job.set(name, "gate");
  const last = ["shown"];
  const entries = [...job].filter(([name]) => pass.values[name]);
  return [
    ...entries.filter(([, what]) => !last.includes(what)),
    ...entries.filter(([, what]) => last.includes(what)),
  ].map(([name, what]) => ({ name, what, signed: isSigned(view, name) }));
}

function isSigned(view, name) {
  const { pass } = view;
  const gate = pass.gates.includes(name) && name !== pass.candidate;
  return !gate || view.whole(name).some((value) => value < 0);
}

/**
 * Gates from 0 to 1 (or their largest), the rest symmetric about zero; one scale for all sequences.
 * Where a few values are far larger than the rest, the scale ends before them and says so.
 */
function scaleOf(view, name) {
  const sizes = view.whole(name).filter(Number.isFinite).map(Math.abs).sort();
  const largest = sizes.length ? sizes[sizes.length - 1] : 0;
  if (!isSigned(view, name)) return { kind: "sequential", limit: Math.max(1, largest), beyond: 0 };
  const most = sizes.length ? sizes[Math.floor(0.98 * (sizes.length - 1))] : 0;
  if (most > 0 && largest > 2 * most) return { kind: "diverging", limit: most, beyond: 0.02 };
  return { kind: "diverging", limit: largest || 1, beyond: 0 };
}

/** Rows in the opposite order. */
export function flipped(array, width) {
  const result = new Float64Array(array.length);
  const steps = width ? array.length / width : 0;
  for (let t = 0; t < steps; t++) {
    result.set(array.subarray(t * width, (t + 1) * width), (steps - 1 - t) * width);
  }
  return result;
}
