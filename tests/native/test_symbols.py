"""No function compiled with wide instructions may be one that another file also defines.

The linker keeps one copy of an inline function. If that were the copy of an AVX-512 file, a machine
without AVX-512 would crash far from any kernel.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("name", "vector"), [("avx512", "Avx512"), ("avx2", "Avx2")])
def test_wide_code_is_named_after_its_instruction_set(name: str, vector: str) -> None:
    objects = sorted(ROOT.glob(f"build/*/native/CMakeFiles/gatework_core.dir/src/isa/{name}.cpp.o"))
    if not objects or shutil.which("nm") is None:
        pytest.skip("no object files of a build in this checkout, or no nm")
    for path in objects:
        command = ["nm", "-C", "--defined-only", str(path)]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        shared = [
            line.split(" ", 2)[2]
            for line in lines.splitlines()
            if line.split(" ", 2)[1] in "TW"  # functions that other files can see
        ]
        assert shared
        assert [symbol for symbol in shared if vector not in symbol] == []
