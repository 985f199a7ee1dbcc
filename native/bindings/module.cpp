// What Python sees of the core. See tensors.h, problem.h and run.h.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#if !defined(_WIN32)
#include <dlfcn.h>
#endif

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "blocks.h"
#include "gatework.h"
#include "problem.h"
#include "run.h"
#include "stream.h"

namespace {

constexpr int kMostAxes = 4;

// What a tensor of torch over one of our blocks keeps until it is gone.
struct BlockTensor {
    Owned owned;
    int64_t shape[kMostAxes], strides[kMostAxes];
};

// A tensor of float32 with this shape, in kept memory. It holds whatever was there.
nb::object make_floats(const std::vector<int64_t>& shape) {
    static auto* blocks = new Blocks;  // never destroyed: tensors may outlive the module
    if (shape.size() > kMostAxes) throw std::invalid_argument("more than four axes");
    auto made = std::make_unique<BlockTensor>();
    int64_t count = 1;
    for (size_t axis = shape.size(); axis-- > 0; count *= shape[axis])
        made->shape[axis] = shape[axis], made->strides[axis] = count;
    Blocks::Block* block = blocks->take(static_cast<size_t>(count) * sizeof(float));
    const auto release = [](Owned* owned) {
        auto* held = static_cast<Blocks::Block*>(owned->owner);
        held->home->give_back(held);
        delete reinterpret_cast<BlockTensor*>(owned);
    };
    const Exchange& torch = Exchange::of_torch();
    made->owned = {torch.major, torch.minor, block, release, 0, {}};
    nb::dlpack::dltensor& tensor = made->owned.tensor;
    tensor.data = block->data;
    tensor.device = {nb::device::cpu::value, 0};
    tensor.ndim = static_cast<int32_t>(shape.size());
    tensor.dtype = nb::dtype<float>();
    tensor.shape = made->shape, tensor.strides = made->strides;
    void* object = nullptr;
    if (torch.to_object(&made.release()->owned, &object) != 0) throw nb::python_error();
    return nb::steal(static_cast<PyObject*>(object));
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

    nb::class_<Problem>(m, "Problem")
        .def(nb::init<const Problem::Kernel&, const Problem::Limits&, nb::handle, nb::handle, nb::handle, nb::handle,
                      nb::handle, uint64_t, bool, int64_t, int, bool>(),
             nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg().none(), nb::arg(), nb::arg().none(), nb::arg(),
             nb::arg(), nb::arg(), nb::arg(), nb::arg())
        .def_prop_ro("hidden_size", [](const Problem& p) { return p.core.hidden_size; })
        .def_prop_ro("width", &Problem::width)
        .def_prop_ro("state_sizes", &Problem::state_sizes)
        .def_prop_ro("traced", &Problem::traced);

    m.def("tape_floats", tape_floats);
    m.def("run_forward", run_forward, nb::arg(), nb::arg(), nb::arg(), nb::arg(), nb::arg().none(), nb::arg());
    m.def("run_backward", run_backward);
    m.def("floats", make_floats);
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
    m.def("isa_set", [](const std::string& name) { require(gw_isa_set(name.c_str())); });
    bind_stream<Problem>(m);
}
