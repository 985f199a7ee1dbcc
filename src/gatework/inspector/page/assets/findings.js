// What stands out: the contexts of the chosen unit, the doctor's complaints, the worst steps.

import { html, number, readable, reading, short, visible } from "./dom.js";

/** Where the chosen unit is highest and lowest, with the words around. */
export function contextsPanel({ store, current, manifest, goTo }) {
  const place = html("div", { class: "contexts" });
  const heading = html("h3");
  const element = html("section", { class: "panel" }, heading, place,
    reading(manifest.readings.contexts));

  function draw() {
    const { view } = current();
    const { unit } = store.get();
    element.hidden = !view.H;
    if (!view.H) return;
    heading.textContent = `Where unit ${unit} stands highest and lowest`;
    const { places, words, around, letters } = view.pass.units.contexts;
    const [, , count] = places.shape;
    const all = view.exact(places);
    const side = (which) => Array.from({ length: count }, (_, rank) => {
      const at = ((unit * 2 + which) * count + rank) * 3;
      return { sequence: all[at], step: all[at + 1], value: all[at + 2] };
    }).filter((each) => !Number.isNaN(each.value));
    const line = ({ sequence, step, value }) => {
      const here = view.recording.sequences.findIndex((each) => each.index === sequence);
      const [before, word, after] = !view.hasWords ? [] : (words[`${sequence}.${step}`]
        ?? cut(view.recording.sequences[here], step, around, letters ? "" : " "));
      return html("li", {}, html("button", {
        type: "button", class: "context", disabled: here < 0 || view.recording.pool > 1,
        title: `sequence ${sequence}, step ${step}`,
        onclick: () => goTo({ sequence: here, step, unit }),
      },
      html("span", { class: value < 0 ? "value minus" : "value plus" }, short(value)),
      view.hasWords
        ? html("span", { class: "around" }, html("span", { class: "before" }, readable(before)),
          html("b", {}, visible(word)), html("span", {}, readable(after)))
        : html("span", {}, `sequence ${sequence}, step ${step}`)));
    };
    place.replaceChildren(html("ul", {}, ...side(0).map(line)), html("ul", {}, ...side(1).map(line)));
  }

  store.listen(draw, "recording", "pass", "unit", "sequence");
  draw();
  return { element };
}

function cut(sequence, step, around, glue) {
  const { words } = sequence;
  return [words.slice(Math.max(0, step - around), step).join(glue), words[step],
    words.slice(step + 1, step + 1 + around).join(glue)];
}

/** The doctor's complaints of the layer; a click chooses the unit. */
export function doctorPanel({ store, current, manifest }) {
  const place = html("div");
  const element = html("section", { class: "panel" }, html("h3", {}, "The unit doctor"), place,
    reading(manifest.readings.doctor));

  function draw() {
    const { view } = current();
    const { findings } = view.pass.units;
    if (!findings.length) {
      place.replaceChildren(html("p", {}, `${view.H} units, nothing to complain of.`));
      return;
    }
    const kinds = new Map();
    for (const each of findings) kinds.set(each.kind, [...(kinds.get(each.kind) ?? []), each]);
    place.replaceChildren(...[...kinds].map(([kind, found]) => html("div", { class: "complaint" },
      html("p", {}, html("b", {}, `${found.length} ${kind}. `), found[0].advice),
      html("p", { class: "units" }, ...found.slice(0, 60).map((each) => html("button", {
        type: "button", title: `${each.evidence} ${each.meaning}`,
        onclick: () => store.set({ unit: each.unit }),
      }, String(each.unit))), found.length > 60 ? ` and ${found.length - 60} more` : ""))));
  }

  store.listen(draw, "recording", "pass");
  draw();
  return { element };
}

/** The steps of the largest loss; a click goes there. */
export function worstPanel({ store, current, manifest, goTo }) {
  const list = html("ol", { class: "worst" });
  const element = html("section", { class: "panel" }, html("h3", {}, "Where the loss was largest"),
    list, reading(manifest.readings.surprise));

  function draw() {
    const { view } = current();
    const { worst, sequences, pool } = view.recording;
    element.hidden = !worst;
    if (!worst) return;
    list.replaceChildren(...worst.map(({ sequence, step, word, loss }) => {
      const here = sequences.findIndex((each) => each.index === sequence);
      const text = view.hasWords && here >= 0 && pool === 1
        ? cut(sequences[here], step, 16, sequences[here].words.every((w) => w.length <= 1) ? "" : " ")
        : ["", word, ""];
      return html("li", {}, html("button", {
        type: "button", class: "context", disabled: here < 0 || pool > 1,
        title: `sequence ${sequence}, step ${step}`, onclick: () => goTo({ sequence: here, step }),
      }, html("span", { class: "value" }, number(loss, 2)), html("span", { class: "around" },
        html("span", { class: "before" }, readable(text[0])), html("b", {}, visible(text[1])),
        html("span", {}, readable(text[2])))));
    }));
  }

  store.listen(draw, "recording");
  draw();
  return { element };
}
