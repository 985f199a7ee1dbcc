// Every cell and option against itself: on every instruction set and any number of threads, one problem or two at once,
// with a tape and a trace and without; and what the trace says. With the argument `threads`, only some of
// what several threads do.
#include <cmath>
#include <string>

#include "family_cases.h"

namespace {

Tally tally;

double difference(const Floats& got, const Floats& truth) {
    double error = 0, size = 0;
    for (size_t k = 0; k < truth.size(); ++k) {
        error += (double(got[k]) - truth[k]) * (double(got[k]) - truth[k]);
        size += double(truth[k]) * truth[k];
    }
    return std::sqrt(error / (size + 1e-12 * static_cast<double>(truth.size()) + 1e-30));
}

void expect_same(const Run::Named& got, const Run::Named& truth, const std::string& what) {
    for (size_t k = 0; k < truth.size(); ++k) {
        tally.expect(same(got[k].second, truth[k].second), what + ": " + truth[k].first);
    }
}

void test_threads(const Variant& v, const Tensors& in, const Run::Named& one, const std::string& name) {
    for (int threads : {2, 5}) {
        Run many(v, in, threads);
        tally.expect(Run::all({&many}), name);
        expect_same(many.results(), one, name + " on " + std::to_string(threads) + " threads");
    }
}

void test_side_by_side(const Variant& v, const Tensors& in, const Run::Named& one, const std::string& name) {
    Shape turned = in.shape;
    turned.reverse = !turned.reverse, turned.I += 3;
    const Tensors others(v, turned, 11);
    Run alone(v, others, 1), left(v, in, 2), right(v, others, 1), left_first(v, in, 1), right_second(v, others, 3);
    Run::all({&alone});
    tally.expect(Run::all({&left, &right}) && Run::all({&right_second, &left_first}), name);
    expect_same(left.results(), one, name + " beside another");
    expect_same(left_first.results(), one, name + " beside another, second");
    expect_same(right.results(), alone.results(), name + " turned beside another");
    expect_same(right_second.results(), alone.results(), name + " turned beside another, first");
}

void test_inference(const Variant& v, const Tensors& in, const Run::Named& one, const std::string& name) {
    for (bool packs : {true, false}) {
        Run run(v, in, packs ? 1 : 3);
        Floats packed = fresh(packs ? static_cast<int64_t>(gw_packed_floats(&run.problem)) : 0);
        if (packs) tally.expect(gw_pack(&run.problem, run.params.data(), packed.data()) == GW_OK, name + " packs");
        gw_forward pass = run.forward_pass(packs ? packed.data() : nullptr);
        pass.tape = nullptr;
        if (!packs) pass.trace = {};
        const Workspace workspace(gw_forward_workspace(&run.problem));
        const float* const* params = run.params.data();
        void* const memory = workspace.get();
        gw_run_forward(1, &run.problem, &params, &pass, &memory);
        const auto results = run.results();
        for (size_t k = 0; k < results.size(); ++k) {
            const bool traced = results[k].first.rfind("slot", 0) == 0;
            if (k > 2 && !(packs && traced)) continue;  // gradients
            tally.expect(same(results[k].second, one[k].second), name + " without a tape: " + one[k].first);
        }
    }
}

// Gates in their ranges, c where it belongs, and zeros past each length.
void test_trace(const Variant& v, const Run& run, const std::string& name) {
    const Shape& s = run.in.shape;
    const int32_t gates = gw_gates(&run.problem);
    const bool no_gate = (v.options & GW_NO_OUTPUT_GATE) != 0;
    const int32_t fresh_slot = v.cell == GW_LSTM ? gates - (no_gate ? 1 : 2) : gates - 1;
    for (int32_t slot = 0; slot < run.slots(); ++slot) {
        const Grid out = run.traced(slot);
        bool fine = run.gaps_kept(out, s.H) && std::isnan(run.trace[(slot + 1) * run.trace_slot - 1]);
        for (int64_t t = 0; t < s.T; ++t) {
            for (int64_t b = 0; b < s.B; ++b) {
                for (int64_t k = 0; k < s.H; ++k) {
                    const float value = out.at(t, b)[k];
                    const bool real = t < s.length(b), last = t == (s.reverse ? 0 : s.length(b) - 1);
                    const bool free = slot >= gates || (v.options & GW_RELU) != 0;
                    if (!real) fine = fine && value == 0;
                    if (real && free) fine = fine && std::isfinite(value);
                    if (real && slot == fresh_slot && !free) fine = fine && std::abs(value) <= 1;
                    if (real && slot < gates && slot != fresh_slot) fine = fine && value >= 0 && value <= 1;
                    if (real && last && slot == gates) fine = fine && value == run.c_n[b * s.H + k];
                }
            }
        }
        tally.expect(fine, name + " slot " + std::to_string(slot) + " of the trace");
    }
}

void test(const FamilyCase& c) {
    const Variant& v = c.variant;
    const Shape& s = c.shape;
    const Tensors in(v, s, 7);
    Run::Named generic;
    const auto isas = instruction_sets();
    for (auto isa = isas.rbegin(); isa != isas.rend(); ++isa) {  // the generic one first
        gw_isa_set(isa->c_str());
        const std::string name = c.name();
        Run run(v, in, 1);
        tally.expect(Run::all({&run}), name);
        const Run::Named one = run.results();
        test_side_by_side(v, in, one, name);
        test_threads(v, in, one, name);
        if (generic.empty()) generic = one;
        // Rounded operands push a few units over the edge of relu, and their gradients with them.
        const double most = !s.bfloat16 ? 2e-5 : (v.options & GW_RELU) ? 0.2 : 0.04;
        for (size_t k = 0; k < one.size(); ++k) {
            const double error = difference(one[k].second, generic[k].second);  // NaN where nothing was written
            tally.expect(error < most, name + ": " + one[k].first + " differs by " + std::to_string(error));
        }
        tally.expect(run.gaps_kept(run.y, in.R) && run.gaps_kept(run.dx, s.dx ? s.I : 0), name + " keeps to its rows");
        test_inference(v, in, one, name);
        test_trace(v, run, name);
    }
}

// What a sanitizer of threads should see: cases of more than one thread, on the first and the last instruction set.
void test_threads_alone(const FamilyCase& c) {
    const Tensors in(c.variant, c.shape, 7);
    const auto isas = instruction_sets();
    for (size_t i = 0; i < isas.size(); i += isas.size() > 1 ? isas.size() - 1 : 1) {
        gw_isa_set(isas[i].c_str());
        Run one(c.variant, in, 1), many(c.variant, in, 3), left(c.variant, in, 2), right(c.variant, in, 2);
        tally.expect(Run::all({&one}) && Run::all({&many}) && Run::all({&left, &right}), c.name());
        expect_same(many.results(), one.results(), c.name() + " on 3 threads");
        expect_same(left.results(), one.results(), c.name() + " beside itself");
    }
}

}  // namespace

int main(int count, char** arguments) {
    const bool only_threads = count > 1 && arguments[1] == std::string("threads");
    for (const FamilyCase& c : family_cases()) {
        if (!only_threads) test(c);
        if (only_threads && (c.shape.H >= 100 || c.shape.B > 8)) test_threads_alone(c);
    }
    return tally.report();
}
