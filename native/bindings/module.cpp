// What Python sees of the core. See tensors.h, problem.h and run.h.
#include <nanobind/nanobind.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#if !defined(_WIN32)
#include <dlfcn.h>
#endif

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "elementwise.h"
#include "gatework.h"
#include "problem.h"
#include "run.h"
#include "stream.h"

namespace {

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

    nb::class_<Problem>(m, "Problem").def("__init__", [](Problem* made, nb::handle given, int threads, bool invariant) {
        new (made) Problem(given, {threads, invariant});
    });
    m.def("run_again", run_again);
    m.def(
        "forward",
        [](nb::handle problems, nb::handle outputs, bool keep_tape, bool trace, bool keep_packed, int threads,
           bool invariant,
           bool fill) { return forward(problems, outputs, keep_tape, trace, keep_packed, {threads, invariant}, fill); },
        nb::arg(), nb::arg().none(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg());
    m.def("backward", [](nb::handle problems, nb::handle outputs, nb::handle tape, nb::handle d_outputs,
                         nb::handle d_finals, bool want_x, bool want_params, int threads, bool invariant, bool fill) {
        return backward(problems, outputs, tape, d_outputs, d_finals, {want_x, want_params}, {threads, invariant},
                        fill);
    });
    m.def("drop", drop);
    m.def("choose", choose);
    m.def("gates", gates_of);
    m.def("zoneout_bits", gw_zoneout_bits);
    m.def("fingerprint", [](uintptr_t data, size_t bytes) {
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
    m.def("variable", [](const char* name) { return std::getenv(name); });
    m.def("isa_set", [](const std::string& name) { require(gw_isa_set(name.c_str())); });
    bind_stream<Problem>(m);
}
