// Tests of what the core does beside the scans: dropout and cross-entropy. Buffers end where they end, for
// sanitizers; parity with torch is tested in Python.
#include <cmath>
#include <string>

#include "gatework.h"
#include "harness.h"

namespace {

Tally tally;

void expect(bool condition, const std::string& what) { tally.expect(condition, what); }

std::string sizes(int64_t a, int64_t b) { return std::to_string(a) + " x " + std::to_string(b); }

Floats counted(int64_t count) {
    Floats all;
    for (int64_t n = 0; n < count; ++n) all.push_back(0.25f + static_cast<float>(n * 37 % 101) / 50.0f);
    return all;
}

void test_drop(int64_t steps, int64_t rows, int64_t width, int threads) {
    const int64_t count = steps * rows * width;
    const Floats x = counted(count);
    Floats y = fresh(count);
    std::vector<uint16_t> narrow(static_cast<size_t>(count));
    gw_dropping pass{x.data(), y.data(), GW_FLOAT32, GW_FLOAT32, steps, rows, width, 0.5, 77, threads};
    expect(gw_drop(&pass) == GW_OK, "drop");
    bool right = true;
    for (int64_t at = 0; at < count; ++at) {
        const int64_t row = at / width % rows, unit = at % width;
        const uint32_t bits = gw_zoneout_bits(77, 3, static_cast<uint32_t>(row), static_cast<uint32_t>(unit));
        const size_t n = static_cast<size_t>(at);
        right = right && y[n] == (bits < 1u << 31 ? 0.0f : 2 * x[n]);
    }
    expect(right, "the masks of " + sizes(rows, width));
    pass.y = narrow.data(), pass.y_number = GW_BFLOAT16;
    expect(gw_drop(&pass) == GW_OK, "drop to bfloat16");
    pass.probability = 1;
    expect(gw_drop(&pass) == GW_BAD_SIZE, "a probability of 1 is refused");
}

void test_choose(int64_t rows, int64_t classes, int threads) {
    const Floats logits = counted(rows * classes);
    Floats gradient = fresh(rows * classes), losses = fresh(rows);
    std::vector<int64_t> targets;
    for (int64_t row = 0; row < rows; ++row) targets.push_back(row * 5 % classes);
    gw_choice pass{logits.data(),   GW_FLOAT32,    rows,    classes, targets.data(),
                   gradient.data(), losses.data(), nullptr, threads};
    Floats scratch = fresh(static_cast<int64_t>(gw_choice_floats(&pass)));
    pass.scratch = scratch.data();
    expect(gw_choose(&pass) == GW_OK, "choose");
    double worst = 0;
    for (int64_t row = 0; row < rows; ++row) {
        const float* x = logits.data() + row * classes;
        double sum = 0;
        for (int64_t k = 0; k < classes; ++k) sum += std::exp(static_cast<double>(x[k]));
        const int64_t meant = targets[static_cast<size_t>(row)];
        worst = std::fmax(worst, std::fabs(losses[static_cast<size_t>(row)] - (std::log(sum) - x[meant])));
        for (int64_t k = 0; k < classes; ++k) {
            const double wanted =
                (std::exp(static_cast<double>(x[k])) / sum - (k == meant)) / static_cast<double>(rows);
            worst = std::fmax(worst, std::fabs(gradient[static_cast<size_t>(row * classes + k)] - wanted));
        }
    }
    expect(worst < 2e-6, "the losses of " + sizes(rows, classes) + ": error " + std::to_string(worst));
    targets.back() = classes;
    expect(gw_choose(&pass) == GW_BAD_TARGET, "a target that is no class is refused");
}

}  // namespace

int main() {
    for (const std::string& isa : instruction_sets()) {
        expect(gw_isa_set(isa.c_str()) == GW_OK, "choosing " + isa);
        for (const int threads : {1, 3}) {
            test_drop(1, 1, 1, threads);
            test_drop(3, 7, 300, threads);
            test_drop(20, 64, 33, threads);
            for (const int64_t classes : {1, 3, 16, 67}) test_choose(700, classes, threads);
        }
    }
    return tally.report();
}
