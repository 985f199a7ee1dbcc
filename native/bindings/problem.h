// One scan in one direction: all that it reads, held to each other, so that no pass leaves its buffers.
#pragma once
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>

#include "gatework.h"
#include "packed.h"
#include "tensors.h"

inline void require(gw_status status) {
    switch (status) {
        case GW_OK:
            return;
        case GW_BAD_SIZE:
            throw std::invalid_argument(
                "a size is negative, hidden_size is 0, proj_size is not below it, or a zoneout is outside 0..1");
        case GW_BAD_LENGTH:
            throw std::invalid_argument("lengths: one lies outside 0..T");
        case GW_BAD_CELL:
            throw std::invalid_argument("the native core has no such cell, or the cell lacks an option");
        case GW_BAD_ISA:
            throw std::invalid_argument("unknown instruction set");
        case GW_MISSING:
            throw std::invalid_argument("a parameter that the cell needs is missing");
        case GW_BAD_TARGET:
            throw std::invalid_argument("targets: one lies outside 0..classes - 1");
    }
}

constexpr const char* kParamNames[GW_NUM_PARAMS] = {
    "weight_ih", "weight_hh",      "bias_ih",      "bias_hh",        "weight_hr",    "weight_ci",     "weight_cf",
    "weight_co", "norm_ih_weight", "norm_ih_bias", "norm_hh_weight", "norm_hh_bias", "norm_c_weight", "norm_c_bias"};

// How passes run, whatever they compute.
struct Manner {
    int num_threads;
    bool batch_invariant;
};

struct Problem {
    gw_problem core{};
    Params params{};
    gw_input x{};
    const float *h0 = nullptr, *c0 = nullptr, *scale = nullptr;
    uint32_t present = 0;
    Held held;

    // `given`: a gatework.ops.problem.Problem.
    Problem(nb::handle given, const Manner& manner) {
        const Items fields(given);
        if (fields.size() != kFields) throw std::invalid_argument("a problem has ten fields");
        const Items kernel(fields[0]), limits(fields[1]), weights(fields[2]), states(fields[5]);
        if (kernel.size() != 5 || limits.size() != 3)
            throw std::invalid_argument("expected five numbers of a kernel and three limits");
        const Tensor x_in(fields[3], "x");
        read_present(nb::cast<int64_t>(kernel[2]), weights.size());
        const Tensor hh(weights[1], "weight_hh");
        if (x_in.axes() != 3 || hh.axes() != 2)
            throw std::invalid_argument("x or weight_hh is no (T, B, I) or (G * H, P)");
        core.cell = nb::cast<int32_t>(kernel[0]), core.options = nb::cast<uint32_t>(kernel[1]);
        core.training = nb::cast<int64_t>(kernel[3]) != 0, core.bfloat16 = nb::cast<int64_t>(kernel[4]) != 0;
        core.steps = x_in.size(0), core.batch = x_in.size(1), core.input_size = x_in.size(2);
        core.hidden_size = hh.size(1);
        if (has(GW_WEIGHT_HR)) {
            const Tensor hr(weights[place_of(GW_WEIGHT_HR)], "weight_hr");
            core.proj_size = core.hidden_size;
            core.hidden_size = hr.axes() == 2 ? hr.size(1) : 0;
        }
        core.zoneout_h = nb::cast<double>(limits[0]), core.zoneout_c = nb::cast<double>(limits[1]);
        core.cell_clip = static_cast<float>(nb::cast<double>(limits[2]));
        core.seed = nb::cast<uint64_t>(fields[7]), core.reverse = nb::cast<bool>(fields[8]);
        core.first_step = nb::cast<int64_t>(fields[9]);
        core.num_threads = manner.num_threads, core.batch_invariant = manner.batch_invariant;
        const int64_t B = core.batch, H = core.hidden_size, P = width();
        if (!fields[4].is_none()) {
            const Tensor all = Tensor(fields[4], "lengths").is({B}, true).contiguous(held);
            core.lengths = all.data<const int64_t>();
        }
        require(gw_check(&core));
        x = x_in.is({core.steps, B, core.input_size}).dense_rows(held).input();
        read_params(weights);
        if (states.size() > 0) {
            states.expect(num_states(), "state");
            h0 = whole(states[0], "state h", {B, P});
            if (carries()) c0 = whole(states[1], "state c", {B, H});
        }
        if (!fields[6].is_none()) scale = whole(fields[6], "recurrent scale", {B, P});
    }

    bool carries() const { return core.cell == GW_LSTM; }
    bool has(int param) const { return present >> param & 1; }
    int64_t width() const { return core.proj_size ? core.proj_size : core.hidden_size; }
    size_t num_states() const { return carries() ? 2 : 1; }
    // Values of each unit and step that a trace holds.
    int64_t traced() const { return gw_gates(&core) + carries(); }

    // Calls body(param, index) for each that there is.
    template <class Body>
    void each_param(const Body& body) const {
        size_t index = 0;
        for (int param = 0; param < GW_NUM_PARAMS; ++param) {
            if (has(param)) body(param, index++);
        }
    }

    // Calls body with the shape of a parameter, {rows, columns} or {rows}.
    template <class Body>
    auto shaped(int param, const Body& body) const {
        const int64_t H = core.hidden_size, P = width(), rows = gw_gates(&core) * H;
        switch (param) {
            case GW_WEIGHT_IH:
                return body({rows, core.input_size});
            case GW_WEIGHT_HH:
                return body({rows, P});
            case GW_WEIGHT_HR:
                return body({P, H});
            case GW_WEIGHT_CI:
            case GW_WEIGHT_CF:
            case GW_WEIGHT_CO:
            case GW_NORM_C_WEIGHT:
            case GW_NORM_C_BIAS:
                return body({H});
            default:
                return body({rows});
        }
    }

private:
    static constexpr size_t kFields = 10;

    void read_present(int64_t bits, size_t count) {
        present = static_cast<uint32_t>(bits);
        if (bits < 0 || bits >> GW_NUM_PARAMS || (bits & 3) != 3 || std::bitset<32>(present).count() != count)
            throw std::invalid_argument(std::to_string(count) + " params are given and present is " +
                                        std::to_string(bits) +
                                        "; expected one for each bit, weight_ih and "
                                        "weight_hh among them.");
    }
    size_t place_of(int param) const { return std::bitset<32>(present & ((1u << param) - 1)).count(); }

    void read_params(const Items& given) {
        each_param([&](int param, size_t index) {
            const Tensor tensor(given[index], kParamNames[param]);
            shaped(param, [&](std::initializer_list<int64_t> shape) { tensor.is(shape); });
            params[param] = tensor.contiguous(held).data();
        });
    }
    const float* whole(nb::handle object, const char* name, std::initializer_list<int64_t> shape) {
        return Tensor(object, name).is(shape).contiguous(held).data();
    }
};
