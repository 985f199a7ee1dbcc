// The norm of gradients and AdamW on tensors: float32 on the CPU, without gaps.
#pragma once
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "problem.h"
#include "tensors.h"

inline float* whole_floats(const Tensor& tensor, const char* name, int64_t size) {
    if (tensor.number() != GW_FLOAT32 || tensor.count() != size)
        throw std::invalid_argument(std::string(name) + " is not float32, or not as large as its parameter");
    return static_cast<float*>(tensor.numbers());
}

inline double norm(nb::handle tensors, int threads) {
    const Items given(tensors);
    std::vector<const float*> pieces;
    std::vector<int64_t> sizes;
    for (size_t i = 0; i < given.size(); ++i) {
        const Tensor tensor(given[i], "gradient");
        pieces.push_back(whole_floats(tensor, "gradient", tensor.count()));
        sizes.push_back(tensor.count());
    }
    const auto count = static_cast<int32_t>(pieces.size());
    std::vector<double> scratch(static_cast<size_t>(gw_chunks(count, sizes.data())));
    const nb::gil_scoped_release release;
    return std::sqrt(gw_square_sum(count, pieces.data(), sizes.data(), scratch.data(), threads));
}

// parts: (value, gradient, first, second, steps, decay) each, steps a scalar that is counted on; settings: rate, beta1,
// beta2, epsilon, shrink.
inline void adamw(nb::handle parts, nb::handle settings, int threads) {
    const Items given(parts), numbers(settings);
    numbers.expect(5, "settings");
    const auto number = [](nb::handle each) { return nb::cast<double>(each); };
    const gw_adamw_settings all{number(numbers[0]), number(numbers[1]), number(numbers[2]), number(numbers[3]),
                                number(numbers[4])};
    std::vector<gw_adamw_part> made;
    for (size_t i = 0; i < given.size(); ++i) {
        const Items part(given[i]);
        part.expect(6, "part");
        const Tensor value(part[0], "parameter");
        const int64_t size = value.count();
        const auto floats = [&](size_t at, const char* name) {
            return whole_floats(Tensor(part[at], name), name, size);
        };
        float* steps = whole_floats(Tensor(part[4], "steps"), "steps", 1);
        made.push_back({floats(0, "parameter"), floats(1, "gradient"), floats(2, "moment"), floats(3, "moment"), size,
                        static_cast<double>(*steps) + 1, number(part[5])});
    }
    for (size_t i = 0; i < given.size(); ++i) {
        *static_cast<float*>(Tensor(Items(given[i])[4], "steps").numbers()) += 1;
    }
    const nb::gil_scoped_release release;
    require(gw_adamw(static_cast<int32_t>(made.size()), made.data(), &all, threads));
}
