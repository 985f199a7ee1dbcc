"""What a figure depends on (processor, versions, company), and the file it is kept in."""

import dataclasses
import importlib.metadata
import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from gatework.files import atomic_write
from gatework.ops import core

BUSY = 0.25  # of the processors, by the load average of the last minute
_CPU_INFO = Path("/proc/cpuinfo")
_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
_VARIABLES = ("GATEWORK_BACKEND", "GATEWORK_ISA", "GATEWORK_NUM_THREADS", "ONEDNN_MAX_CPU_ISA")


def describe_machine() -> dict[str, Any]:
    """Return the facts that a figure needs beside it, ready for JSON.

    "warnings" says in words what disturbs a measurement, such as a machine that is busy.
    """
    load = _load()
    return {
        "processor": _processor(),
        "processors": os.cpu_count(),
        "processors_usable": _usable(),
        "caches": _caches(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torch_threads": torch.get_num_threads(),
        "onednn": "on" if _has_onednn() else "off",
        "gatework": importlib.metadata.version("gatework"),
        "native_core": core.describe(),
        "environment": {name: os.environ[name] for name in _VARIABLES if name in os.environ},
        "load_average": load,
        "warnings": _warnings(load),
    }


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Write a measurement as JSON, whole or not at all; dataclasses and NamedTuples by field."""
    with atomic_write(path) as beside:
        beside.write_text(json.dumps(_plain(record), indent=1) + "\n", encoding="utf-8")


def _processor() -> str:
    if _CPU_INFO.exists():
        for line in _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _usable() -> int | None:
    """Processors this process may run on; a container or taskset can hold it to a few."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _caches() -> dict[str, str]:
    """Size of each cache of one processor, as Linux tells it."""
    found = {}
    for folder in sorted(_CACHES.glob("index*")):
        try:
            level, kind, size = (
                (folder / name).read_text(encoding="utf-8").strip()
                for name in ("level", "type", "size")
            )
        except OSError:
            continue
        found[f"L{level} {kind.lower()}"] = size
    return found


def _has_onednn() -> bool:
    return torch.backends.mkldnn.is_available() and bool(torch.backends.mkldnn.enabled)


def _load() -> list[float] | None:
    return [round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else None


def _warnings(load: list[float] | None) -> list[str]:
    found = []
    usable = _usable() or 1
    if load is not None and load[0] > BUSY * usable:
        found.append(
            f"the machine is busy: {load[0]} programs ran on its {usable} processors in the last "
            "minute; close them and measure again"
        )
    if not core.UNAVAILABLE and core.num_threads() != torch.get_num_threads():
        found.append(
            f"the native core has {core.num_threads()} threads (GATEWORK_NUM_THREADS) and torch "
            f"{torch.get_num_threads()}"
        )
    if core.UNAVAILABLE:
        found.append(core.UNAVAILABLE)
    if not _has_onednn():
        found.append("oneDNN is off: torch.nn is slower than it need be")
    return found


def _plain(value: Any) -> Any:
    if hasattr(value, "_asdict"):
        value = value._asdict()
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
