// The passes of the C interface: checks, lays out the workspaces, and runs the kernels on the threads there are.
#include <cstring>
#include <optional>

#include "layout.h"
#include "threads.h"

namespace {

constexpr int kMostAtOnce = 2;
constexpr int64_t kPackingSteps = 128;  // packing takes about as long as products of so many rows, if few

void copy_or_zero(float* to, const float* from, int64_t count) {
    const size_t bytes = sizeof(float) * static_cast<size_t>(count);
    from ? std::memcpy(to, from, bytes) : std::memset(to, 0, bytes);
}

void zero(float* to, int64_t count) { copy_or_zero(to, nullptr, count); }

// Runs body(problem, index, threads) on all threads of all problems.
template <class Body>
void side_by_side(int count, const int (&threads)[kMostAtOnce], const Body& body) {
    parallel(count == 1 ? threads[0] : threads[0] + threads[1], [&](int index) {
        index < threads[0] ? body(0, index, threads[0]) : body(1, index - threads[0], threads[1]);
    });
}

Part part_of(const Sharing& sharing, int index, Barrier& barrier) {
    return {index / sharing.slices, sharing.groups, index % sharing.slices, sharing.slices,
            sharing.slices > 1 ? &barrier : nullptr};
}

gw_status check_all(int32_t count, const gw_problem* problems, const float* const* const* params) {
    if (count < 1 || count > kMostAtOnce) return GW_BAD_SIZE;
    for (int i = 0; i < count; ++i) {
        gw_status status = check_problem(problems[i]);
        if (status == GW_OK) status = check_params(problems[i], params[i]);
        if (status != GW_OK) return status;
    }
    return GW_OK;
}

// The tail of a tape; see kNormStats.
template <class Float>
Float* stats_of(const gw_problem& problem, const Model& m, Float* tape) {
    return tape && m.norm ? tape + tape_floats(problem) - totals_of(problem).total * kNormStats : nullptr;
}

struct ForwardJob {
    ForwardLayout layout;
    ForwardArgs args;
    Barrier slices;

    ForwardJob(const gw_problem& problem, const gw_forward& pass, void* workspace)
        : layout(problem, pass.tape != nullptr, pass.packed == nullptr, Arena(workspace)),
          args{layout.model,
               make_plan(problem, layout.plan),
               pass,
               pass.packed ? pass.packed : layout.packed,
               layout.zeros,
               layout.carried,
               pass.tape ? pass.tape : layout.sums,
               layout.record_rows,
               layout.record_slots,
               pass.tape != nullptr,
               stats_of(problem, layout.model, pass.tape),
               layout.chunk_steps,
               layout.scratch,
               layout.scratch_rows,
               {layout.operands[0], layout.operands[1]},
               layout.shown,
               layout.split_x,
               {layout.split_h[0], layout.split_h[1]},
               layout.split_x_rows,
               layout.split_h_rows},
          slices(layout.sharing.slices) {
        const Model& m = layout.model;
        const Plan& plan = args.plan;
        zero(layout.zeros, m.R > m.H ? m.R : m.H);
        zero_tails(problem, pass.y, m.R);
        for (int v = 0; pass.trace.data && v < m.cell.gates + m.cell.carries; ++v) {
            zero_tails(problem, {pass.trace.data + v * pass.trace_slot, pass.trace.step, pass.trace.row}, m.H);
        }
        for (int64_t row = plan.rows; row < problem.batch; ++row) {  // empty sequences return their initial state
            const int64_t b = plan.order[row];
            copy_or_zero(pass.h_n + b * m.R, pass.h0 ? pass.h0 + b * m.R : nullptr, m.R);
            if (m.cell.carries) copy_or_zero(pass.c_n + b * m.H, pass.c0 ? pass.c0 + b * m.H : nullptr, m.H);
        }
        for (int64_t row = 0; pass.recurrent_scale && row < plan.rows; ++row) {
            const int64_t at = plan.order[row] * m.R;
            for (int64_t k = 0; k < m.R; ++k) {
                layout.operands[0][row * m.R + k] = pass.h0 ? pass.h0[at + k] * pass.recurrent_scale[at + k] : 0.0f;
            }
        }
    }
};

struct BackwardJob {
    BackwardLayout layout;
    BackwardArgs args;
    Barrier slices, everyone;

