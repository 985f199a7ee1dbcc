// cell.js against the numbers of the Python cells: test_cell_js.py writes them to the file named
// by GATEWORK_CELL_CASES and runs this with `node --test`.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

// A data URL, because node takes a .js file outside a package for CommonJS.
const source = readFileSync(process.env.GATEWORK_CELL_JS);
const cellJs = await import(`data:text/javascript;base64,${source.toString("base64")}`);
const { cases } = JSON.parse(readFileSync(process.env.GATEWORK_CELL_CASES, "utf8"));

// Both sides are float64; sums are taken in another order.
const TOLERANCE = 1e-12;

function close(ours, theirs, what) {
  assert.equal(ours.length, theirs.length, `${what}: length`);
  for (let k = 0; k < theirs.length; k++) {
    const error = Math.abs(ours[k] - theirs[k]);
    const bound = TOLERANCE * Math.max(1, Math.abs(theirs[k]));
    assert.ok(error <= bound, `${what}[${k}] is ${ours[k]}; Python has ${theirs[k]}`);
  }
}

const arrays = (record) =>
  Object.fromEntries(Object.entries(record).map(([name, list]) => [name, Float64Array.from(list)]));

const passesOf = (each) =>
  each.passes.map((one) => ({ ...one, params: arrays(one.params), state: arrays(one.state) }));

test("there are cases", () => assert.ok(cases.length > 20));

for (const each of cases) {
  test(`values: ${each.name}`, () => {
    const { passes, hidden } = cellJs.scanStack(passesOf(each), Float64Array.from(each.inputs));
    each.passes.forEach((one, number) => {
      const made = passes[number].values;
      if (passes[number].steps > 0) {
        assert.deepEqual(Object.keys(made).sort(), Object.keys(one.values).sort());
      }
      for (const [name, expected] of Object.entries(one.values)) {
        close(made[name] ?? [], expected, `pass ${number} ${name}`);
      }
    });
    close(hidden, each.hidden, "hidden");
  });

  test(`roles: ${each.name}`, () => {
    for (const one of each.passes) {
      const made = cellJs.roles(one.cell, arrays(one.values));
      for (const name of ["keep", "write", "read", "candidate"]) {
        close(made[name], one.roles[name], name);
      }
    }
  });

  test(`ledger: ${each.name}`, () => {
    for (const one of each.passes) {
      const { keep, write, candidate, initial, memory } = arrays(one.ledger);
      const width = initial.length;
      for (let target = 0; target < memory.length / width; target++) {
        const found = cellJs.ledger(keep, write, candidate, initial, target);
        const sums = found.initial.map((left, u) => {
          let sum = left;
          for (let t = 0; t <= target; t++) sum += found.written[t * width + u];
          return sum;
        });
        close(sums, memory.slice(target * width, (target + 1) * width), `step ${target}`);
      }
    }
  });
}

test("the ledger names the step that wrote", () => {
  const [keep, write, candidate] = [[0.5, 0.5, 0.25], [1, 0.5, 0], [8, 4, 100]];
  const found = cellJs.ledger(keep, write, candidate, [16], 2);
  assert.deepEqual([...found.kept], [0.125, 0.25, 1]);
  assert.deepEqual([...found.written], [1, 0.5, 0]);
  assert.deepEqual([...found.initial], [1]);
});

test("a scan in two parts is the scan", () => {
  const one = passesOf(cases.find((each) => each.name === "lstm peephole"))[0];
  const xs = Float64Array.from(cases.find((each) => each.name === "lstm peephole").inputs);
  const { input } = cellJs.sizes(one.cell, one.params);
  const whole = cellJs.scan(one.cell, one.params, xs, { state: one.state });
  const first = cellJs.scan(one.cell, one.params, xs.subarray(0, 2 * input), { state: one.state });
  const second = cellJs.scan(one.cell, one.params, xs.subarray(2 * input), { state: first.state });
  close(second.state.h, whole.state.h, "h");
  close(second.state.c, whole.state.c, "c");
});

test("float32 weights and inputs still make float64 sums", () => {
  const cell = { name: "lstm", hidden_size: 1 };
  const f32 = (list) => Float32Array.from(list);
  const params = { weight_ih: f32([1, 1, 1, 1]), weight_hh: f32([1, 1, 1, 1]) };
  const made = cellJs.step(cell, params, f32([1]), { h: f32([0]), c: f32([1]) });
  const open = 1 / (1 + Math.exp(-1));
  assert.equal(made.c[0], open + open * Math.tanh(1));
});

test("an unknown cell and ragged inputs are refused", () => {
  assert.throws(() => cellJs.gates({ name: "slstm" }), /slstm/);
  const params = { weight_ih: new Float64Array(2), weight_hh: new Float64Array(1) };
  const cell = { name: "rnn", hidden_size: 1 };
  assert.throws(() => cellJs.scan(cell, params, new Float64Array(3)), /multiple of 2/);
});
