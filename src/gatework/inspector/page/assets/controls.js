// Choosers above the panels: layer, sequence, colour, order, zoom, theme.

import { html } from "./dom.js";
import { modes } from "./text.js";
import { orders } from "./units.js";

/** The bar. Returns {element}. */
export function makeControls({ store, current, moves, manifest }) {
  const element = html("div", { class: "controls", role: "toolbar", "aria-label": "View" });

  function select(label, options, chosen, choose) {
    if (options.length < 2) return null;
    const box = html("select", { onchange: () => choose(box.value) },
      ...options.map(([value, words]) =>
        html("option", { value, selected: String(value) === String(chosen) }, words)));
    return html("label", {}, html("span", {}, label), box);
  }

  function button(text, label, act) {
    return html("button", { type: "button", title: label, "aria-label": label, onclick: act }, text);
  }

  function rebuild() {
    const { view } = current();
    const state = store.get();
    const layers = manifest.recordings.flatMap((recording, r) =>
      recording.passes.map((pass, p) => [`${r}.${p}`,
        `${recording.name} ${pass.name.replace("_", " ")}`]));
    const sequences = view.recording.sequences.map((each, k) => [k, `${each.name} (${each.steps})`]);
    const dark = state.theme === "dark";
    element.replaceChildren(...[
      select("Layer", layers, `${state.recording}.${state.pass}`, (value) => {
        const [recording, pass] = value.split(".").map(Number);
        store.set({ recording, pass });
      }),
      select("Sequence", sequences, state.sequence, (value) => store.set({ sequence: Number(value) })),
      select("Units by", orders(view), state.order, (value) => store.set({ order: value })),
      view.hasWords
        ? select("Words by", modes(view), state.mode, (value) => store.set({ mode: value })) : null,
      select("Ledger of", [["one", "the unit"], ["all", "all units"]], state.span,
        (value) => store.set({ span: value })),
      html("span", { class: "buttons" },
        button("−", "Zoom out (-)", () => moves.zoom(1.5)),
        button("+", "Zoom in (+)", () => moves.zoom(1 / 1.5)),
        button(state.pins.includes(state.unit) ? "unpin" : "pin",
          "Keep the unit's line, or let it go (p)", moves.pin),
        button(state.tall ? "⇕ lower" : "⇕ taller", "Height of the heatmaps",
          () => store.set({ tall: !store.get().tall })),
        button(dark ? "☀ light" : "☾ dark", "Light or dark",
          () => store.set({ theme: store.get().theme === "dark" ? "light" : "dark" }))),
    ].filter(Boolean));
  }

  store.listen(rebuild, "recording", "pass", "sequence", "order", "mode", "span", "theme", "tall", "pins");
  rebuild();
  return { element };
}