    BackwardJob(const gw_problem& problem, const gw_backward& pass, void* workspace)
        : layout(problem, pass.recurrent_scale != nullptr, Arena(workspace)),
          args{layout.model,
               make_plan(problem, layout.plan),
               pass,
               layout.packed_hh,
               layout.packed_ih,
               layout.packed_hr,
               layout.constants,
               stats_of(problem, layout.model, pass.tape),
               layout.carried,
               layout.direct,
               {layout.d_sums[0], layout.d_sums[1]},
               {layout.dh[0], layout.dh[1]},
               {layout.shown[0], layout.shown[1]},
               layout.operands,
               layout.chunk_rows,
               layout.d_packed,
               layout.d_packed_hr,
               layout.zeros,
               {layout.split[0], layout.split[1]},
               {layout.split_input[0], layout.split_input[1]},
               {layout.split_columns[0], layout.split_columns[1]},
               layout.split_pairs,
               layout.split_rows,
               layout.tile_dh,
               layout.scratch,
               layout.scratch_rows,
               layout.step_rows,
               layout.group_panels,
               nullptr},
          slices(layout.sharing.slices),
          everyone(layout.threads) {
        if (layout.threads > 1) args.everyone = &everyone;
        const Model& m = layout.model;
        zero(layout.zeros, m.R > m.H ? m.R : m.H);
        if (pass.dx.data) zero_tails(problem, pass.dx, m.I);
        clear_halves();
        for (int64_t row = args.plan.rows; row < problem.batch; ++row) {
            const int64_t b = args.plan.order[row];
            if (pass.dh0) copy_or_zero(pass.dh0 + b * m.R, pass.dh_n ? pass.dh_n + b * m.R : nullptr, m.R);
            if (pass.dc0) copy_or_zero(pass.dc0 + b * m.H, pass.dc_n ? pass.dc_n + b * m.H : nullptr, m.H);
        }
    }

    // Of an odd number of vectors, the last block of k is only half written.
    void clear_halves() const {
        const Model& m = layout.model;
        const int64_t lanes = current_kernels().lanes, vectors = (m.H + lanes - 1) / lanes * m.cell.gates;
        if (!m.parts || vectors % 2 == 0) return;
        const size_t bytes =
            sizeof(uint16_t) * static_cast<size_t>(m.parts * layout.split_rows * (vectors + 1) * lanes);
        for (int i = 0; i < 2; ++i) {
            std::memset(layout.split[i], 0, bytes);
            std::memset(layout.split_input[i], 0, bytes);
        }
    }

    void pack(const gw_problem& problem, const float* const* params, Share share) const {
        const Scans& scans = scans_of(problem);
        const Kernels& kernels = current_kernels();
        const Model& m = layout.model;
        scans.pack_transposed(m, params[GW_WEIGHT_HH], m.R, m.cell.hidden_block, layout.group_panels, share,
                              layout.packed_hh);
        if (args.pass.dx.data && !is_narrow(m)) {
            scans.pack_transposed(m, params[GW_WEIGHT_IH], m.I, m.cell.input_block, 4, share, layout.packed_ih);
        }
        if (share.index > 0) return;
        if (args.pass.dx.data && is_narrow(m)) {
            kernels.pack_narrow(m, params[GW_WEIGHT_IH], m.I, m.cell.input_block, layout.packed_ih);
        }
        if (m.second) kernels.pack_plain(second_weights(m, params), m.R, m.H, false, layout.packed_hr);
        const int64_t vectors = constant_vectors(m) - bias_vectors(m);
        for (int64_t p = 0; p * kernels.lanes < m.H; ++p) {
            kernels.pack_constants(m, params, p, layout.constants + p * vectors * kernels.lanes);
        }
    }

