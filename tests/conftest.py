"""What every test stands on: one thread, one seed, poisoned memory, the list of backends."""

import importlib.util
import os
import signal

import hypothesis
import pytest
import torch

from gatework.ops import BACKENDS, Backend

hypothesis.settings.register_profile(
    "gatework", max_examples=25, deadline=None, derandomize=True, database=None
)
hypothesis.settings.load_profile("gatework")


@pytest.fixture(scope="session", autouse=True)
def _torch_settings():
    os.environ.pop("GATEWORK_BACKEND", None)  # a test that wants it sets it
    torch.set_num_threads(1)
    # Fills every fresh tensor with NaN, inside torch as well: an unwritten output cannot pass.
    torch.use_deterministic_algorithms(True)


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c():
    # A shell starts its background jobs with Ctrl-C ignored, and so would every test of it be.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture(scope="session", params=[known.name for known in BACKENDS])
def backend(request: pytest.FixtureRequest) -> Backend:
    """Each backend in turn; the native one is skipped where its core was not built."""
    if request.param == "native" and importlib.util.find_spec("gatework._native") is None:
        pytest.skip("the native core is not built")
    return next(known for known in BACKENDS if known.name == request.param)
