#include "../vec/generic.h"
#include "../table.h"
extern const Kernels kGeneric;
const Kernels kGeneric = kernels_for<Generic>("generic");
