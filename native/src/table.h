// Instantiates every kernel for one vector type.
#pragma once
#include "backward.h"
#include "cells.h"
#include "forward.h"
#include "kernels.h"
#include "norm.h"
#include "pack.h"
#include "pointwise.h"

template <class V, class Cell>
constexpr Pointwise pointwise_of(decltype(Pointwise::update_rows) update_rows = nullptr,
                                 decltype(Pointwise::gradient_rows) gradient_rows = nullptr) {
    constexpr const auto& in = Cell::kInputBlock;
    constexpr const auto& hidden = Cell::kHiddenBlock;
    return {{Cell::kGates,
             Cell::kSums,
             Cell::kInput,
             Cell::kHidden,
             Cell::kTape,
             {in[0], in[1], in[2], in[3]},
             {hidden[0], hidden[1], hidden[2], hidden[3]},
             Cell::kCarries},
            update<V, Cell>,
            gradient<V, Cell>,
            update_rows,
            gradient_rows,
            emit_projected<V>,
            take_in_rows<V>};
}

template <class V, int G>
constexpr Scans scans_of() {
    return {Pack<V>::packed_floats, Pack<V>::transposed_floats, Pack<V>::forward,       Pack<V>::transposed,
            ForwardScan<V, G>::run, ForwardScan<V, G>::one,     BackwardScan<V, G>::run};
}

template <class V, Write kWrite, bool kForget, bool kOutput>
constexpr Pointwise lstm() {
    using Cell = Lstm<kWrite, kForget, kOutput>;
    if constexpr (V::kSplits)
        return pointwise_of<V, Cell>();
    else
        return pointwise_of<V, Cell>(Norm<V, Cell>::finish, Norm<V, Cell>::gradient);
}

// The order is that of index_of in model.cpp. A coupled input gate comes with a forget gate only.
template <class V>
constexpr Cells all_cells() {
    return {{lstm<V, Write::kGate, false, false>(), lstm<V, Write::kGate, false, true>(),
             lstm<V, Write::kGate, true, false>(), lstm<V, Write::kGate, true, true>(),
             lstm<V, Write::kCoupled, true, false>(), lstm<V, Write::kCoupled, true, true>(),
             lstm<V, Write::kAlways, false, false>(), lstm<V, Write::kAlways, false, true>(),
             lstm<V, Write::kAlways, true, false>(), lstm<V, Write::kAlways, true, true>(), pointwise_of<V, Gru>(),
             pointwise_of<V, Rnn<false>>(), pointwise_of<V, Rnn<true>>()}};
}

template <class V>
constexpr Kernels kernels_for(const char* name) {
    return {name,
            V::kLanes,
            V::kRows,
            all_cells<V>(),
            {scans_of<V, 1>(), scans_of<V, 2>(), scans_of<V, 3>(), scans_of<V, 4>()},
            Pack<V>::plain,
            Pack<V>::constants};
}
