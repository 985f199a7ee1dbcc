#include "../dots/engine.h"
#include "../parts/table.h"
extern const PartKernels kDots;
const PartKernels kDots = parts::kernels_for<dots::Engine>();
