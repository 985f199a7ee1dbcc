// Conversion, and the memory of the passes. Addresses come from ops/core.py, which has checked every shape.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#if !defined(_WIN32)
#include <dlfcn.h>
#endif

#include <array>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "blocks.h"
#include "gatework.h"
#include "packed.h"
#include "scratch.h"
#include "stream.h"

namespace nb = nanobind;

namespace {

using Address = uintptr_t;
using ParamAddresses = std::array<Address, GW_NUM_PARAMS>;

constexpr int kMostProblems = 2;

const float* in(Address address) { return reinterpret_cast<const float*>(address); }
float* out(Address address) { return reinterpret_cast<float*>(address); }

void require(gw_status status) {
    switch (status) {
        case GW_OK:
            return;
        case GW_BAD_SIZE:
            throw std::invalid_argument(
                "a size is negative, hidden_size is 0, proj_size is not below it, or a zoneout is outside 0..1");
        case GW_BAD_LENGTH:
            throw std::invalid_argument("a length lies outside 0..steps");
        case GW_BAD_CELL:
            throw std::invalid_argument("unknown cell, or it lacks an option");
        case GW_BAD_ISA:
            throw std::invalid_argument("unknown instruction set");
        case GW_MISSING:
            throw std::invalid_argument("a parameter that the cell needs is missing");
    }
}

struct View {  // address and strides of (steps, batch, width), the last contiguous
    Address data;
    int64_t step, row;
    gw_input input() const { return {in(data), step, row}; }
    gw_output output() const { return {out(data), step, row}; }
};

struct Problem {
    gw_problem core;
    Params params;
};

struct Forward {
    View x;
    Address h0, c0, scale;
    View y;
    Address h_n, c_n;
    View trace;
    int64_t trace_slot;
    Address tape;
};

struct Backward {
    View x, y;
    Address h0, c0, scale, tape;
    View dy;
    Address dh_n, dc_n;
    View dx;
    Address dh0, dc0;
    bool wants_params;
    std::array<float*, GW_NUM_PARAMS> gradients;
};

template <class Pass>
int count_of(const std::vector<const Problem*>& problems, const std::vector<const Pass*>& passes) {
    if (problems.empty() || problems.size() > kMostProblems || problems.size() != passes.size()) {
        throw std::invalid_argument("expected a pass for each of one or two problems");
    }
    return static_cast<int>(problems.size());
}

thread_local Scratch t_scratch[kMostProblems];

// Two problems share their threads; those that have one thread take turns. run(first, count) runs some of them.
template <class Run>
void side_by_side(gw_problem* cores, int count, const Run& run) {
    const int threads = cores[0].num_threads;
    if (count == 1 || threads < 2) {
        for (int i = 0; i < count; ++i) require(run(i, 1));
        return;
    }
    cores[0].num_threads = (threads + 1) / 2;
    cores[1].num_threads = threads / 2;
    require(run(0, 2));
}

void run_forward(const std::vector<const Problem*>& problems, const std::vector<const Forward*>& passes,
                 bool keep_packed) {
    static auto* packed = new PackedCache;  // never destroyed: a thread may still run at exit
    const int count = count_of(problems, passes);
    gw_problem cores[kMostProblems];
    const float* const* params[kMostProblems];
    gw_forward core_passes[kMostProblems];
    void* workspaces[kMostProblems];
    Panels panels[kMostProblems];
    nb::gil_scoped_release release;
    for (int i = 0; i < count; ++i) {
        const Forward& pass = *passes[i];
        cores[i] = problems[i]->core;
        params[i] = problems[i]->params.data();
        if (keep_packed) panels[i] = packed->get(cores[i], problems[i]->params);
        core_passes[i] = {pass.x.input(),  in(pass.h0),    in(pass.c0),    in(pass.scale),
                          pass.y.output(), out(pass.h_n),  out(pass.c_n),  pass.trace.output(),
                          pass.trace_slot, out(pass.tape), panels[i].get()};
    }
    side_by_side(cores, count, [&](int first, int some) {
        for (int i = first; i < first + some; ++i)
            workspaces[i] = t_scratch[i].at_least(gw_forward_workspace(&cores[i]));
        return gw_run_forward(some, cores + first, params + first, core_passes + first, workspaces + first);
    });
    for (Scratch& scratch : t_scratch) scratch.trim();
}

void run_backward(const std::vector<const Problem*>& problems, const std::vector<const Backward*>& passes) {
    const int count = count_of(problems, passes);
    gw_problem cores[kMostProblems];
    const float* const* params[kMostProblems];
    gw_backward core_passes[kMostProblems];
    void* workspaces[kMostProblems];
    nb::gil_scoped_release release;
    for (int i = 0; i < count; ++i) {
        const Backward& pass = *passes[i];
        cores[i] = problems[i]->core;
        params[i] = problems[i]->params.data();
        core_passes[i] = {pass.x.input(),
                          pass.y.input(),
                          in(pass.h0),
                          in(pass.c0),
                          in(pass.scale),
                          in(pass.tape),
                          pass.dy.input(),
                          in(pass.dh_n),
                          in(pass.dc_n),
                          pass.dx.output(),
                          out(pass.dh0),
                          out(pass.dc0),
                          pass.wants_params ? pass.gradients.data() : nullptr};
    }
    side_by_side(cores, count, [&](int first, int some) {
        for (int i = first; i < first + some; ++i)
            workspaces[i] = t_scratch[i].at_least(gw_backward_workspace(&cores[i]));
        return gw_run_backward(some, cores + first, params + first, core_passes + first, workspaces + first);
    });
    for (Scratch& scratch : t_scratch) scratch.trim();
}

using Floats = nb::ndarray<nb::pytorch, float, nb::ndim<1>, nb::device::cpu>;

Floats make_floats(size_t count) {
    static auto* blocks = new Blocks;  // never destroyed: tensors may outlive the module
    Blocks::Block* block = blocks->take(count * sizeof(float));
    const nb::capsule owner(block, [](void* data) noexcept {
        auto* held = static_cast<Blocks::Block*>(data);
        held->home->give_back(held);
    });
    return Floats(block->data, {count}, owner);
}

// What the core makes of a cell: the number of its gates, or 0 where it has no such cell.
int gates_of(int32_t cell, uint32_t options, bool is_projected) {
    gw_problem problem{};
    problem.cell = cell;
    problem.options = options;
    problem.hidden_size = 2;
    problem.proj_size = is_projected;
    return gw_check(&problem) == GW_OK ? gw_gates(&problem) : 0;
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

    nb::class_<Problem>(m, "Problem")
        .def("__init__",
             [](Problem* self, int32_t cell, uint32_t options, int64_t steps, int64_t batch, int64_t input_size,
                int64_t hidden_size, int64_t proj_size, float cell_clip, double zoneout_h, double zoneout_c,
                bool training, uint64_t seed, int64_t first_step, Address lengths, bool reverse, int num_threads,
                bool batch_invariant, const ParamAddresses& params) {
                 new (self) Problem{{cell, options, steps, batch, input_size, hidden_size, proj_size, cell_clip,
                                     zoneout_h, zoneout_c, training, seed, first_step,
                                     reinterpret_cast<const int64_t*>(lengths), reverse, num_threads, batch_invariant},
                                    {}};
                 for (int k = 0; k < GW_NUM_PARAMS; ++k) self->params[k] = in(params[k]);
                 require(gw_check(&self->core));
             })
        .def("tape_floats", [](const Problem& p) { return gw_tape_floats(&p.core); });

    nb::class_<Forward>(m, "Forward")
        .def("__init__", [](Forward* self, const View& x, Address h0, Address c0, Address scale, const View& y,
                            Address h_n, Address c_n, const View& trace, int64_t trace_slot, Address tape) {
            new (self) Forward{x, h0, c0, scale, y, h_n, c_n, trace, trace_slot, tape};
        });

    nb::class_<Backward>(m, "Backward")
        .def("__init__", [](Backward* self, const View& x, const View& y, Address h0, Address c0, Address scale,
                            Address tape, const View& dy, Address dh_n, Address dc_n, const View& dx, Address dh0,
                            Address dc0, bool wants_params, const ParamAddresses& gradients) {
            new (self) Backward{x, y, h0, c0, scale, tape, dy, dh_n, dc_n, dx, dh0, dc0, wants_params, {}};
            for (int k = 0; k < GW_NUM_PARAMS; ++k) self->gradients[k] = out(gradients[k]);
        });

    m.def("run_forward", run_forward);
    m.def("run_backward", run_backward);
    m.def("floats", make_floats);
    m.def("gates", gates_of);
    m.def("zoneout_bits", gw_zoneout_bits);
    m.def("fingerprint", [](Address data, size_t bytes) {
        Fingerprinter content;
        content.add(reinterpret_cast<const void*>(data), bytes);
        const Fingerprint found = content.finish();
        return std::pair(found.low, found.high);
    });
    m.def("isa_names", [] {
        std::vector<std::string> names;
        for (int i = 0; const char* name = gw_isa_name(i); ++i) names.emplace_back(name);
        return names;
    });
    m.def("isa_current", [] { return std::string(gw_isa_current()); });
    m.def("lend_loaded_team", lend_loaded_team);
    m.def("isa_set", [](const std::string& name) { require(gw_isa_set(name.c_str())); });
    bind_stream<Problem>(m);
}
