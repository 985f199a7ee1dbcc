// Gradients of every cell and option against central differences of its results, along directions in one tensor at a
// time, on every instruction set.
#include <cmath>
#include <random>
#include <string>

#include "family_cases.h"

namespace {

Tally tally;

// A random linear functional of all results: the one whose gradient the cotangents are.
double functional(const Variant& v, const Tensors& in) {
    Run run(v, in, 1);
    Run::forward({&run});
    double sum = 0;
    for (int64_t b = 0; b < in.shape.B; ++b) {
        for (int64_t t = 0; t < in.shape.length(b); ++t) {
            for (int64_t k = 0; k < in.R; ++k) sum += double(run.y.at(t, b)[k]) * in.dy.at(t, b)[k];
        }
    }
    for (size_t k = 0; k < run.h_n.size(); ++k) sum += double(run.h_n[k]) * in.dh_n[k];
    for (size_t k = 0; k < run.c_n.size(); ++k) sum += double(run.c_n[k]) * in.dc_n[k];
    return sum;
}

double norm(const std::vector<double>& of) {
    double sum = 0;
    for (double each : of) sum += each * each;
    return std::sqrt(sum);
}

// Half along the gradient, where a wrong size shows, half at random, where a missing part does.
void test_tensor(const Variant& v, const Tensors& in, Floats& tensor, const Floats& gradient, const std::string& name) {
    std::mt19937 random(17);
    std::normal_distribution<double> normal;
    std::vector<double> exact, way;
    for (size_t k = 0; k < tensor.size(); ++k) {
        const bool real = !std::isnan(tensor[k]);  // else it is a gap, or past a length
        exact.push_back(real ? gradient[k] : 0), way.push_back(real ? normal(random) : 0);
    }
    const double size = norm(exact), length = norm(way);
    if (tensor.empty() || length == 0) return;
    double expected = 0;
    for (size_t k = 0; k < way.size(); ++k) {
        way[k] = way[k] / length + (size > 0 ? exact[k] / size : 0);
        expected += way[k] * exact[k];
    }
    const double step = 1e-3;  // so short that hardly a unit comes across a bend of a clip or a relu
    const Floats middle = tensor;
    const auto at = [&](double distance) {
        for (size_t k = 0; k < way.size(); ++k) tensor[k] = static_cast<float>(middle[k] + distance * way[k]);
        return functional(v, in);
    };
    const double found = (at(step) - at(-step)) / (2 * step);
    tensor = middle;
    const double error = std::abs(found - expected) / (size + 0.02);
    tally.expect(error < 1e-2, name + ": the gradient is off by " + std::to_string(error));
}

void test(const Variant& v, const Shape& s) {
    Tensors in(v, s, 23);
    Run run(v, in, 1);
    Run::all({&run});
    const std::string name = std::string(v.name) + ", " + s.name() + ": ";
    test_tensor(v, in, in.x.data, run.dx.data, name + "x");
    test_tensor(v, in, in.h0, run.dh0, name + "h0");
    test_tensor(v, in, in.c0, run.dc0, name + "c0");
    for (int i = 0; i < GW_NUM_PARAMS; ++i) {
        test_tensor(v, in, in.params[i], run.gradients[i], name + kParamNames[i]);
    }
}

}  // namespace

int main() {
    for (const std::string& isa : instruction_sets()) {
        gw_isa_set(isa.c_str());
        int turn = 0;
        for (const Variant& v : variants()) {
            test(v, {5, 3, 4, 6});
            test(v, {6, 4, 3, 19, {3, 6, 0, 1}, true});
            if (turn++ % 4 == 0) test(v, {2, 16, 3, 314});
        }
    }
    return tally.report();
}
