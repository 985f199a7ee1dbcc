// The page: read the data, then build each figure in its place.
import { biasFigure } from "./bias.js";
import { gatesFigure } from "./gates.js";
import { handFigure } from "./byhand.js";
import { hero } from "./hero.js";
import { readModels } from "./model.js";
import { notationFigure } from "./notation.js";
import { stepFigure } from "./stepper.js";
import { makeStore } from "./tape.js";
import { unrolledFigure } from "./unrolled.js";
import { vanishFigure } from "./vanish.js";
import { variantsFigure } from "./variants.js";

const data = JSON.parse(document.getElementById("data").textContent);
const models = readModels(data);
const store = makeStore();

hero(models.lstm);
vanishFigure();
handFigure();
stepFigure(models.lstm, store);
gatesFigure(models.lstm, store);
notationFigure(models.lstm, store);
unrolledFigure(models);
variantsFigure();
biasFigure(data.forget_bias);
window.__ready = true;
