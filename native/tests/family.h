// One problem of any cell with its tensors, and one run of it. Buffers are exact and full of NaN; so are the inputs in
// the gaps between rows and past each length, where nothing may be read.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "harness.h"

struct Variant {
    const char* name;
    gw_cell cell;
    uint32_t options = 0;
    bool projected = false;
    float clip = 0, zoneout_h = 0, zoneout_c = 0;
    bool training = false, scaled = false;
};

struct Shape {
    int64_t T, B, I, H;
    std::vector<int64_t> lengths = {};  // empty: all T
    bool reverse = false;
    bool biases = true, states = true, cotangents = true, dx = true, gradients = true;
    bool apart = false;      // batch-first, with gaps
    bool invariant = false;  // no tiles, whatever the batch
    bool bfloat16 = false;   // products may round their operands

    int64_t length(int64_t b) const { return lengths.empty() ? T : lengths[static_cast<size_t>(b)]; }
    std::string name() const {
        return "T" + std::to_string(T) + " B" + std::to_string(B) + " I" + std::to_string(I) + " H" +
               std::to_string(H) + (lengths.empty() ? "" : " ragged") + (reverse ? " reverse" : "") +
               (biases ? "" : " no biases") + (states ? "" : " no states") + (cotangents ? "" : " no cotangents") +
               (dx ? "" : " no dx") + (gradients ? "" : " no gradients") + (apart ? " apart" : "") +
               (invariant ? " invariant" : "") + (bfloat16 ? " bfloat16" : "");
    }
};

inline gw_problem problem_of(const Variant& v, const Shape& s, int threads) {
    gw_problem p{};
    p.cell = v.cell, p.options = v.options;
    p.steps = s.T, p.batch = s.B, p.input_size = s.I, p.hidden_size = s.H;
    p.proj_size = v.projected ? (s.H * 2 + 2) / 3 : 0;
    p.cell_clip = v.clip, p.zoneout_h = v.zoneout_h, p.zoneout_c = v.zoneout_c;
    p.training = v.training, p.seed = 0x123456789abcdefull;
    p.lengths = s.lengths.empty() ? nullptr : s.lengths.data();
    p.reverse = s.reverse, p.num_threads = threads, p.batch_invariant = s.invariant;
    p.bfloat16 = s.bfloat16;
    return p;
}

constexpr const char* kParamNames[GW_NUM_PARAMS] = {"w_ih", "w_hh",      "b_ih", "b_hh",    "w_hr",
                                                    "w_ci", "w_cf",      "w_co", "n_ih",    "n_ih bias",
                                                    "n_hh", "n_hh bias", "n_c",  "n_c bias"};

// Elements of each parameter; 0 for those that the cell has not.
inline std::array<int64_t, GW_NUM_PARAMS> param_sizes(const gw_problem& p, bool biases) {
    const int64_t H = p.hidden_size, R = p.proj_size ? p.proj_size : H, rows = gw_gates(&p) * H;
    const auto has = [&](uint32_t option) { return (p.options & option) != 0; };
    const bool peephole = has(GW_PEEPHOLE), norm = has(GW_LAYER_NORM);
    std::array<int64_t, GW_NUM_PARAMS> n{};
    n[GW_WEIGHT_IH] = rows * p.input_size, n[GW_WEIGHT_HH] = rows * R, n[GW_WEIGHT_HR] = p.proj_size * H;
    if (biases) n[GW_BIAS_IH] = n[GW_BIAS_HH] = rows;
    if (peephole && !has(GW_NO_INPUT_GATE | GW_COUPLED)) n[GW_WEIGHT_CI] = H;
    if (peephole && !has(GW_NO_FORGET_GATE)) n[GW_WEIGHT_CF] = H;
    if (peephole && !has(GW_NO_OUTPUT_GATE)) n[GW_WEIGHT_CO] = H;
    if (norm) n[GW_NORM_IH_WEIGHT] = n[GW_NORM_HH_WEIGHT] = rows, n[GW_NORM_C_WEIGHT] = H;
    if (norm && biases) n[GW_NORM_IH_BIAS] = n[GW_NORM_HH_BIAS] = rows, n[GW_NORM_C_BIAS] = H;
    return n;
}

// A (T, B, width) tensor under strides.
struct Grid {
    Floats data;
    int64_t step = 0, row = 0;

