// The C interface: checks, lays out the workspace, decides how threads share the work, and runs the kernels.
#include <cstring>

#include "dispatch.h"
#include "plan.h"
#include "threads.h"

namespace {

int64_t panels_of(int64_t width) { return (width + current_kernels().lanes - 1) / current_kernels().lanes; }

struct Sharing {
    int groups, slices;  // groups * slices threads run the recurrence
    int threads() const { return groups * slices; }
};

// How `rows` sequences are shared among threads in a recurrence over `units` shareable slices of the hidden layer.
Sharing share_recurrence(const gw_problem& problem, int64_t rows, int64_t units) {
    const Kernels& kernels = current_kernels();
    const int64_t threads = problem.num_threads < 1 ? 1 : problem.num_threads;
    const int64_t macs = rows * problem.hidden_size * 4 * (problem.hidden_size + problem.input_size);  // a step
    if (threads == 1 || macs < 16 * 1024) return {1, 1};
    // Weights that outgrow a core's cache are read anew at every step: few rows then share them better by slices.
    const bool outgrown = problem.hidden_size * problem.hidden_size * 16 > 512 * 1024;
    const int64_t enough = outgrown ? 2 * kernels.tile_rows : 2;
    if (rows >= enough * threads) return {static_cast<int>(threads), 1};
    const int64_t slices = threads < units ? threads : units;
    if (slices > 1 && macs >= 128 * 1024) return {1, static_cast<int>(slices)};
    return {static_cast<int>(rows < threads ? rows : threads), 1};
}

// Threads for the products outside the recurrence: none for what one thread does in the time it takes to wake another.
int product_threads(const gw_problem& problem, int64_t steps) {
    const int64_t macs = steps * problem.hidden_size * 4 * (problem.hidden_size + problem.input_size);
    return problem.num_threads < 1 || macs < 64 * 1024 ? 1 : problem.num_threads;
}

int64_t group_rows(int64_t rows, const Sharing& sharing) { return (rows + sharing.groups - 1) / sharing.groups; }

struct ForwardLayout {
    PlanBuffers plan;
    Sharing sharing;
    int64_t chunk_steps, scratch_rows, record_rows, record_slots;
    float *packed, *zeros, *carried, *sums;
    Row* scratch;
    size_t bytes;

    ForwardLayout(const gw_problem& problem, bool tape, Arena arena) : plan(problem, arena) {
        const CellKernels& cell = current_cell(problem.cell);
        const Kernels& kernels = current_kernels();
        const Totals totals = totals_of(problem);
        const int64_t panels = panels_of(problem.hidden_size), H = problem.hidden_size, I = problem.input_size;
        sharing = share_recurrence(problem, totals.rows, panels);
        const int64_t rows = group_rows(totals.rows, sharing);
        // Few rows: make the input's products for many steps at once, so that its weights are read once for all of
        // them.
        const int64_t wanted = 8 * kernels.tile_rows;
        chunk_steps = rows > 0 && rows < 2 * kernels.tile_rows ? (wanted + rows - 1) / rows : 0;
        if (chunk_steps > totals.steps) chunk_steps = totals.steps;
        scratch_rows = rows * (chunk_steps > 0 ? chunk_steps : 1);
        record_rows = tape ? totals.total : (chunk_steps > 0 ? sharing.groups * scratch_rows : 0);
        record_slots = tape ? cell.tape : cell.sums;
        packed = arena.take<float>(panels * kernels.lanes * (cell.sums + (I + H) * cell.gates));
        zeros = arena.take<float>(H);
        carried = arena.take<float>(panels * totals.rows * kernels.lanes);
        sums = tape ? nullptr : arena.take<float>(panels * record_rows * record_slots * kernels.lanes);
        scratch = arena.take<Row>(sharing.threads() * scratch_rows);
        bytes = arena.used();
    }
};

struct BackwardLayout {
    PlanBuffers plan;
    Sharing sharing;
    int threads;
    int64_t group_panels, scratch_rows, chunk_rows;
    float *packed_hh, *packed_ih, *zeros, *carried, *d_sums[2], *d_packed;
    BackRow* scratch;
    StepRow* step_rows;
    size_t bytes;

