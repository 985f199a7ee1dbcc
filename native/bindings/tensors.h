// Torch's tensors as the core needs them: address, sizes and strides, read through DLPack's exchange interface. That
// takes nanoseconds, where the attributes of the Python object take microseconds, as long as a small scan.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <vector>

#include "gatework.h"

namespace nb = nanobind;

// As dlpack.h lays it out, version 1.2 and up to the next major one; what is not used here has no type.
struct Owned {
    uint32_t major, minor;
    void* owner;
    void (*release)(Owned*);
    uint64_t flags;
    nb::dlpack::dltensor tensor;
};
struct Exchange {
    uint32_t major, minor;
    const void* previous;
    const void *allocate, *from_object;
    int (*to_object)(Owned* tensor, void** out);
    int (*read)(void* object, nb::dlpack::dltensor* out);  // owns nothing; sizes and strides are the tensor's own

    static const Exchange& of_torch() {
        static const Exchange* const found = [] {
            const nb::object capsule = nb::module_::import_("torch").attr("Tensor").attr("__dlpack_c_exchange_api__");
            const void* api = PyCapsule_GetPointer(capsule.ptr(), "dlpack_exchange_api");
            if (!api) throw nb::python_error();
            const auto* exchange = static_cast<const Exchange*>(api);
            if (exchange->major != 1 || !exchange->read || !exchange->to_object)
                throw std::runtime_error("this torch exchanges tensors in a way that is not known here");
            return exchange;
        }();
        return *found;
    }
};

using Held = std::vector<nb::object>;  // copies that must live until a pass has run

class Tensor {
public:
    Tensor(nb::handle object, const char* name) : object_(object), name_(name) {
        if (Exchange::of_torch().read(object.ptr(), &at_) != 0) throw nb::python_error();
    }

    int axes() const { return at_.ndim; }
    int64_t size(int axis) const { return at_.shape[axis]; }
    int64_t stride(int axis) const { return at_.strides[axis]; }

    // Refuses any other shape, dtype or device.
    const Tensor& is(std::initializer_list<int64_t> shape, bool whole_numbers = false) const {
        const uint8_t code =
            static_cast<uint8_t>(whole_numbers ? nb::dlpack::dtype_code::Int : nb::dlpack::dtype_code::Float);
        bool same = at_.ndim == static_cast<int>(shape.size()) && at_.dtype.code == code &&
                    at_.dtype.bits == (whole_numbers ? 64 : 32) && at_.device.device_type == nb::device::cpu::value;
        int axis = 0;
        for (const int64_t size : shape) same = same && at_.shape[axis++] == size;
        if (!same) refuse(shape, whole_numbers);
        return *this;
    }

    // With no gaps, or with none in the last axis: itself, or a copy that `held` keeps.
    Tensor contiguous(Held& held) const { return is_dense() ? *this : copy(held); }
    Tensor dense_rows(Held& held) const {
        const int last = at_.ndim - 1;
        return at_.shape[last] <= 1 || at_.strides[last] == 1 ? *this : copy(held);
    }

    // What it holds, without gaps, whatever that is: float32 or bfloat16. Refuses all else.
    gw_number number() const {
        const bool is_whole = at_.dtype.code == static_cast<uint8_t>(nb::dlpack::dtype_code::Float);
        const bool is_half = at_.dtype.code == static_cast<uint8_t>(nb::dlpack::dtype_code::Bfloat);
        if (at_.device.device_type == nb::device::cpu::value) {
            if (is_whole && at_.dtype.bits == 32) return GW_FLOAT32;
            if (is_half && at_.dtype.bits == 16) return GW_BFLOAT16;
        }
        throw std::invalid_argument(std::string(name_) + " is neither float32 nor bfloat16 on the CPU.");
    }
    void* numbers() const {
        if (!is_dense()) throw std::invalid_argument(std::string(name_) + " has gaps.");
        return data<void>();
    }

    template <class Number = float>
    Number* data() const {
        return reinterpret_cast<Number*>(static_cast<char*>(at_.data) + at_.byte_offset);
    }
    gw_input input() const { return {data(), stride(0), stride(1)}; }  // of (T, B, width) with dense rows
    gw_output output() const { return {data(), stride(0), stride(1)}; }

private:
    bool is_dense() const {
        int64_t expected = 1;
        bool fits = true;
        for (int axis = at_.ndim; axis-- > 0; expected *= at_.shape[axis])
            fits = fits && (at_.shape[axis] == 1 || at_.strides[axis] == expected);
        return fits || expected == 0;
    }

    Tensor copy(Held& held) const {
        held.push_back(object_.attr("contiguous")());
        return Tensor(held.back(), name_);
    }

    [[noreturn]] void refuse(std::initializer_list<int64_t> shape, bool whole_numbers) const {
        std::string expected;
        for (const int64_t size : shape) expected += (expected.empty() ? "" : ", ") + std::to_string(size);
        const auto text = [](nb::handle value) { return std::string(nb::str(value).c_str()); };
        throw std::invalid_argument(std::string(name_) + " is " + text(object_.attr("dtype")) + ", " +
                                    text(nb::tuple(object_.attr("shape"))) + ", on " + text(object_.attr("device")) +
                                    "; the native core expected " + (whole_numbers ? "torch.int64" : "torch.float32") +
                                    ", (" + expected + (shape.size() == 1 ? ",)" : ")") + ", on the CPU.");
    }

    nb::handle object_;
    const char* name_;
    nb::dlpack::dltensor at_;
};

// A list or a tuple, without a copy.
class Items {
public:
    explicit Items(nb::handle sequence)
        : fast_(nb::steal(PySequence_Fast(sequence.ptr(), "expected a list or a tuple"))) {
        if (!fast_.is_valid()) throw nb::python_error();
    }
    size_t size() const { return static_cast<size_t>(PySequence_Fast_GET_SIZE(fast_.ptr())); }
    nb::handle operator[](size_t index) const {
        return PySequence_Fast_GET_ITEM(fast_.ptr(), static_cast<Py_ssize_t>(index));
    }
    void expect(size_t count, const char* name) const {
        if (size() == count) return;
        throw std::invalid_argument(std::string(name) + " holds " + std::to_string(size()) + " tensors; expected " +
                                    std::to_string(count) + ".");
    }

private:
    nb::object fast_;
};
