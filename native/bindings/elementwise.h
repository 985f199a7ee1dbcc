// Dropout and the cross-entropy of choices on tensors.
#pragma once
#include <cstdint>
#include <stdexcept>

#include "floats.h"
#include "problem.h"
#include "tensors.h"

// x (..., rows, width), without gaps: dropped, as float32 or bfloat16. Fewer axes than two stand for rows of one.
inline nb::object drop(nb::handle x, double probability, uint64_t seed, bool to_bfloat16, int threads, bool fill) {
    const Tensor from(x, "x");
    const int axes = from.axes();
    if (axes > Floats::kMostAxes) throw std::invalid_argument("x has too many axes");
    int64_t shape[Floats::kMostAxes], count = 1;
    for (int axis = 0; axis < axes; ++axis) count *= shape[axis] = from.size(axis);
    Floats made(shape, axes, to_bfloat16 ? GW_BFLOAT16 : GW_FLOAT32, fill);
    gw_dropping pass{};
    pass.x = from.numbers(), pass.x_number = from.number();
    pass.y = made.data(), pass.y_number = to_bfloat16 ? GW_BFLOAT16 : GW_FLOAT32;
    pass.rows = axes > 1 ? shape[axes - 2] : 1, pass.width = axes > 0 ? shape[axes - 1] : 1;
    pass.steps = count > 0 ? count / (pass.rows * pass.width) : 0;
    pass.probability = probability, pass.seed = seed, pass.num_threads = threads;
    {
        const nb::gil_scoped_release release;
        require(gw_drop(&pass));
    }
    return made.take();
}

// logits (N, V), targets (N,): losses (N,) and the gradient of their mean, in the number of the logits.
inline nb::object choose(nb::handle logits, nb::handle targets, int threads, bool fill) {
    const Tensor from(logits, "logits");
    if (from.axes() != 2) throw std::invalid_argument("logits are not (N, V)");
    const int64_t N = from.size(0), V = from.size(1);
    Held held;
    const Tensor meant = Tensor(targets, "targets").is({N}, true).contiguous(held);
    const int64_t shape[] = {N, V};
    Floats gradient(shape, 2, from.number(), fill), losses({N}, fill);
    gw_choice pass{};
    pass.logits = from.numbers(), pass.number = from.number(), pass.d_logits = gradient.data();
    pass.rows = N, pass.classes = V, pass.num_threads = threads;
    pass.targets = meant.data<const int64_t>(), pass.losses = losses.data();
    const Floats scratch({static_cast<int64_t>(gw_choice_floats(&pass))}, fill);
    pass.scratch = scratch.data();
    {
        const nb::gil_scoped_release release;
        require(gw_choose(&pass));
    }
    return nb::make_tuple(losses.take(), gradient.take());
}