    Grid() = default;
    Grid(const Shape& s, int64_t width) {
        step = s.apart ? width + 2 : s.B * width, row = s.apart ? s.T * step + 3 : width;
        if (s.T > 0 && s.B > 0) data = fresh((s.T - 1) * step + (s.B - 1) * row + width);
    }
    float* at(int64_t t, int64_t b) { return data.data() + t * step + b * row; }
    const float* at(int64_t t, int64_t b) const { return data.data() + t * step + b * row; }
    gw_input in() const { return {data.data(), step, row}; }
    gw_output out() { return {data.data(), step, row}; }
};

struct Tensors {
    Shape shape;
    int64_t H, R;
    Grid x, dy;
    Floats h0, c0, scale, dh_n, dc_n;
    std::array<Floats, GW_NUM_PARAMS> params;
    std::array<const float*, GW_NUM_PARAMS> pointers() const {
        std::array<const float*, GW_NUM_PARAMS> all{};
        for (int i = 0; i < GW_NUM_PARAMS; ++i) all[i] = params[i].empty() ? nullptr : params[i].data();
        return all;
    }

    Tensors(const Variant& v, const Shape& s, unsigned seed) : Tensors(problem_of(v, s, 1), v, s, seed) {}
    Tensors(const gw_problem& p, const Variant& v, const Shape& s, unsigned seed) : shape(s), H(s.H) {
        R = p.proj_size ? p.proj_size : H;
        std::mt19937 random(seed);
        std::normal_distribution<float> normal;
        const auto fill = [&](float* to, int64_t n, float scale, float middle = 0) {
            for (int64_t k = 0; k < n; ++k) to[k] = middle + scale * normal(random);
        };
        const auto filled = [&](bool there, int64_t n, float scale) {
            Floats to(static_cast<size_t>(there ? n : 0));
            fill(to.data(), static_cast<int64_t>(to.size()), scale);
            return to;
        };
        const float small = 1 / std::sqrt(static_cast<float>(H));
        const auto sizes = param_sizes(p, s.biases);
        for (int i = 0; i < GW_NUM_PARAMS; ++i) {
            params[i].resize(static_cast<size_t>(sizes[i]));
            const bool factor = i == GW_NORM_IH_WEIGHT || i == GW_NORM_HH_WEIGHT || i == GW_NORM_C_WEIGHT;
            fill(params[i].data(), sizes[i], i < GW_WEIGHT_CI ? small : 0.3f, factor ? 1.0f : 0.0f);
        }
        x = Grid(s, s.I), dy = Grid(s, s.cotangents ? R : 0);
        for (int64_t b = 0; b < s.B; ++b) {
            for (int64_t t = 0; t < s.length(b); ++t) {
                fill(x.at(t, b), s.I, 1);
                if (s.cotangents) fill(dy.at(t, b), R, 1);
            }
        }
        h0 = filled(s.states, s.B * R, 1), c0 = filled(s.states && v.cell == GW_LSTM, s.B * H, 1);
        dh_n = filled(s.cotangents, s.B * R, 1), dc_n = filled(s.cotangents && v.cell == GW_LSTM, s.B * H, 1);
        scale = filled(v.scaled, s.B * R, 1);
        for (float& each : scale) each = each < 0 ? 0.0f : 1.25f;
    }
};

// A forward and a backward pass, or several at once, and all they give.
struct Run {
    const Tensors& in;
    gw_problem problem;
    std::array<const float*, GW_NUM_PARAMS> params;
    Grid y, dx;
    Floats h_n, c_n, tape, dh0, dc0;
    Floats trace;  // one slot after the other, each as strided as y, with a gap between
    int64_t trace_slot;
    std::array<Floats, GW_NUM_PARAMS> gradients;
    std::array<float*, GW_NUM_PARAMS> places{};

    Run(const Variant& v, const Tensors& tensors, int threads) : Run(problem_of(v, tensors.shape, threads), tensors) {}
    Run(const gw_problem& p, const Tensors& tensors) : in(tensors), problem(p), params(in.pointers()) {
        const Shape& s = in.shape;
        y = Grid(s, in.R), dx = Grid(s, s.I);
        h_n = fresh(s.B * in.R), c_n = fresh(p.cell == GW_LSTM ? s.B * in.H : 0), dh0 = h_n, dc0 = c_n;
        tape = fresh(static_cast<int64_t>(gw_tape_floats(&problem)));
        trace_slot = static_cast<int64_t>(Grid(s, in.H).data.size()) + 1;
        trace = fresh(slots() * trace_slot);
        for (int i = 0; i < GW_NUM_PARAMS; ++i) {
            gradients[i] = fresh(static_cast<int64_t>(in.params[i].size()));
            places[i] = gradients[i].empty() ? nullptr : gradients[i].data();
        }
    }

