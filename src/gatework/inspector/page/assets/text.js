// The sequence as text, each word on a colour: of the chosen unit, of its share in the ledger, the loss.

import { colourOf, css, inkOn } from "./colours.js";
import { entries } from "./flow.js";
import { html, number, readable } from "./dom.js";

const MOST_WORDS = 4000;

/** What words can be coloured by, in this view: [key, words]. */
export function modes(view) {
  const parts = view.parts().filter((part) => view.sizeOf(part.name) === view.H);
  const found = parts.map(({ name, what }) => [name, `${name}, ${what}`]);
  found.unshift(["ledger", "ledger of the step"]);
  if (view.recording.loss) found.push(["loss", "loss"]);
  return found;
}

/** The panel. Returns {element, reveal()}. */
export function makeText({ store, current, moves, colours }) {
  const words = html("div", {
    class: "words", tabindex: "0", role: "group", id: "words", "aria-label":
      "The sequence, word by word. Arrow left and right choose a step, up and down a unit.",
    onkeydown: moves.onKey,
  });
  const remark = html("p", { class: "remark" });
  const element = html("div", { class: "text" }, words, remark);
  let spans = [];

  function rebuild() {
    const { view } = current();
    element.hidden = !view.hasWords || !view.T;
    const shown = element.hidden ? [] : view.words.slice(0, MOST_WORDS);
    const letters = shown.every((word) => [...word].length <= 1);
    words.classList.toggle("letters", letters);
    spans = shown.map((word, t) => html("span", { "data-step": t }, readable(word) || "∅"));
    const children = [];
    spans.forEach((span, t) => {
      if (/^\s+$/.test(shown[t])) span.classList.add("blank");
      children.push(span);
      if (shown[t] === "\n") children.push(html("br"));
      else if (!letters) children.push(" ");
    });
    words.replaceChildren(...children);
    remark.textContent = view.words.length > MOST_WORDS
      ? `The first ${MOST_WORDS} of ${view.words.length} words.` : "";
    remark.hidden = !remark.textContent;
    paint();
  }

  function valuesOf(mode) {
    const { view } = current();
    const { step, unit, span } = store.get();
    if (mode === "ledger") {
      const { found } = entries(view, step, unit, span);
      const limit = found.reduce((most, v) => Math.max(most, Math.abs(v) || 0), 0) || 1;
      return { at: (t) => found[t], scale: { kind: "diverging", limit } };
    }
    if (mode === "loss") {
      const losses = view.side("loss");
      const limit = losses.reduce((most, v) => Math.max(most, v || 0), 0) || 1;
      return { at: (t) => losses[t], scale: { kind: "sequential", limit } };
    }
    const values = view.array(mode);
    const scale = { ...view.scale(mode) };
    if (scale.kind === "diverging") {
      // A unit over its own range: many live in a small part of the layer's.
      let limit = 0;
      for (let t = 0; t < view.T; t++) {
        const size = Math.abs(values[t * view.H + unit]);
        if (Number.isFinite(size)) limit = Math.max(limit, size);
      }
      scale.limit = limit || 1;
    }
    return { at: (t) => values[t * view.H + unit], scale };
  }

  function paint() {
    const { view } = current();
    if (!view.hasWords || !view.T) return;
    const { mode, step } = store.get();
    const { at, scale } = valuesOf(mode);
    const shades = colours();
    spans.forEach((span, t) => {
      const rgb = colourOf(shades, at(t), scale);
      span.style.backgroundColor = css(rgb);
      span.style.color = inkOn(rgb);
      span.title = `step ${t}: ${number(at(t))}`;
      span.classList.toggle("chosen", t === step);
    });
    reveal();
  }

  /** Scroll to the chosen word. */
  function reveal() {
    const chosen = spans[store.get().step];
    if (chosen && words.scrollHeight > words.clientHeight) {
      const line = chosen.offsetTop;
      if (line < words.scrollTop || line > words.scrollTop + words.clientHeight - 24) {
        words.scrollTop = line - words.clientHeight / 2;
      }
    }
  }

  words.addEventListener("click", (event) => {
    const step = event.target.dataset?.step;
    if (step !== undefined) moves.toStep(Number(step));
  });
  store.listen(rebuild, "recording", "pass", "sequence");
  store.listen(paint, "mode", "step", "unit", "theme", "span");
  rebuild();
  return { element, reveal };
}
