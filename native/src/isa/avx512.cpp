#include "../vec/avx512.h"
#include "../table.h"
extern const Kernels kAvx512;
const Kernels kAvx512 = kernels_for<Avx512>("avx512");