    BackwardLayout(const gw_problem& problem, Arena arena) : plan(problem, arena) {
        const CellKernels& cell = current_cell(problem.cell);
        const int64_t lanes = current_kernels().lanes;
        const Totals totals = totals_of(problem);
        const int64_t H = problem.hidden_size, I = problem.input_size, panels = panels_of(H);
        sharing = share_recurrence(problem, totals.rows, panels);
        const int products = product_threads(problem, totals.total < kChunkRows ? totals.total : kChunkRows);
        threads = products > sharing.threads() ? products : sharing.threads();
        group_panels = (panels + sharing.slices - 1) / sharing.slices;
        if (group_panels > 4) group_panels = 4;
        scratch_rows = group_rows(totals.rows, sharing);
        chunk_rows = totals.rows > kChunkRows ? totals.rows : kChunkRows;
        if (chunk_rows > totals.total) chunk_rows = totals.total;
        const int64_t depth = panels * cell.sums * lanes;
        packed_hh = arena.take<float>(depth * panels * lanes);
        packed_ih = arena.take<float>(depth * panels_of(I) * lanes);
        zeros = arena.take<float>(H);
        carried = arena.take<float>(panels * totals.rows * lanes);
        for (float*& buffer : d_sums) buffer = arena.take<float>(depth * chunk_rows);
        d_packed = arena.take<float>(depth * (I + H + 1));
        scratch = arena.take<BackRow>(sharing.threads() * scratch_rows);
        step_rows = arena.take<StepRow>(threads * chunk_rows);
        bytes = arena.used();
    }
};

Part part_of(const Sharing& sharing, int index, Barrier& barrier) {
    return {index / sharing.slices, sharing.groups, index % sharing.slices, sharing.slices,
            sharing.slices > 1 ? &barrier : nullptr};
}

// Steps past a length are zero. Sequences are contiguous in the plan's order only by row, so each has its own tail.
void zero_tails(const gw_problem& problem, const gw_output& out, int64_t width) {
    for (int64_t b = 0; problem.lengths && b < problem.batch; ++b) {
        for (int64_t t = problem.lengths[b]; t < problem.steps; ++t) {
            std::memset(out.data + t * out.step + b * out.row, 0, sizeof(float) * static_cast<size_t>(width));
        }
    }
}

void copy_or_zero(float* to, const float* from, int64_t count) {
    const size_t bytes = sizeof(float) * static_cast<size_t>(count);
    from ? std::memcpy(to, from, bytes) : std::memset(to, 0, bytes);
}

void zero_gradients(const gw_problem& problem, const gw_backward& pass, int64_t gates) {
    const int64_t rows = gates * problem.hidden_size;
    copy_or_zero(pass.dweight_ih, nullptr, rows * problem.input_size);
    copy_or_zero(pass.dweight_hh, nullptr, rows * problem.hidden_size);
    if (pass.dbias_ih) copy_or_zero(pass.dbias_ih, nullptr, rows);
    if (pass.dbias_hh) copy_or_zero(pass.dbias_hh, nullptr, rows);
}

}  // namespace

gw_status gw_check(const gw_problem* problem) {
    if (problem->cell != GW_LSTM) return GW_BAD_CELL;
    if (problem->steps < 0 || problem->batch < 0 || problem->input_size < 0 || problem->hidden_size < 1)
        return GW_BAD_SIZE;
    for (int64_t b = 0; problem->lengths && b < problem->batch; ++b) {
        if (problem->lengths[b] < 0 || problem->lengths[b] > problem->steps) return GW_BAD_LENGTH;
    }
    return GW_OK;
}

size_t gw_tape_floats(const gw_problem* problem) {
    const int64_t record = current_cell(problem->cell).tape * current_kernels().lanes;
    return static_cast<size_t>(panels_of(problem->hidden_size) * totals_of(*problem).total * record);
}

size_t gw_forward_workspace(const gw_problem* problem) {
    // Without a tape more scratch is needed; one figure serves both.
    return ForwardLayout(*problem, false, Arena(nullptr)).bytes;
}

size_t gw_backward_workspace(const gw_problem* problem) { return BackwardLayout(*problem, Arena(nullptr)).bytes; }

