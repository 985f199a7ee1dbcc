// Instantiates every kernel for one vector type.
#pragma once
#include "backward.h"
#include "cells.h"
#include "elementwise.h"
#include "forward.h"
#include "kernels.h"
#include "narrow.h"
#include "norm.h"
#include "pack.h"
#include "pointwise.h"
#include "reset.h"

template <class Cell>
constexpr Facts facts_of() {
    constexpr const auto& in = Cell::kInputBlock;
    constexpr const auto& hidden = Cell::kHiddenBlock;
    return {Cell::kGates,
            Cell::kSums,
            Cell::kInput,
            Cell::kHidden,
            Cell::kTape,
            {in[0], in[1], in[2], in[3]},
            {hidden[0], hidden[1], hidden[2], hidden[3]},
            Cell::kSecondBlock,
            Cell::kCarries};
}

template <class V, class Cell>
constexpr Pointwise pointwise_of() {
    return {facts_of<Cell>(), update<V, Cell>,   gradient<V, Cell>, nullptr,
            nullptr,          emit_projected<V>, take_in_rows<V>,   nullptr};
}

template <class V>
constexpr Pointwise gru_before() {
    using Steps = Reset<V>;
    return {facts_of<GruBefore>(), Steps::update,  Steps::gradient, nullptr, nullptr,
            Steps::finish,         Steps::take_in, nullptr};
}

template <class V, int G>
constexpr Scans scans_of() {
    return {Pack<V>::packed_floats, Pack<V>::transposed_floats, Pack<V>::forward,       Pack<V>::transposed,
            ForwardScan<V, G>::run, ForwardScan<V, G>::one,     BackwardScan<V, G>::run};
}

template <class V, Write kWrite, bool kForget, bool kOutput>
constexpr Pointwise lstm() {
    using Cell = Lstm<kWrite, kForget, kOutput>;
    Pointwise all = pointwise_of<V, Cell>();
    if constexpr (!V::kSplits) {
        using Rows = Norm<V, Cell>;
        all.update_rows = Rows::finish, all.gradient_rows = Rows::gradient, all.keep = Rows::keep;
    }
    return all;
}

// The order is that of index_of in model.cpp. A coupled input gate comes with a forget gate only.
template <class V>
constexpr Cells all_cells() {
    return {{lstm<V, Write::kGate, false, false>(), lstm<V, Write::kGate, false, true>(),
             lstm<V, Write::kGate, true, false>(), lstm<V, Write::kGate, true, true>(),
             lstm<V, Write::kCoupled, true, false>(), lstm<V, Write::kCoupled, true, true>(),
             lstm<V, Write::kAlways, false, false>(), lstm<V, Write::kAlways, false, true>(),
             lstm<V, Write::kAlways, true, false>(), lstm<V, Write::kAlways, true, true>(), pointwise_of<V, Gru>(),
             gru_before<V>(), pointwise_of<V, Rnn<false>>(), pointwise_of<V, Rnn<true>>()}};
}

template <class V>
constexpr Kernels kernels_for(const char* name) {
    using Each = Elementwise<V>;
    return {name,
            V::kLanes,
            V::kRows,
            all_cells<V>(),
            {scans_of<V, 1>(), scans_of<V, 2>(), scans_of<V, 3>(), scans_of<V, 4>()},
            Pack<V>::plain,
            Narrow<V>::pack,
            Pack<V>::constants,
            {{Each::template drop<float, float>, Each::template drop<float, uint16_t>},
             {Each::template drop<uint16_t, float>, Each::template drop<uint16_t, uint16_t>}},
            {Each::template choose<float>, Each::template choose<uint16_t>}};
}
