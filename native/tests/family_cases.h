// Which cells, options and shapes the tests of the family run.
#pragma once
#include <string>
#include <vector>

#include "family.h"

inline std::vector<Variant> variants() {
    const uint32_t all_absent = GW_NO_INPUT_GATE | GW_NO_FORGET_GATE | GW_NO_OUTPUT_GATE;
    return {
        {"lstm", GW_LSTM},
        {"no input gate", GW_LSTM, GW_NO_INPUT_GATE},
        {"no forget gate", GW_LSTM, GW_NO_FORGET_GATE},
        {"no output gate", GW_LSTM, GW_NO_OUTPUT_GATE},
        {"no input or forget gate", GW_LSTM, GW_NO_INPUT_GATE | GW_NO_FORGET_GATE},
        {"no input or output gate", GW_LSTM, GW_NO_INPUT_GATE | GW_NO_OUTPUT_GATE},
        {"no forget or output gate", GW_LSTM, GW_NO_FORGET_GATE | GW_NO_OUTPUT_GATE},
        {"no gates", GW_LSTM, all_absent},
        {"coupled", GW_LSTM, GW_COUPLED},
        {"coupled, no output gate", GW_LSTM, GW_COUPLED | GW_NO_OUTPUT_GATE},
        {"peephole", GW_LSTM, GW_PEEPHOLE},
        {"peephole, coupled", GW_LSTM, GW_PEEPHOLE | GW_COUPLED},
        {"peephole, no input gate", GW_LSTM, GW_PEEPHOLE | GW_NO_INPUT_GATE},
        {"peephole, no output gate, clip", GW_LSTM, GW_PEEPHOLE | GW_NO_OUTPUT_GATE, false, 0.6f},
        {"norm", GW_LSTM, GW_LAYER_NORM},
        {"norm, peephole", GW_LSTM, GW_LAYER_NORM | GW_PEEPHOLE},
        {"norm, coupled, no output gate, clip", GW_LSTM, GW_LAYER_NORM | GW_COUPLED | GW_NO_OUTPUT_GATE, false, 0.7f},
        {"norm, peephole, zoneouts, scaled", GW_LSTM, GW_LAYER_NORM | GW_PEEPHOLE, false, 0, 0.2f, 0.3f, true, true},
        {"norm, no gates, zoneouts mixed", GW_LSTM, GW_LAYER_NORM | all_absent, false, 0, 0.2f, 0.3f},
        {"clip", GW_LSTM, 0, false, 0.5f},
        {"projected", GW_LSTM, 0, true},
        {"projected, peephole, clip", GW_LSTM, GW_PEEPHOLE, true, 0.6f},
        {"projected, coupled, zoneouts, scaled", GW_LSTM, GW_COUPLED, true, 0, 0.3f, 0.2f, true, true},
        {"zoneout of h", GW_LSTM, 0, false, 0, 0.3f, 0, true},
        {"zoneout of c", GW_LSTM, 0, false, 0, 0, 0.3f, true},
        {"zoneouts mixed", GW_LSTM, 0, false, 0, 0.3f, 0.1f},
        {"zoneouts, peephole, clip", GW_LSTM, GW_PEEPHOLE, false, 0.6f, 0.1f, 0.4f, true},
        {"scaled", GW_LSTM, 0, false, 0, 0, 0, false, true},
        {"norm, projected", GW_LSTM, GW_LAYER_NORM, true},
        {"norm, projected, peephole, coupled, zoneouts, scaled", GW_LSTM, GW_LAYER_NORM | GW_PEEPHOLE | GW_COUPLED,
         true, 0.8f, 0.2f, 0.3f, true, true},
        {"gru, reset before", GW_GRU, GW_RESET_BEFORE},
        {"gru, reset before, zoneout, scaled", GW_GRU, GW_RESET_BEFORE, false, 0, 0.3f, 0, true, true},
        {"gru", GW_GRU},
        {"gru, zoneout, scaled", GW_GRU, 0, false, 0, 0.3f, 0, true, true},
        {"gru, zoneout mixed", GW_GRU, 0, false, 0, 0.3f},
        {"rnn", GW_RNN},
        {"rnn, zoneout", GW_RNN, 0, false, 0, 0.3f, 0, true},
        {"relu", GW_RNN, GW_RELU},
        {"relu, zoneout mixed, scaled", GW_RNN, GW_RELU, false, 0, 0.4f, 0, false, true},
    };
}

// Some too small to be shared or for tiles, some for which they are taken: B >= GW_TILE_BATCH and a wide layer. Cells
// of one gate take them at H = 314.
inline std::vector<Shape> shapes() {
    std::vector<Shape> all = {
        {5, 3, 4, 6},
        {1, 1, 1, 5},
        {7, 9, 5, 33, {7, 0, 3, 3, 1, 6, 7, 2, 5}, true},
        {6, 4, 3, 17, {2, 0, 6, 1}},
        {3, 2, 2, 9, {0, 0}},
        {0, 2, 2, 9},
        {4, 0, 2, 9},
        {5, 2, 0, 8},
        {2, 290, 2, 7},   // more sequences than a chunk of the backward pass holds
        {3, 2, 40, 130},  // few rows and a wide layer: threads share the hidden units
        {3, 19, 40, 163},
        {4, 21, 12, 177, {4, 1, 0, 3, 2, 4, 4, 4, 1, 1, 2, 3, 0, 4, 3, 2, 2, 1, 4, 4, 2}, true},
        {2, 17, 3, 314},
        {2, 33, 0, 314, {}, true},
        {18, 16, 20, 170, {18, 3, 1, 2, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 17}},  // steps of few rows
    };
    all.push_back(all.back());
    all.back().invariant = true;
    for (const Shape& whole : {Shape{6, 5, 9, 21, {4, 6, 0, 2, 6}, true}, Shape{3, 17, 50, 160}}) {
        for (const auto part : {&Shape::biases, &Shape::states, &Shape::cotangents, &Shape::dx, &Shape::gradients}) {
            all.push_back(whole);
            all.back().*part = false;
        }
        all.push_back(whole);
        all.back().apart = true;
    }
    for (const Shape& wide : {Shape{6, 19, 40, 163, {6, 5, 0, 6, 4, 1, 6, 6, 2, 2, 3, 4, 0, 6, 5, 4, 2, 1, 6}, true},
                              Shape{7, 1, 3, 130}, Shape{2, 33, 0, 314}, Shape{12, 40, 70, 256}}) {
        all.push_back(wide);
        all.back().bfloat16 = true;
    }
    return all;
}

struct FamilyCase {
    Variant variant;
    Shape shape;
    std::string name() const { return std::string(variant.name) + ", " + shape.name(); }
};

// Every variant with every small shape, and with every fourth wide one, in turn.
inline std::vector<FamilyCase> family_cases() {
    std::vector<FamilyCase> all;
    const auto every_shape = shapes();
    size_t turn = 0;
    for (const Variant& v : variants()) {
        ++turn;
        for (size_t i = 0; i < every_shape.size(); ++i) {
            if (every_shape[i].H < 100 || (turn + i) % 4 == 0) all.push_back({v, every_shape[i]});
        }
    }
    return all;
}
