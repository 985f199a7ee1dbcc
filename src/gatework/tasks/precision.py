"""What the operands of products are rounded to in training, where the user left it open."""

from gatework.ops.core import has_bfloat16
from gatework.tasks.settings import Precision


def choose_precision(*, gains: bool) -> Precision:
    """Return bfloat16 where this processor multiplies it faster, for what gains by that.

    Args:
        gains: Whether the training is long and wide enough for it to matter.
    """
    return "bfloat16" if gains and has_bfloat16() else "float32"
