// A problem as the kernels see it, and which kernels serve it.
#pragma once
#include "kernels.h"

const Kernels& current_kernels();
const PartKernels* current_tiles();  // or nullptr
const PartKernels* current_dots();   // likewise

// For a problem that check_problem accepts.
Model model_of(const gw_problem& problem);
const Pointwise& pointwise_of(const gw_problem& problem);
const Scans& scans_of(const gw_problem& problem);

// The same without parts.
Model plain_model_of(const gw_problem& problem);
const Pointwise& plain_pointwise_of(const gw_problem& problem);
const Scans& plain_scans_of(const gw_problem& problem);

gw_status check_problem(const gw_problem& problem);
// Whether every parameter that the cell needs is there; biases may be absent.
gw_status check_params(const gw_problem& problem, const float* const* params);
