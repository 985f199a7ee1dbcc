// Tests of the core without Python: parity with a float64 LSTM on every instruction set of this machine, the accuracy
// of the activations, independence of threads and batch mates, and what the C interface refuses. Run under sanitizers
// too.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "gatework.h"
#include "harness.h"
#include "truth.h"

namespace {

Tally tally;

void expect(bool condition, const std::string& what) { tally.expect(condition, what); }

struct Results {  // everything a forward and a backward pass give, by the same names as in gatework.h
    Floats y, h_n, c_n, dx, dh0, dc0, dw_ih, dw_hh, db_ih, db_hh;
    std::vector<std::pair<const char*, const Floats*>> all() const {
        return {{"y", &y},     {"h_n", &h_n},     {"c_n", &c_n},     {"dx", &dx},       {"dh0", &dh0},
                {"dc0", &dc0}, {"dw_ih", &dw_ih}, {"dw_hh", &dw_hh}, {"db_ih", &db_ih}, {"db_hh", &db_hh}};
    }
};

gw_problem problem_of(const Case& c, int threads) {
    gw_problem problem{};
    problem.cell = GW_LSTM;
    problem.steps = c.T, problem.batch = c.B, problem.input_size = c.I, problem.hidden_size = c.H;
    problem.lengths = c.lengths.empty() ? nullptr : c.lengths.data();
    problem.reverse = c.reverse, problem.num_threads = threads;
    return problem;
}

Results run(const Case& c, const Data& d, int threads) {
    const gw_problem problem = problem_of(c, threads);
    const float* const tensors[GW_NUM_PARAMS] = {d.w_ih.data(), d.w_hh.data(), d.b_ih.data(), d.b_hh.data()};
    const float* const* params = tensors;
    Results r;
    r.y = fresh(c.T * c.B * c.H), r.h_n = fresh(c.B * c.H), r.c_n = fresh(c.B * c.H);
    Floats tape = fresh(static_cast<int64_t>(gw_tape_floats(&problem)));
    const gw_input x{d.x.data(), c.B * c.I, c.I};
    {
        const Workspace workspace(gw_forward_workspace(&problem));
        void* const memory = workspace.get();
        gw_forward pass{};
        pass.x = x, pass.h0 = d.h0.data(), pass.c0 = d.c0.data(), pass.y = {r.y.data(), c.B * c.H, c.H};
        pass.h_n = r.h_n.data(), pass.c_n = r.c_n.data(), pass.tape = tape.data();
        expect(gw_run_forward(1, &problem, &params, &pass, &memory) == GW_OK, c.name() + " forward");
        Floats y = fresh(c.T * c.B * c.H), h_n = r.h_n, c_n = r.c_n;  // without a tape: the same numbers
        Floats packed = fresh(static_cast<int64_t>(gw_packed_floats(&problem)));
        gw_pack(&problem, params, packed.data());
        pass.y.data = y.data(), pass.h_n = h_n.data(), pass.c_n = c_n.data(), pass.tape = nullptr;
        pass.packed = packed.data();
        gw_run_forward(1, &problem, &params, &pass, &memory);
        expect(same(y, r.y) && same(c_n, r.c_n), c.name() + " inference equals training");
    }
    r.dx = fresh(c.T * c.B * c.I), r.dh0 = fresh(c.B * c.H), r.dc0 = fresh(c.B * c.H);
    r.dw_ih = fresh(4 * c.H * c.I), r.dw_hh = fresh(4 * c.H * c.H), r.db_ih = fresh(4 * c.H), r.db_hh = fresh(4 * c.H);
    const Workspace workspace(gw_backward_workspace(&problem));
    void* const memory = workspace.get();
    float* const gradients[GW_NUM_PARAMS] = {r.dw_ih.data(), r.dw_hh.data(), r.db_ih.data(), r.db_hh.data()};
    gw_backward pass{};
    pass.x = x, pass.y = {r.y.data(), c.B * c.H, c.H}, pass.h0 = d.h0.data(), pass.c0 = d.c0.data();
    pass.tape = tape.data(), pass.dy = {d.dy.data(), c.B * c.H, c.H};
    pass.dh_n = d.dh_n.data(), pass.dc_n = d.dc_n.data(), pass.dx = {r.dx.data(), c.B * c.I, c.I};
    pass.dh0 = r.dh0.data(), pass.dc0 = r.dc0.data(), pass.gradients = gradients;
    expect(gw_run_backward(1, &problem, &params, &pass, &memory) == GW_OK, c.name() + " backward");
    return r;
}

double relative_error(const Floats& got, const std::vector<double>& truth) {
    double error = 0, size = 0;
    for (size_t k = 0; k < truth.size(); ++k) {
        error += (got[k] - truth[k]) * (got[k] - truth[k]);  // NaN where nothing was written stays NaN
        size += truth[k] * truth[k];
    }
    return std::sqrt(error / (size + 1e-12 * truth.size()));
}

std::vector<Case> cases() {
    std::vector<Case> all;
    for (int64_t H : {1, 7, 33, 64, 100}) {
        for (int64_t B : {1, 3, 17}) {
            all.push_back({B == 17 ? 9 : 31, B, H == 64 ? 1 : 5, H, {}, H == 7});
        }
    }
    all.push_back({6, 5, 3, 20, {6, 0, 3, 3, 1}, false});
    all.push_back({6, 5, 3, 20, {2, 0, 6, 3, 1}, true});
    all.push_back({4, 3, 2, 9, {0, 0, 0}, false});
    all.push_back({40, 19, 11, 48, {40, 1, 7, 40, 0, 3, 22, 40, 9, 13, 5, 5, 5, 31, 2, 17, 40, 8, 1}, true});
    all.push_back({3, 2, 4, 200, {}, false});  // few rows and a wide layer: threads share the hidden units
    all.push_back({1, 1, 1, 1, {}, false});
    all.push_back({2, 300, 2, 6, {}, false});  // more sequences than a chunk of the backward pass holds
    return all;
}

void test_parity() {
    for (const Case& c : cases()) {
        const Data data(c, 7);
        const Truth truth(c, data);
        const Results one = run(c, data, 1);
        // float32 rounding over sums of up to a few thousand terms, relative to the size of the whole tensor.
        const auto truths = truth.all();
        const auto results = one.all();
        for (size_t k = 0; k < truths.size(); ++k) {
            const double error = relative_error(*results[k].second, *truths[k]);
            expect(error < 5e-6, c.name() + " " + results[k].first + ": error " + std::to_string(error));
        }
        for (int threads : {2, 5}) {
            const Results many = run(c, data, threads);
            const auto others = many.all();
            for (size_t k = 0; k < others.size(); ++k) {
                expect(same(*others[k].second, *results[k].second),
                       c.name() + " " + others[k].first + " is the same on " + std::to_string(threads) + " threads");
            }
        }
    }
}

void test_batch_mates() {
    const Case together{12, 9, 4, 30, {12, 3, 7, 12, 1, 9, 5, 2, 11}, false};
    Data data(together, 3);
    const Results all = run(together, data, 2);
    const int64_t b = 5, n = 9;
    const Case alone{n, 1, 4, 30, {}, false};
    Data own(alone, 3);
    own.w_ih = data.w_ih, own.w_hh = data.w_hh, own.b_ih = data.b_ih, own.b_hh = data.b_hh;
    for (int64_t t = 0; t < n; ++t) {
        std::copy_n(&data.x[(t * 9 + b) * 4], 4, &own.x[t * 4]);
        std::copy_n(&data.dy[(t * 9 + b) * 30], 30, &own.dy[t * 30]);
    }
    std::copy_n(&data.h0[b * 30], 30, own.h0.data()), std::copy_n(&data.c0[b * 30], 30, own.c0.data());
    std::copy_n(&data.dh_n[b * 30], 30, own.dh_n.data()), std::copy_n(&data.dc_n[b * 30], 30, own.dc_n.data());
    const Results single = run(alone, own, 1);
    bool equal = true;
    for (int64_t t = 0; t < n; ++t) {
        equal = equal && !std::memcmp(&all.y[(t * 9 + b) * 30], &single.y[t * 30], 30 * sizeof(float));
        equal = equal && !std::memcmp(&all.dx[(t * 9 + b) * 4], &single.dx[t * 4], 4 * sizeof(float));
    }
    expect(equal, "a sequence's result does not depend on its batch mates, bit for bit");

    data.x[b * 4] = kNaN;
    const Results poisoned = run(together, data, 2);
    bool contained = std::isnan(poisoned.y[b * 30]);
    for (int64_t t = 0; t < 12; ++t) {
        for (int64_t other = 0; other < 9; ++other) {
            if (other == b) continue;
            contained = contained && !std::memcmp(&all.y[(t * 9 + other) * 30], &poisoned.y[(t * 9 + other) * 30], 120);
            contained = contained && !std::memcmp(&all.dx[(t * 9 + other) * 4], &poisoned.dx[(t * 9 + other) * 4], 16);
        }
    }
    expect(contained, "NaN in one sequence stays in that sequence");
}

// One unit, one step, weights 0 or 1: y and c are sigmoid and tanh of x.
void test_activations() {
    double worst_sigmoid = 0, worst_tanh = 0;
    const float inf = std::numeric_limits<float>::infinity();
    for (int i = -4000; i <= 4000; ++i) {
        const float x = i == -4000 ? -inf : i == 4000 ? inf : std::ldexp(static_cast<float>(i), i % 23 - 12);
        const Case c{1, 1, 1, 1, {}, false};
        Data d(c, 1);
        d.x = {x}, d.h0 = {0}, d.c0 = {0}, d.w_hh = {0, 0, 0, 0}, d.b_hh = {0, 0, 0, 0};
        d.w_ih = {0, 0, 1, 0}, d.b_ih = {100, 0, 0, 0};  // i = 1: c = tanh(x)
        if (!std::isinf(x)) {
            const double t = std::tanh(double(x)), got = run(c, d, 1).c_n[0];
            worst_tanh = std::max(worst_tanh, std::abs(got - t) / std::max(std::abs(t), 1e-30));
        }
        d.w_ih = {1, 0, 0, 0}, d.b_ih = {0, 0, 100, 0};  // g = 1: c = sigmoid(x)
        if (!std::isinf(x)) {
            const double s = 1 / (1 + std::exp(-double(x))), got = run(c, d, 1).c_n[0];
            if (x > -80) worst_sigmoid = std::max(worst_sigmoid, std::abs(got - s) / s);
        }
    }
    expect(worst_tanh < 4e-7, "tanh: relative error " + std::to_string(worst_tanh * 1e7) + "e-7");
    expect(worst_sigmoid < 4e-7, "sigmoid: relative error " + std::to_string(worst_sigmoid * 1e7) + "e-7");
}

void test_refusals() {
    gw_problem problem = problem_of({3, 2, 4, 5, {}, false}, 1);
    expect(gw_check(&problem) == GW_OK, "a plain problem is accepted");
    const int64_t long_length[] = {3, 4}, negative[] = {-1, 2};
    problem.lengths = long_length;
    expect(gw_check(&problem) == GW_BAD_LENGTH, "a length past the steps is refused");
    problem.lengths = negative;
    expect(gw_check(&problem) == GW_BAD_LENGTH, "a negative length is refused");
    problem.lengths = nullptr, problem.hidden_size = 0;
    expect(gw_check(&problem) == GW_BAD_SIZE, "no hidden units are refused");
    problem.hidden_size = 5, problem.cell = 99;
    expect(gw_check(&problem) == GW_BAD_CELL, "an unknown cell is refused");
    expect(gw_isa_set("z80") == GW_BAD_ISA, "an unknown instruction set is refused");
}

}  // namespace

int main() {
    test_refusals();
    for (const std::string& isa : instruction_sets()) {
        expect(gw_isa_set(isa.c_str()) == GW_OK && gw_isa_current() == isa, "choosing " + isa);
        test_parity();
        test_batch_mates();
        test_activations();
    }
    return tally.report();
}