    int32_t slots() const { return gw_gates(&problem) + (problem.cell == GW_LSTM); }
    Grid traced(int32_t slot) const {
        Grid one(in.shape, in.H);
        std::copy_n(trace.data() + slot * trace_slot, trace_slot - 1, one.data.begin());
        return one;
    }

    static float* or_none(Floats& from) { return from.empty() ? nullptr : from.data(); }
    static const float* or_null(const Floats& from) { return from.empty() ? nullptr : from.data(); }

    gw_forward forward_pass(const float* packed = nullptr) {
        const Grid strides(in.shape, in.H);
        const gw_output first{trace.data(), strides.step, strides.row};
        return {in.x.in(),  or_null(in.h0), or_null(in.c0), or_null(in.scale), y.out(), h_n.data(),
                c_n.data(), first,          trace_slot,     tape.data(),       packed};
    }
    gw_backward backward_pass() {
        const Shape& s = in.shape;
        return {in.x.in(),
                y.in(),
                or_null(in.h0),
                or_null(in.c0),
                or_null(in.scale),
                tape.data(),
                s.cotangents ? in.dy.in() : gw_input{},
                or_null(in.dh_n),
                or_null(in.dc_n),
                s.dx ? dx.out() : gw_output{},
                s.states ? dh0.data() : nullptr,
                s.states ? or_none(dc0) : nullptr,
                s.gradients ? places.data() : nullptr};
    }

    static bool all(const std::vector<Run*>& runs) { return forward(runs) && backward(runs); }

    static bool forward(const std::vector<Run*>& runs) {
        std::vector<gw_forward> passes;
        for (Run* run : runs) passes.push_back(run->forward_pass());
        return each(runs, gw_forward_workspace, passes, gw_run_forward);
    }
    static bool backward(const std::vector<Run*>& runs) {
        std::vector<gw_backward> passes;
        for (Run* run : runs) passes.push_back(run->backward_pass());
        return each(runs, gw_backward_workspace, passes, gw_run_backward);
    }

    using Named = std::vector<std::pair<std::string, Floats>>;
    Named results() const {
        Named all = {{"y", logical(y, in.R)}, {"h_n", h_n}, {"c_n", c_n}};
        if (in.shape.states) all.insert(all.end(), {{"dh0", dh0}, {"dc0", dc0}});
        for (int32_t slot = 0; slot < slots(); ++slot) {
            all.push_back({"slot " + std::to_string(slot) + " of the trace", logical(traced(slot), in.H)});
        }
        if (in.shape.dx) all.push_back({"dx", logical(dx, in.shape.I)});
        for (int i = 0; in.shape.gradients && i < GW_NUM_PARAMS; ++i) all.push_back({kParamNames[i], gradients[i]});
        return all;
    }
    // Without the gaps.
    Floats logical(const Grid& grid, int64_t width) const {
        Floats out;
        for (int64_t t = 0; t < in.shape.T; ++t) {
            for (int64_t b = 0; b < in.shape.B; ++b) out.insert(out.end(), grid.at(t, b), grid.at(t, b) + width);
        }
        return out;
    }
    // Whether the gaps are as they were.
    bool gaps_kept(Grid grid, int64_t width) const {
        for (int64_t t = 0; t < in.shape.T; ++t) {
            for (int64_t b = 0; b < in.shape.B; ++b) std::fill_n(grid.at(t, b), width, kNaN);
        }
        return same(grid.data, fresh(static_cast<int64_t>(grid.data.size())));
    }

private:
    template <class Bytes, class Pass, class Function>
    static bool each(const std::vector<Run*>& runs, Bytes bytes, const std::vector<Pass>& passes, Function run_all) {
        std::vector<gw_problem> problems;
        std::vector<const float* const*> params;
        std::vector<std::unique_ptr<Workspace>> workspaces;
        std::vector<void*> places;
        for (Run* run : runs) {
            problems.push_back(run->problem), params.push_back(run->params.data());
            workspaces.push_back(std::make_unique<Workspace>(bytes(&run->problem))),
                places.push_back(workspaces.back()->get());
        }
        return run_all(static_cast<int32_t>(runs.size()), problems.data(), params.data(), passes.data(),
                       places.data()) == GW_OK;
    }
};