gw_status gw_run_forward(const gw_problem* problem, const gw_params* params, const gw_forward* pass, void* workspace) {
    const gw_status status = gw_check(problem);
    if (status != GW_OK) return status;
    const CellKernels& cell = current_cell(problem->cell);
    const ForwardLayout layout(*problem, pass->tape != nullptr, Arena(workspace));
    const Plan plan = make_plan(*problem, layout.plan);
    const int64_t I = problem->input_size, H = problem->hidden_size;

    std::memset(layout.zeros, 0, sizeof(float) * static_cast<size_t>(H));
    zero_tails(*problem, pass->y, H);
    for (int64_t row = plan.rows; row < problem->batch; ++row) {  // empty sequences return their initial state
        const int64_t at = plan.order[row] * H;
        copy_or_zero(pass->h_n + at, pass->h0 ? pass->h0 + at : nullptr, H);
        copy_or_zero(pass->c_n + at, pass->c0 ? pass->c0 + at : nullptr, H);
    }

    const int packers = product_threads(*problem, 8);
    parallel(packers, [&](int index) { cell.pack(*params, I, H, {index, packers}, layout.packed); });
    const ForwardArgs args{plan,
                           I,
                           H,
                           problem->reverse != 0,
                           *pass,
                           layout.packed,
                           layout.zeros,
                           layout.carried,
                           pass->tape ? pass->tape : layout.sums,
                           layout.record_rows,
                           layout.record_slots,
                           pass->tape != nullptr,
                           layout.chunk_steps,
                           layout.scratch,
                           layout.scratch_rows};
    Barrier slices(layout.sharing.slices);
    parallel(layout.sharing.threads(), [&](int index) { cell.forward(args, part_of(layout.sharing, index, slices)); });
    return GW_OK;
}

gw_status gw_run_backward(const gw_problem* problem, const gw_params* params, const gw_backward* pass,
                          void* workspace) {
    const gw_status status = gw_check(problem);
    if (status != GW_OK) return status;
    const CellKernels& cell = current_cell(problem->cell);
    const BackwardLayout layout(*problem, Arena(workspace));
    const Plan plan = make_plan(*problem, layout.plan);
    const int64_t I = problem->input_size, H = problem->hidden_size;

    std::memset(layout.zeros, 0, sizeof(float) * static_cast<size_t>(H));
    if (pass->dx.data) zero_tails(*problem, pass->dx, I);
    for (int64_t row = plan.rows; row < problem->batch; ++row) {
        const int64_t at = plan.order[row] * H;
        copy_or_zero(pass->dh0 + at, pass->dh_n ? pass->dh_n + at : nullptr, H);
        copy_or_zero(pass->dc0 + at, pass->dc_n ? pass->dc_n + at : nullptr, H);
    }

    if (plan.steps == 0) {
        if (pass->dweight_ih) zero_gradients(*problem, *pass, cell.gates);
        return GW_OK;
    }
    const int packers = product_threads(*problem, 8);
    parallel(packers, [&](int index) {
        cell.pack_transposed(params->weight_hh, H, H, true, layout.group_panels, {index, packers}, layout.packed_hh);
        if (pass->dx.data) cell.pack_transposed(params->weight_ih, H, I, false, 4, {index, packers}, layout.packed_ih);
    });
    Barrier slices(layout.sharing.slices), everyone(layout.threads);
    const BackwardArgs args{plan,
                            I,
                            H,
                            problem->reverse != 0,
                            *pass,
                            layout.packed_hh,
                            layout.packed_ih,
                            layout.carried,
                            {layout.d_sums[0], layout.d_sums[1]},
                            layout.chunk_rows,
                            layout.d_packed,
                            layout.zeros,
                            layout.scratch,
                            layout.scratch_rows,
                            layout.step_rows,
                            layout.group_panels,
                            layout.threads > 1 ? &everyone : nullptr};
    parallel(layout.threads, [&](int index) {
        const Part part = part_of(layout.sharing, index, slices);
        cell.backward(args, index < layout.sharing.threads() ? &part : nullptr, {index, layout.threads});
    });
    return GW_OK;
}
