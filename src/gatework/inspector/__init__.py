"""Looking inside: what a model wrote into its memory, when, how long it kept it, why it answered.

It reads models, layers and traces. It must not know any task, nor the command line.
"""

from gatework.inspector.analyses.ablation import ablate, clamp, skip_steps
from gatework.inspector.analyses.agreement import agreement, attributions
from gatework.inspector.analyses.attribution import (
    gradient_times_input,
    integrated_gradients,
    occlusion,
    occlusion_pairs,
)
from gatework.inspector.analyses.comparison import compare
from gatework.inspector.analyses.concepts import unit_correlations, unit_scores
from gatework.inspector.analyses.contexts import expected_response, top_contexts
from gatework.inspector.analyses.doctor import examine
from gatework.inspector.analyses.edits import what_if, with_step
from gatework.inspector.analyses.family import family, twin
from gatework.inspector.analyses.fixed_points import fixed_points
from gatework.inspector.analyses.flow import by_loss_step, gradient_flow
from gatework.inspector.analyses.holdings import holdings, outstanding
from gatework.inspector.analyses.interventions import Clamp
from gatework.inspector.analyses.jacobian import spectrum, step_jacobians
from gatework.inspector.analyses.ledger import ledger
from gatework.inspector.analyses.lyapunov import lyapunov
from gatework.inspector.analyses.patterns import pattern
from gatework.inspector.analyses.probes import probe
from gatework.inspector.analyses.projection import project
from gatework.inspector.analyses.readout import output_weight
from gatework.inspector.analyses.relevance import lrp
from gatework.inspector.analyses.retention import bias_timescales, survival, timescales
from gatework.inspector.analyses.saturation import saturation
from gatework.inspector.analyses.search import similar
from gatework.inspector.analyses.subject import subject
from gatework.inspector.analyses.surprise import surprise
from gatework.inspector.checkpoint import layers_of
from gatework.inspector.inspection import Inspection, Labels
from gatework.inspector.record import Recorder, recording, require_same_model, trace
from gatework.inspector.trace import MemoryRoles, PassTrace, Recording, SequencePass, Trace
from gatework.inspector.words import label

__all__ = [
    "Clamp",
    "Inspection",
    "Labels",
    "MemoryRoles",
    "PassTrace",
    "Recorder",
    "Recording",
    "SequencePass",
    "Trace",
    "ablate",
    "agreement",
    "attributions",
    "bias_timescales",
    "by_loss_step",
    "clamp",
    "compare",
    "examine",
    "expected_response",
    "family",
    "fixed_points",
    "gradient_flow",
    "gradient_times_input",
    "holdings",
    "integrated_gradients",
    "label",
    "layers_of",
    "ledger",
    "lrp",
    "lyapunov",
    "occlusion",
    "occlusion_pairs",
    "output_weight",
    "outstanding",
    "pattern",
    "probe",
    "project",
    "recording",
    "require_same_model",
    "saturation",
    "similar",
    "skip_steps",
    "spectrum",
    "step_jacobians",
    "subject",
    "surprise",
    "survival",
    "timescales",
    "top_contexts",
    "trace",
    "twin",
    "unit_correlations",
    "unit_scores",
    "what_if",
    "with_step",
]
