// The page's data: one stream of bytes, inflated once, and the arrays that the manifest points at.

const NOT_A_NUMBER = 65535;
const INFINITY = 65534;
const MINUS_INFINITY = 65533;

/** Base64 of raw deflate to bytes. */
export async function unpack(packed) {
  const text = atob(packed.trim());
  const squeezed = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) squeezed[at] = text.charCodeAt(at);
  const stream = new Blob([squeezed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const count = (shape) => shape.reduce((product, size) => product * size, 1);

/** An array of a block, in float32; its bytes lie in planes, the first bytes of all numbers first. */
export function floats(bytes, entry) {
  const size = count(entry.shape);
  const whole = new Uint8Array(4 * size);
  for (let plane = 0; plane < 4; plane++) {
    const from = entry.at + plane * size;
    for (let at = 0; at < size; at++) whole[4 * at + plane] = bytes[from + at];
  }
  return new Float32Array(whole.buffer);
}

/** An array of a 16-bit block (N, size), in float64. */
export function decoded(bytes, entry) {
  const size = count(entry.shape);
  const columns = entry.shape[1];
  const low = floats(bytes, entry.low);
  const step = floats(bytes, entry.level);
  const values = new Float64Array(size);
  for (let at = 0, column = 0; at < size; at++) {
    const code = bytes[entry.at + at] | (bytes[entry.at + size + at] << 8);
    values[at] = code < MINUS_INFINITY ? low[column] + code * step[column] : special(code);
    if (++column === columns) column = 0;
  }
  return values;
}

function special(code) {
  if (code === NOT_A_NUMBER) return NaN;
  return code === INFINITY ? Infinity : -Infinity;
}

/** The largest distance of a decoded value from the trace's: half a level of the widest column. */
export function precision(bytes, entry) {
  return floats(bytes, entry.level).reduce((most, step) => Math.max(most, step / 2), 0);
}
