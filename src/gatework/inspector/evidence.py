"""What a page shows besides the trace: analyses that run an inspected model again."""

from typing import Final

from gatework.inspector.analyses.agreement import attributions
from gatework.inspector.analyses.attribution import (
    Attribution,
    gradient_times_input,
    integrated_gradients,
)
from gatework.inspector.analyses.family import family
from gatework.inspector.analyses.flow import gradient_flow
from gatework.inspector.analyses.subject import Subject, subject
from gatework.inspector.inspection import Inspection
from gatework.inspector.page.extras import Extras

_MOST_STEPS: Final = 500
_UPDATES: Final = 100  # of each twin: enough to see which of them learns at all


def evidence(inspection: Inspection) -> Extras:
    """Attribute the score to the inputs of the first labelled layer, and follow its gradient.

    The twins are the same model with a fresh RNN, GRU and LSTM in the place of its own layers,
    trained for a moment where the inspection has a lesson.

    Raises:
        InputError: a layer has zoneout, whose gradient cannot be followed.

    Example:
        >>> import torch, gatework
        >>> from gatework.inspector import Labels
        >>> shown = Inspection(
        ...     "a model", gatework.GRU(3, 8), (torch.randn(2, 1, 3),), lambda y: y[0][-1].sum(-1),
        ...     "sum of the last h", (Labels(""),), ("one",),
        ... )
        >>> [each.method for each in evidence(shown).attributions]
        ['gradient x input', 'integrated gradients', 'LRP', 'occlusion', 'ablation']
    """
    path = inspection.labels[0].path
    whole = subject(inspection.model, *inspection.inputs, score=inspection.score, path=path)
    return Extras(
        score_name=inspection.score_name,
        flow=gradient_flow(whole),
        family=family(
            inspection.model,
            *inspection.inputs,
            score=inspection.score,
            lesson=inspection.lesson,
            updates=_UPDATES,
        ),
        attributions=_attributions(whole),
        path=path,
    )


def _attributions(whole: Subject) -> tuple[Attribution, ...]:
    """By every method; past `_MOST_STEPS` without those that run the model once for each step."""
    if int(whole.lengths.max()) > _MOST_STEPS:
        return gradient_times_input(whole), integrated_gradients(whole)
    return attributions(whole).credits
