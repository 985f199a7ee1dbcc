// Figure: every gate and memory of the trained LSTM over the tape, the ledger of one unit's memory,
// and what happens to the answers when a gate is taken away.
import { ledger, roles } from "./cell.js";
import { ANSWERS, randomTapes, run, score, targets, withGate } from "./model.js";
import { choice, html, label, number, onArrows, slot, svg, tint } from "./svg.js";
import { editTape, kind } from "./tape.js";

const FIGURE = "figure-gates";
const GROUPS = [
  ["f", "forget gate", "f"], ["i", "input gate", "i"], ["g", "candidate", null],
  ["c", "memory", null], ["o", "output gate", "o"], ["h", "output h", null],
];
const LEFT = 118;
const CELL = 34;
const ROW = 17;
const GAP = 13;
const TOP = 54;
const LEDGER = 96;

const CHANGES = [
  ["none", "as trained", null],
  ["f1", "*f* = 1: never forget", ["f", 1]],
  ["f0", "*f* = 0: keep nothing", ["f", 0]],
  ["i1", "*i* = 1: write everything", ["i", 1]],
  ["i0", "*i* = 0: write nothing", ["i", 0]],
  ["o1", "*o* = 1: always speak", ["o", 1]],
];

export function gatesFigure(trained, store) {
  const width = trained.cell.hidden_size;
  const cursor = { group: 3 };
  let model = trained;
  const picture = svg("svg", {
    class: "heat", tabindex: "0", role: "application", "aria-label":
      "Gates and memory over the tape. Left and right choose a step, up and down a unit; type a symbol to change the step.",
  });
  slot(FIGURE, "heat").append(picture);
  const readout = slot(FIGURE, "readout");
  slot(FIGURE, "changes").append(choice({
    label: "Take a gate away", options: CHANGES.map(([key, text]) => [key, text.replace(/\*/g, "")]),
    value: "none", change: (key) => take(key),
  }));
  const tapes = randomTapes(200, 24);
  const scores = {};

  function take(key) {
    const [, , held] = CHANGES.find((each) => each[0] === key);
    model = held ? withGate(trained, held[0], { held: held[1] }) : trained;
    scores[key] ??= score(model, tapes);
    slot(FIGURE, "score").replaceChildren(
      "Right on 200 tapes drawn here by chance: ",
      html("output", { "data-score": key }, `${(100 * scores[key]).toFixed(1)} %`),
      key === "none" ? "." : ` (as trained ${(100 * (scores.none ??= score(trained, tapes))).toFixed(1)} %).`,
    );
    draw(store.get());
  }

  const rowAt = (group, unit) => TOP + group * (width * ROW + GAP) + unit * ROW;
  const ledgerTop = rowAt(GROUPS.length, 0) + 16;

  function draw({ tape, step, unit }) {
    const result = run(model, tape);
    const total = LEFT + CELL * tape.length;
    const height = ledgerTop + LEDGER + 34;
    picture.setAttribute("viewBox", `0 0 ${total + 6} ${height}`);
    picture.style.maxWidth = `${1.15 * (total + 6)}px`;
    picture.replaceChildren();
    drawTape(tape, result);
    const most = { c: largest(result.values.c, width), h: largest(result.values.h, width) };
    GROUPS.forEach(([name, words, hue], group) => {
      picture.append(svg("text", { x: 0, y: rowAt(group, 0) + 13, class: `group ink-${hue ?? name}` }, words));
      for (let u = 0; u < width; u++) {
        picture.append(svg("text", { x: LEFT - 8, y: rowAt(group, u) + 12.5, class: "tick right" }, `${name}${"₁₂₃₄"[u]}`));
        for (let t = 0; t < tape.length; t++) {
          const value = result.values[name][t * width + u];
          const cell = svg("rect", {
            x: LEFT + t * CELL, y: rowAt(group, u), width: CELL - 1.5, height: ROW - 1.5, rx: 2,
            "data-cell": `${name} ${u} ${t}`, "data-value": String(value),
          });
          picture.append(tint(cell, value, hue, most[name]?.[u] ?? 1));
        }
      }
    });
    picture.append(svg("rect", {
      class: "column", x: LEFT + step * CELL - 2, y: 2, width: CELL + 2.5, height: rowAt(GROUPS.length, 0) - GAP + 2, rx: 5,
    }));
    picture.append(svg("rect", {
      class: "cursor", x: LEFT + step * CELL - 1, y: rowAt(cursor.group, unit) - 1, width: CELL + 0.5, height: ROW + 0.5, rx: 3,
    }));
    drawLedger(result, tape, step, unit);
    const [name, words] = GROUPS[cursor.group];
    const value = result.values[name][step * width + unit];
    readout.textContent = `step ${step + 1} “${tape[step]}” · unit ${unit + 1} · ${words} ${name} = ${number(value, 3)}`;
  }

  function drawTape(tape, result) {
    const wanted = targets(tape);
    [...tape].forEach((symbol, t) => {
      const x = LEFT + t * CELL + CELL / 2 - 0.75;
      picture.append(svg("text", { x, y: 22, class: `symbol ${kind(symbol)}`, "data-cell": `tape 0 ${t}` }, symbol));
      const right = result.said[t] === wanted[t];
      if (symbol !== "?" && right) return;
      picture.append(svg("text", { x, y: 41, class: `said ${right ? "right" : "wrong"}`, "data-said": t },
        `${ANSWERS[result.said[t]]}${right ? "" : "✗"}`));
    });
    picture.append(svg("text", { x: 0, y: 22, class: "group" }, "tape"), svg("text", { x: 0, y: 41, class: "group" }, "it says"));
  }

  /** Who wrote what is in the unit's memory after the step: a bar for each earlier step. */
  function drawLedger(result, tape, step, unit) {
    const { keep, write, candidate } = roles(model.cell, result.values);
    const { written } = ledger(keep, write, candidate, new Float64Array(width), step);
    const shares = Array.from({ length: step + 1 }, (_, t) => written[t * width + unit]);
    const memory = result.values.c[step * width + unit];
    const most = Math.max(0.02, ...shares.map(Math.abs));
    const zero = ledgerTop + 18 + LEDGER / 2;
    const up = (value) => (value / most) * (LEDGER / 2 - 12);
    picture.append(label(`Ledger: who wrote the ${number(memory)} in c${"₁₂₃₄"[unit]} after step ${step + 1}`, { x: LEFT, y: ledgerTop + 6, class: "title" }));
    picture.append(svg("line", { class: "axis", x1: LEFT, x2: LEFT + CELL * tape.length, y1: zero, y2: zero }));
    shares.forEach((share, t) => {
      const high = up(share);
      const x = LEFT + t * CELL;
      const bar = svg("rect", {
        x: x + 4, width: CELL - 9.5, y: Math.min(zero, zero - high), height: Math.max(0.5, Math.abs(high)), rx: 1.5,
        "data-ledger": t, "data-value": String(share),
      });
      picture.append(tint(bar, share < 0 ? -1 : 1));
      if (Math.abs(share) > 0.04 * most) {
        picture.append(svg("text", { x: x + CELL / 2 - 0.75, y: zero - high + (share < 0 ? 13 : -5), class: "tick middle" }, number(share)));
      }
    });
    const sum = shares.reduce((all, share) => all + share, 0);
    slot(FIGURE, "ledger").replaceChildren(...summary(shares, sum, memory, tape, step));
  }

  function summary(shares, sum, memory, tape, step) {
    const total = shares.reduce((all, share) => all + Math.abs(share), 0) || 1;
    const top = shares.reduce((best, share, t) => (Math.abs(share) > Math.abs(shares[best]) ? t : best), 0);
    return [
      `${Math.round((100 * Math.abs(shares[top])) / total)} % of what unit ${store.get().unit + 1} holds after step ${step + 1} was written at step `,
      html("b", { "data-writer": top }, `${top + 1} (“${tape[top]}”)`),
      `. The bars add up to ${number(sum, 4)}; the cell holds ${number(memory, 4)}.`,
    ];
  }

  function moveRow(by) {
    const { unit } = store.get();
    const at = Math.min(GROUPS.length * width - 1, Math.max(0, cursor.group * width + unit + by));
    cursor.group = Math.floor(at / width);
    store.set({ unit: at % width });
  }
  const go = (by) => () => store.set({ step: store.get().step + by });
  onArrows(picture, {
    ArrowLeft: go(-1), ArrowRight: go(1), ArrowUp: () => moveRow(-1), ArrowDown: () => moveRow(1),
    Home: go(-Infinity), End: () => store.set({ step: store.get().tape.length - 1 }),
  });
  picture.addEventListener("keydown", (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.altKey && editTape(store, event.key)) event.preventDefault();
  });
  picture.addEventListener("click", (event) => {
    const [name, unit, t] = (event.target.dataset?.cell ?? "").split(" ");
    if (t === undefined) return;
    if (name !== "tape") cursor.group = GROUPS.findIndex((each) => each[0] === name);
    store.set({ step: Number(t), ...(name === "tape" ? {} : { unit: Number(unit) }) });
  });
  store.listen(draw);
  take("none");
}

/** The largest size of each unit's value. */
function largest(values, width) {
  return Array.from({ length: width }, (_, unit) =>
    values.reduce((most, value, at) => (at % width === unit ? Math.max(most, Math.abs(value)) : most), 0) || 1);
}
