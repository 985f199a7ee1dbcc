// Conversion, and the memory of the passes. Addresses come from ops/core.py, which has checked every shape.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#if !defined(_WIN32)
#include <dlfcn.h>
#endif

#include <stdexcept>
#include <string>
#include <vector>

#include "gatework.h"
#include "scratch.h"
#include "tapes.h"

namespace nb = nanobind;

namespace {

using Address = uintptr_t;

const float* in(Address address) { return reinterpret_cast<const float*>(address); }
float* out(Address address) { return reinterpret_cast<float*>(address); }

void require(gw_status status) {
    switch (status) {
        case GW_OK:
            return;
        case GW_BAD_SIZE:
            throw std::invalid_argument("a size is negative, or hidden_size is 0");
        case GW_BAD_LENGTH:
            throw std::invalid_argument("a length lies outside 0..steps");
        case GW_BAD_CELL:
            throw std::invalid_argument("unknown cell");
        case GW_BAD_ISA:
            throw std::invalid_argument("unknown instruction set");
    }
}

struct View {  // address and strides of (steps, batch, width), the last contiguous
    Address data;
    int64_t step, row;
    gw_input input() const { return {in(data), step, row}; }
    gw_output output() const { return {out(data), step, row}; }
};

struct Params {
    Address weight_ih, weight_hh, bias_ih, bias_hh;
    gw_params get() const { return {in(weight_ih), in(weight_hh), in(bias_ih), in(bias_hh)}; }
};

thread_local Scratch t_scratch;

using Tape = nb::ndarray<nb::pytorch, float, nb::ndim<1>, nb::device::cpu>;

Tape make_tape(size_t floats) {
    static Tapes* tapes = new Tapes;  // never destroyed: tensors may outlive the module
    Tapes::Block* block = tapes->take(floats * sizeof(float));
    const nb::capsule owner(block, [](void* data) noexcept {
        auto* held = static_cast<Tapes::Block*>(data);
        held->home->give_back(held);
    });
    return Tape(block->data, {floats}, owner);
}

// torch loads GNU OpenMP with its symbols global; sharing its team avoids a second set of threads beside it.
bool lend_loaded_team() {
#if defined(_WIN32)
    return false;
#else
    auto find = [](const char* name) { return dlsym(RTLD_DEFAULT, name); };
    const gw_team team{reinterpret_cast<decltype(gw_team::parallel)>(find("GOMP_parallel")),
                       reinterpret_cast<decltype(gw_team::thread_num)>(find("omp_get_thread_num")),
                       reinterpret_cast<decltype(gw_team::num_threads)>(find("omp_get_num_threads"))};
    if (!team.parallel || !team.thread_num || !team.num_threads) return false;
    gw_lend_team(&team);
    return true;
#endif
}

}  // namespace

NB_MODULE(_native, m) {
    m.doc() = "Gatework's native core. Private: gatework.ops.core is its one user.";

    nb::class_<View>(m, "View").def(nb::init<Address, int64_t, int64_t>());
    nb::class_<Params>(m, "Params").def(nb::init<Address, Address, Address, Address>());

    nb::class_<gw_problem>(m, "Problem")
        .def("__init__",
             [](gw_problem* self, int64_t steps, int64_t batch, int64_t input_size, int64_t hidden_size,
                Address lengths, bool reverse, int num_threads) {
                 new (self) gw_problem{GW_LSTM,    steps,       batch,
                                       input_size, hidden_size, reinterpret_cast<const int64_t*>(lengths),
                                       reverse,    num_threads};
                 require(gw_check(self));
             })
        .def("tape_floats", [](const gw_problem& p) { return gw_tape_floats(&p); })
        .def("forward",
             [](const gw_problem& p, const Params& params, const View& x, Address h0, Address c0, const View& y,
                Address h_n, Address c_n, Address tape) {
                 const gw_params weights = params.get();
                 const gw_forward pass{x.input(), in(h0), in(c0), y.output(), out(h_n), out(c_n), out(tape)};
                 nb::gil_scoped_release release;
                 require(gw_run_forward(&p, &weights, &pass, t_scratch.at_least(gw_forward_workspace(&p))));
                 t_scratch.trim();
             })
        .def("backward", [](const gw_problem& p, const Params& params, const View& x, const View& y, Address h0,
                            Address c0, Address tape, const View& dy, Address dh_n, Address dc_n, const View& dx,
                            Address dh0, Address dc0, const Params& gradients) {
            const gw_params weights = params.get();
            const gw_backward pass{x.input(),
                                   y.input(),
                                   in(h0),
                                   in(c0),
                                   in(tape),
                                   dy.input(),
                                   in(dh_n),
                                   in(dc_n),
                                   dx.output(),
                                   out(dh0),
                                   out(dc0),
                                   out(gradients.weight_ih),
                                   out(gradients.weight_hh),
                                   out(gradients.bias_ih),
                                   out(gradients.bias_hh)};
            nb::gil_scoped_release release;
            require(gw_run_backward(&p, &weights, &pass, t_scratch.at_least(gw_backward_workspace(&p))));
            t_scratch.trim();
        });

    m.def("tape", make_tape);
    m.def("isa_names", [] {
        std::vector<std::string> names;
        for (int i = 0; const char* name = gw_isa_name(i); ++i) names.emplace_back(name);
        return names;
    });
    m.def("isa_current", [] { return std::string(gw_isa_current()); });
    m.def("lend_loaded_team", lend_loaded_team);
    m.def("isa_set", [](const std::string& name) { require(gw_isa_set(name.c_str())); });
}
