"""What is known about each unit of a layer, from the analyses, as entries of the manifest."""

from typing import Any

import numpy as np

from gatework.inspector.analyses import retention, saturation
from gatework.inspector.page.blocks import Blocks
from gatework.inspector.trace import PassTrace


def unit_facts(part: PassTrace, blocks: Blocks) -> dict[str, Any]:
    """Timescales, retention and saturation of every unit of a layer and direction."""
    times = retention.timescales(part)
    left = retention.survival(part)
    gates = saturation.saturation(part)
    facts = {
        "timescale": blocks.add(times.timescale),
        "half_life": blocks.add(times.half_life),
        "mean_keep": blocks.add(times.mean_keep),
        "bias_timescale": blocks.add(retention.bias_timescales(part)),
        "survival": {"lags": left.lags.tolist(), "mean": blocks.add(left.mean)},
        "saturation": {
            gate: {"shut": blocks.add(found.shut), "open": blocks.add(found.open)}
            for gate, found in gates.items()
        },
    }
    if gates:
        saturated = np.mean([found.shut + found.open for found in gates.values()], axis=0)
        facts["saturated"] = blocks.add(saturated)
    return facts


READINGS = {
    "retention": retention.READING,
    "saturation": saturation.READING,
}
