// The tape that the reader edits, the step and the unit that are looked at, and the strip that shows them.
import { html, onArrows } from "./svg.js";
import { ANSWERS, cleanTape, targets } from "./model.js";

const MOST_STEPS = 24;
const START = "cBaccb?caAbcb?c?";

/** One value that several figures share; `listen` is called at once and after each change. */
export function makeStore() {
  const state = { tape: START, step: 6, unit: 0 };
  const listeners = [];
  return {
    get: () => state,
    set(change) {
      Object.assign(state, change);
      if (state.tape === "") state.tape = "?";
      state.step = Math.min(Math.max(0, state.step), state.tape.length - 1);
      for (const each of listeners) each(state);
    },
    listen(each) {
      listeners.push(each);
      each(state);
    },
  };
}

/** Put, take out or change a symbol; false where the key is none of the tape's. */
export function editTape(store, key) {
  const { tape, step } = store.get();
  const put = (before, middle, after, at) =>
    store.set({ tape: cleanTape(before + middle + after, MOST_STEPS), step: at });
  if (/^[abcABC?]$/.test(key)) put(tape.slice(0, step), key, tape.slice(step + 1), step + 1);
  else if (key === "Insert" || key === "+") put(tape.slice(0, step + 1), "a", tape.slice(step + 1), step + 1);
  else if (key === "Delete") put(tape.slice(0, step), "", tape.slice(step + 1), step);
  else if (key === "Backspace") put(tape.slice(0, step), "", tape.slice(step + 1), step - 1);
  else return false;
  return true;
}

/** The keys of whatever moves along the tape. */
export function tapeKeys(element, store) {
  const go = (by) => () => store.set({ step: store.get().step + by });
  onArrows(element, {
    ArrowLeft: go(-1),
    ArrowRight: go(1),
    Home: go(-Infinity),
    End: () => store.set({ step: store.get().tape.length - 1 }),
  });
  element.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (editTape(store, event.key)) event.preventDefault();
  });
}

/**
 * The strip: each symbol of the tape, and below it what the model says.
 * `said` gives for a tape the model's answers, as indices in ANSWERS.
 */
export function tapeStrip(target, store, said) {
  const cells = html("div", {
    class: "strip", tabindex: "0", role: "slider", "aria-label":
      "The tape. Arrow keys choose a step; type a, b, c, A, B, C or ? to change it, + to insert, Delete to remove.",
  });
  target.append(cells, palette(store, cells));
  tapeKeys(cells, store);
  cells.addEventListener("click", (event) => {
    const step = event.target.closest("[data-step]")?.dataset.step;
    if (step !== undefined) store.set({ step: Number(step) });
  });
  store.listen(({ tape, step }) => {
    const wanted = targets(tape);
    const answers = said(tape);
    cells.replaceChildren(...[...tape].map((symbol, t) => {
      const answer = ANSWERS[answers[t]];
      const verdict = answers[t] === wanted[t] ? "right" : "wrong";
      const asked = symbol === "?";
      return html("span", { class: `step ${kind(symbol)}${t === step ? " chosen" : ""}`, "data-step": t },
        html("b", {}, symbol),
        html("i", { class: asked || verdict === "wrong" ? verdict : "" },
          asked || verdict === "wrong" ? `${answer}${verdict === "right" ? "" : " ✗"}` : "·"));
    }));
    const words = `step ${step + 1} of ${tape.length}: ${tape[step]}, the model says ${ANSWERS[answers[step]]}`;
    cells.setAttribute("aria-valuemin", 1);
    cells.setAttribute("aria-valuemax", tape.length);
    cells.setAttribute("aria-valuenow", step + 1);
    cells.setAttribute("aria-valuetext", words);
  });
  return cells;
}

/** noise, capital or ask: how a symbol is drawn. */
export function kind(symbol) {
  if (symbol === "?") return "ask";
  return symbol === symbol.toUpperCase() ? "capital" : "noise";
}

const KEYS = [
  ["a", "a"], ["b", "b"], ["c", "c"], ["A", "A"], ["B", "B"], ["C", "C"], ["?", "?"],
  ["+", "insert"], ["Delete", "remove"],
];

function palette(store, strip) {
  const move = (by, text, words) => {
    const button = html("button", { type: "button", "aria-label": words }, text);
    button.addEventListener("click", () => store.set({ step: store.get().step + by }));
    return button;
  };
  const box = html("div", { class: "palette", role: "group", "aria-label": "Choose and change a step" },
    move(-1, "◀", "one step back"), move(1, "▶", "one step on"));
  for (const [key, text] of KEYS) {
    const button = html("button", { type: "button" }, text);
    button.addEventListener("click", () => {
      editTape(store, key);
      strip.scrollIntoView({ block: "nearest" });
    });
    box.append(button);
  }
  const again = html("button", { type: "button" }, "start again");
  again.addEventListener("click", () => store.set({ tape: START, step: 6 }));
  box.append(again);
  return box;
}