    void zero_gradients() const {
        const Model& m = layout.model;
        const int64_t rows = m.cell.gates * m.H;
        const int64_t sizes[GW_NUM_PARAMS] = {rows * m.I, rows * m.R, rows, rows, m.R * m.H, m.H, m.H,
                                              m.H,        rows,       rows, rows, rows,      m.H, m.H};
        for (int i = 0; args.pass.gradients && i < GW_NUM_PARAMS; ++i) {
            if (args.pass.gradients[i]) zero(args.pass.gradients[i], sizes[i]);
        }
    }
};

// One or two jobs, made in place: barriers do not move.
template <class Job>
class Jobs {
public:
    template <class Pass>
    Jobs(int count, const gw_problem* problems, const Pass* passes, void* const* workspaces) {
        for (int i = 0; i < count; ++i) jobs_[i].emplace(problems[i], passes[i], workspaces[i]);
    }
    Job& operator[](int i) { return *jobs_[i]; }

private:
    std::optional<Job> jobs_[kMostAtOnce];
};

}  // namespace

size_t gw_tape_floats(const gw_problem* problem) { return static_cast<size_t>(tape_floats(*problem)); }

size_t gw_packed_floats(const gw_problem* problem) { return static_cast<size_t>(packed_floats(*problem)); }

size_t gw_forward_workspace(const gw_problem* problem) {
    return ForwardLayout(*problem, false, true, Arena(nullptr)).bytes;  // one figure serves all
}

size_t gw_backward_workspace(const gw_problem* problem) { return BackwardLayout(*problem, true, Arena(nullptr)).bytes; }

gw_status gw_pack(const gw_problem* problem, const float* const* params, float* packed) {
    const gw_status status = check_all(1, problem, &params);
    if (status == GW_OK) pack_weights(scans_of(*problem), model_of(*problem), params, {0, 1}, packed);
    return status;
}

gw_status gw_run_forward(int32_t count, const gw_problem* problems, const float* const* const* params,
                         const gw_forward* passes, void* const* workspaces) {
    const gw_status status = check_all(count, problems, params);
    if (status != GW_OK) return status;
    Jobs<ForwardJob> jobs(count, problems, passes, workspaces);
    int packers[kMostAtOnce] = {}, threads[kMostAtOnce] = {};
    bool packs = false;
    for (int i = 0; i < count; ++i) {
        packers[i] = product_threads(problems[i], kPackingSteps);
        threads[i] = jobs[i].layout.sharing.threads();
        packs = packs || !passes[i].packed;
    }
    if (packs) {
        side_by_side(count, packers, [&](int i, int index, int of) {
            if (passes[i].packed) return;
            pack_weights(scans_of(problems[i]), jobs[i].layout.model, params[i], {index, of}, jobs[i].layout.packed);
        });
    }
    side_by_side(count, threads, [&](int i, int index, int) {
        ForwardJob& job = jobs[i];
        scans_of(problems[i])
            .forward(job.args, pointwise_of(problems[i]), part_of(job.layout.sharing, index, job.slices));
    });
    return GW_OK;
}

gw_status gw_run_backward(int32_t count, const gw_problem* problems, const float* const* const* params,
                          const gw_backward* passes, void* const* workspaces) {
    const gw_status status = check_all(count, problems, params);
    if (status != GW_OK) return status;
    Jobs<BackwardJob> jobs(count, problems, passes, workspaces);
    int packers[kMostAtOnce] = {}, threads[kMostAtOnce] = {};
    for (int i = 0; i < count; ++i) {
        packers[i] = product_threads(problems[i], kPackingSteps);
        threads[i] = jobs[i].layout.threads;
    }
    side_by_side(count, packers, [&](int i, int index, int of) { jobs[i].pack(problems[i], params[i], {index, of}); });
    side_by_side(count, threads, [&](int i, int index, int of) {
        BackwardJob& job = jobs[i];
        if (job.args.plan.steps == 0) {
            if (index == 0) job.zero_gradients();
            return;
        }
        const Part part = part_of(job.layout.sharing, index, job.slices);
        const bool recurs = index < job.layout.sharing.threads();
        scans_of(problems[i]).backward(job.args, pointwise_of(problems[i]), recurs ? &part : nullptr, {index, of});
    });
    return GW_OK;
}
