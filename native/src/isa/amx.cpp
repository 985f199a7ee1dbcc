#include "../amx/table.h"
extern const TileKernels kAmx;
const TileKernels kAmx = amx::tile_kernels();
