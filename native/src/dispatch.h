// Which instruction set serves this process.
#pragma once
#include "kernels.h"

const Kernels& current_kernels();
const CellKernels& current_cell(int32_t cell);
