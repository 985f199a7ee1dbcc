"""A fit of its own process, killed at one step with a checkpoint of an earlier one.

What a fit saves by itself depends on how fast the machine is, and here it must not.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

from gatework.training.loop import _Training
from gatework.training.reporting import Reporter

TESTS = Path(__file__).parents[1]


def kill_at(step: int, *, saved: int, training: str) -> None:
    """Let the training in the folder of this name be saved, and later killed, after these steps."""
    advance = _Training.advance

    def advance_or_die(self: _Training, reporter: Reporter) -> None:
        advance(self, reporter)
        if self.folder is not None and self.folder.name == training:
            if self.position.step == saved:
                self._save()
            if self.position.step == step:
                os.kill(os.getpid(), signal.SIGKILL)

    _Training.advance = advance_or_die


def fit_and_be_killed(code: str, run: Path, *, step: int, saved: int, training: str) -> None:
    """Run code that fits into `run`, in a process that does not survive the step.

    Raises:
        AssertionError: It ended otherwise, or left nothing to go on from.
    """
    lines = (
        "import sys",
        "from pathlib import Path",
        f"sys.path.insert(0, {str(TESTS)!r})",
        "import torch",
        "from tasks.cut_off import kill_at",
        "torch.set_num_threads(1)",
        f"kill_at({step}, saved={saved}, training={training!r})",
        f"run = Path({str(run)!r})",
        code,
    )
    command = [sys.executable, "-c", "\n".join(lines)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert list(run.glob(f"state/{training}/state/*"))
