// What a recurrent model did, drawn. The default export follows anywidget's contract: {render}.

import { palette } from "./colours.js";
import { html } from "./dom.js";
import { contextsPanel, doctorPanel, worstPanel } from "./findings.js";
import { makeControls } from "./controls.js";
import { makeDiagram } from "./diagram.js";
import { cardPanel, scatterPanel, survivalPanel } from "./memorypanels.js";
import { makeStack } from "./stack.js";
import { attributionPanel, flowPanel } from "./gradients.js";
import { makeStore, makeMoves } from "./store.js";
import { valuesTable } from "./table.js";
import { makeText } from "./text.js";
import { opener } from "./view.js";
import { orders, sortedBy, telling } from "./units.js";
import { makeWhatIf } from "./whatif.js";
import { unpack } from "./source.js";

/** Draw the trace that `model` holds ("manifest", "packed") into `el`. */
async function render({ model, el }) {
  const manifest = model.get("manifest");
  const open = opener(manifest, await unpack(model.get("packed")));
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const store = makeStore({
    recording: 0, pass: 0, sequence: 0, step: 0, unit: 0, order: "timescale", mode: "",
    span: "one", from: 0, to: 0, tall: false, over: null, pins: [], edits: [], theme: dark.matches ? "dark" : "light",
  });

  let view = open(0, 0, 0);
  let order = [];
  const current = () => ({ view, order });
  let shades = palette(store.get().theme);
  const colours = () => shades;
  const reopen = () => {
    const state = store.get();
    view = open(state.recording, state.pass, state.sequence);
    const chosen = orders(view).some(([key]) => key === state.order) ? state.order : "index";
    order = sortedBy(view, chosen);
    store.set({
      order: chosen, mode: view.pass.memory,
      step: Math.min(state.step, Math.max(view.T - 1, 0)),
      unit: Math.min(state.unit, Math.max(view.H - 1, 0)), from: 0, to: view.T,
    });
  };
  store.listen(reopen, "recording", "pass", "sequence");
  store.listen(() => { order = sortedBy(view, store.get().order); }, "order");
  store.listen(() => {
    shades = palette(store.get().theme);
    document.documentElement.dataset.theme = store.get().theme;
  }, "theme");
  dark.addEventListener("change", () => store.set({ theme: dark.matches ? "dark" : "light" }));

  // Paper is light.
  let screen = store.get().theme;
  window.addEventListener("beforeprint", () => {
    screen = store.get().theme;
    store.set({ theme: "light" });
    store.tell();
  });
  window.addEventListener("afterprint", () => store.set({ theme: screen }));

  order = sortedBy(view, store.get().order);
  const step = view.reverse ? 0 : Math.max(0, view.T - 1);
  store.set({ step, unit: telling(view, step), to: view.T, mode: view.pass.memory });
  const moves = makeMoves(store, current);
  /** Go to a step, of another sequence if need be. */
  const goTo = ({ sequence, step, unit = store.get().unit }) => {
    store.set({ sequence, unit });
    requestAnimationFrame(() => moves.toStep(step));
  };
  const shared = { store, current, moves, colours, manifest, goTo };
  const whatIf = makeWhatIf(shared);
  const stack = makeStack({ ...shared, whatIf });
  const text = makeText(shared);
  const diagram = makeDiagram(shared);
  const empty = html("p", { class: "empty", hidden: view.T > 0 }, "This sequence has no steps.");
  store.listen(() => { empty.hidden = view.T > 0; }, "recording", "sequence");
  el.append(
    makeControls(shared).element,
    empty,
    html("div", { class: "bench" },
      html("div", { class: "over-time" }, text.element, stack.element),
      html("aside", { class: "at-step" },
        diagram.element, valuesTable(shared).element, cardPanel(shared).element,
        whatIf.element)),
    html("div", { class: "panels" },
      ...[contextsPanel, worstPanel, survivalPanel, doctorPanel, scatterPanel, flowPanel,
        attributionPanel]
        .map((make) => make(shared).element)),
  );
  stack.draw();
  text.reveal();
  return { store, current, colours, whatIf };
}

/** Read the page's own data and draw it; `window.gatework` is a handle for scripts. */
export async function start() {
  const read = (id) => document.getElementById(id).textContent;
  const data = { manifest: JSON.parse(read("manifest")), packed: read("packed") };
  const el = document.getElementById("inspector");
  window.gatework = await render({ model: { get: (name) => data[name] }, el });
  requestAnimationFrame(() => requestAnimationFrame(() => { window.__ready = true; }));
}

const widget = { render };
export default widget;
