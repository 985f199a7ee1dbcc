"""What torch's own function transforms need: operators that are all torch's own."""

import torch
from torch.autograd import forward_ad


def refusal(operators: str) -> str | None:
    """Say why `operators` cannot run now, if a transform is active that does not know them."""
    # Neither has a public name in torch 2.13.
    if torch._C._are_functorch_transforms_active():
        return f"torch.func cannot see into {operators}"
    if forward_ad._current_level >= 0:
        return f"{operators} know no forward-mode differentiation"
    return None
