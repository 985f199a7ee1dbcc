// What the reader has chosen, in one place; panels listen and draw themselves anew.

import { oncePerFrame } from "./dom.js";

/** A store: get(), set(changes), listen(panel). Panels are told once a frame which keys changed. */
export function makeStore(initial) {
  let state = { ...initial };
  const listeners = [];
  let changed = new Set();
  const tell = () => {
    const keys = changed;
    changed = new Set();
    for (const listener of listeners) listener(keys);
  };
  const flush = oncePerFrame(tell);
  return {
    get: () => state,
    /** Tell the panels now, not at the next frame. */
    tell,
    set(changes) {
      const moved = Object.keys(changes).filter((key) => state[key] !== changes[key]);
      if (!moved.length) return;
      state = { ...state, ...changes };
      moved.forEach((key) => changed.add(key));
      flush();
    },
    /** `listener(keys)` runs when one of `keys` changed; without keys, on every change. */
    listen(listener, ...keys) {
      listeners.push((moved) => {
        if (!keys.length || keys.some((key) => moved.has(key))) listener(moved);
      });
    },
  };
}

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** Moves of the cursor and of the window, as keys and clicks make them. */
export function makeMoves(store, current) {
  const rowOf = (unit) => current().order.indexOf(unit);
  const toStep = (step) => {
    const { view } = current();
    if (!view.T) return;
    const target = clamp(step, 0, view.T - 1);
    const { from, to } = store.get();
    const span = to - from;
    const start = target < from ? target : target >= to ? target - span + 1 : from;
    store.set({ step: target, from: start, to: start + span });
  };
  const toRow = (row) => {
    const { order } = current();
    if (order.length) store.set({ unit: order[clamp(row, 0, order.length - 1)] });
  };
  const zoom = (factor) => {
    const { view } = current();
    const { step, from, to } = store.get();
    const span = clamp(Math.round((to - from) * factor), Math.min(view.T, 8), view.T);
    const share = to > from ? (step - from) / (to - from) : 0.5;
    const start = clamp(Math.round(step - share * span), 0, view.T - span);
    store.set({ from: start, to: start + span });
  };
  const pin = () => {
    const { unit, pins } = store.get();
    store.set({ pins: pins.includes(unit) ? pins.filter((u) => u !== unit) : [...pins, unit] });
  };
  const keys = {
    ArrowLeft: () => toStep(store.get().step - 1),
    ArrowRight: () => toStep(store.get().step + 1),
    PageUp: () => toStep(store.get().step - 10),
    PageDown: () => toStep(store.get().step + 10),
    Home: () => toStep(0),
    End: () => toStep(current().view.T - 1),
    ArrowUp: () => toRow(rowOf(store.get().unit) - 1),
    ArrowDown: () => toRow(rowOf(store.get().unit) + 1),
    "+": () => zoom(1 / 1.5),
    "=": () => zoom(1 / 1.5),
    "-": () => zoom(1.5),
    "0": () => store.set({ from: 0, to: current().view.T }),
    p: pin,
  };
  return {
    toStep,
    zoom,
    pin,
    /** For keydown: does what the key means here. */
    onKey(event) {
      if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
      event.preventDefault();
      keys[event.key]();
    },
  };
}
