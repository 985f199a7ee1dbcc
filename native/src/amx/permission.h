// Whether this processor, this system and this process may run the kernels of amx/. Compiled without any
// instruction-set flag, so that asking is safe on every machine.
#pragma once

// AMX (tiles and bfloat16 products), the AVX-512 of the kernels around it, the system's saving of both, and the
// system's leave to use the tile registers, which is asked for here and holds for all threads of the process. Costs a
// system call: keep the answer.
bool amx_usable();
