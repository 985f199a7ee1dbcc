#include "../amx/product.h"
#include "../parts/table.h"
extern const PartKernels kAmx;
const PartKernels kAmx = parts::kernels_for<amx::Engine>();
