// Colours of values: a diverging scale about zero for what has a sign, a sequential one for gates.
// Both change steadily in lightness, so that they read in grey and with any kind of colour vision.

const STOPS = {
  light: {
    diverging: ["#053a5f", "#0f72b5", "#8fc1e3", "#fbfaf8", "#f3b184", "#cf5a0e", "#6e2a02"],
    sequential: ["#fbfaf8", "#d3e6dd", "#8fc4b2", "#45957f", "#17604f", "#062f28"],
    nan: "#cc79a7",
  },
  dark: {
    diverging: ["#b9e1fb", "#4aa6e6", "#1b4d76", "#171a1f", "#77400f", "#e08a2c", "#ffdfae"],
    sequential: ["#171a1f", "#173e38", "#1d6b5d", "#36a088", "#8ad6b6", "#effcef"],
    nan: "#cc79a7",
  },
};
export const LEVELS = 255; // odd, so that zero has a colour of its own

const parse = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
const toLinear = (part) => {
  const share = part / 255;
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
};
const toByte = (light) => {
  const share = light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055;
  return Math.round(255 * Math.min(1, Math.max(0, share)));
};

/** sRGB bytes to OKLab (Ottosson 2020), in which a mixture looks half-way. */
function toLab(rgb) {
  const [r, g, b] = rgb.map(toLinear);
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function fromLab([light, a, b]) {
  const l = (light + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (light - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (light - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map(toByte);
}

/** LEVELS colours along the stops, as [r, g, b]. */
function ramp(stops) {
  const labs = stops.map((hex) => toLab(parse(hex)));
  return Array.from({ length: LEVELS }, (_, k) => {
    const place = (k / (LEVELS - 1)) * (labs.length - 1);
    const at = Math.min(Math.floor(place), labs.length - 2);
    return fromLab(labs[at].map((part, c) => part + (place - at) * (labs[at + 1][c] - part)));
  });
}

/** The colours of a theme: {diverging, sequential: [[r, g, b], ...], nan: [r, g, b]}. */
export function palette(theme) {
  const stops = STOPS[theme];
  return {
    diverging: ramp(stops.diverging),
    sequential: ramp(stops.sequential),
    nan: parse(stops.nan),
  };
}

/** Which of LEVELS a value has on a scale {kind, limit}: 0..limit, or -limit..limit; -1 for NaN. */
export function level(value, { kind, limit }) {
  if (Number.isNaN(value)) return -1;
  const share = kind === "sequential" ? value / limit : (value / limit + 1) / 2;
  return Math.round((LEVELS - 1) * Math.min(1, Math.max(0, share)));
}

/** The colour [r, g, b] of a value. */
export function colourOf(colours, value, scale) {
  const at = level(value, scale);
  return at < 0 ? colours.nan : colours[scale.kind][at];
}

export const css = ([r, g, b]) => `rgb(${r}, ${g}, ${b})`;

/** Ink that can be read on a colour. */
export function inkOn([r, g, b]) {
  const light = 0.2126 * toLinear(r) + 0.7152 * toLinear(g) + 0.0722 * toLinear(b);
  return light > 0.2 ? "#14171b" : "#fbfaf8";
}
