"""`gatework info`: this machine, and which backend runs what on it."""

import importlib.metadata
import os
import platform

from gatework.cli.console import align, bold, say
from gatework.cli.options import Flag
from gatework.errors import GateworkError
from gatework.tasks.run import package_version

VARIABLES = ("GATEWORK_BACKEND", "GATEWORK_ISA", "GATEWORK_NUM_THREADS")


def info(*, debug: Flag = False) -> None:
    """Show versions, threads, instruction set, and why each backend was or was not chosen.

    Args:
        debug: Show where in the code an error came from.
    """
    import torch

    say(bold(f"Gatework {package_version()}"))
    facts = [("Python", platform.python_version())]
    facts += [(name, importlib.metadata.version(name)) for name in ("torch", "numpy")]
    facts.append(("machine", f"{platform.machine()}, {os.cpu_count()} processors"))
    facts.append(("torch threads", str(torch.get_num_threads())))
    facts.append(("CUDA", torch.cuda.get_device_name() if torch.cuda.is_available() else "none"))
    facts += [(name, value) for name in VARIABLES if (value := os.environ.get(name))]
    say(align(facts))
    say()
    say(bold("Native core"))
    say(align(_native_facts()))
    for title, verdicts in _calls():
        say()
        say(bold(title))
        say("\n".join(f"  {line}" for line in verdicts.splitlines()))


def _native_facts() -> list[tuple[str, str]]:
    from gatework.ops.core import describe

    try:
        return list(describe().items())
    except GateworkError as error:
        return [("not usable", str(error))]


def _calls() -> list[tuple[str, str]]:
    import torch

    from gatework.layers import GRU, LSTM, explain

    x = torch.zeros(3, 2, 8)
    double = LSTM(8, 8, dtype=torch.float64)
    return [
        ("LSTM, CPU, float32", str(explain(LSTM(8, 8), x))),
        ("LSTM, CPU, float32, sequences of different lengths", str(explain(LSTM(8, 8), x, [3, 1]))),
        ("LSTM, CPU, float64", str(explain(double, x.double()))),
        ("LSTM with peepholes, CPU, float32", str(explain(LSTM(8, 8, peephole=True), x))),
        ("GRU, CPU, float32", str(explain(GRU(8, 8), x))),
    ]
