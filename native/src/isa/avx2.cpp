#include "../vec/avx2.h"
#include "../table.h"
extern const Kernels kAvx2;
const Kernels kAvx2 = kernels_for<Avx2>("avx2");
