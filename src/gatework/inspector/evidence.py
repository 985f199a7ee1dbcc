"""What a page shows besides the trace: analyses that run an inspected model again."""

from typing import Final

from gatework.inspector.analyses.attribution import (
    gradient_times_input,
    integrated_gradients,
    occlusion,
)
from gatework.inspector.analyses.family import family
from gatework.inspector.analyses.flow import gradient_flow
from gatework.inspector.analyses.subject import subject
from gatework.inspector.inspection import Inspection
from gatework.inspector.page.extras import Extras

_POINTS: Final = 16  # of the integral: the completeness error stands on the page


def evidence(inspection: Inspection) -> Extras:
    """Attribute the score to the inputs of the first labelled layer, and follow its gradient.

    The twins are the same model with a fresh RNN, GRU and LSTM in the place of its own layers.

    Example:
        >>> import torch, gatework
        >>> from gatework.inspector import Labels
        >>> shown = Inspection(
        ...     "a model", gatework.GRU(3, 8), (torch.randn(2, 1, 3),), lambda y: y[0][-1].sum(-1),
        ...     "sum of the last h", (Labels(""),), ("one",),
        ... )
        >>> [each.method for each in evidence(shown).attributions]
        ['gradient x input', 'integrated gradients', 'occlusion']
    """
    path = inspection.labels[0].path
    whole = subject(inspection.model, *inspection.inputs, score=inspection.score, path=path)
    return Extras(
        score_name=inspection.score_name,
        flow=gradient_flow(whole),
        family=family(inspection.model, *inspection.inputs, score=inspection.score),
        attributions=(
            gradient_times_input(whole),
            integrated_gradients(whole, points=_POINTS),
            occlusion(whole),
        ),
        path=path,
    )
