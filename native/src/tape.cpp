// Sizes and readings of a tape. Its layout: [panel][real step][slots][lanes], real steps in the plan's order.
#include <cstring>

#include "layout.h"

namespace {

void copy_slot(const gw_problem& problem, const Model& m, const Plan& plan, const float* tape, int32_t slot,
               const gw_output& out) {
    const int64_t lanes = current_kernels().lanes, record = m.cell.tape * lanes;
    for (int64_t s = 0; s < plan.steps; ++s) {
        for (int64_t row = 0; row < plan.active[s]; ++row) {
            const int64_t t = m.reverse ? plan.length[row] - 1 - s : s;
            float* to = out.data + t * out.step + plan.order[row] * out.row;
            const float* from = tape + (plan.start[s] + row) * record + slot * lanes;
            for (int64_t k = 0; k < m.H; k += lanes, from += plan.total * record) {
                const int64_t count = m.H - k < lanes ? m.H - k : lanes;
                std::memcpy(to + k, from, sizeof(float) * static_cast<size_t>(count));
            }
        }
    }
    zero_tails(problem, out, m.H);
}

}  // namespace

size_t gw_tape_floats(const gw_problem* problem) { return static_cast<size_t>(tape_floats(*problem)); }

gw_status gw_read_tape(const gw_problem* problem, const float* tape, int32_t slot, const gw_output* out,
                       void* workspace) {
    const gw_status status = check_problem(*problem);
    if (status != GW_OK) return status;
    const Model m = model_of(*problem);
    if (slot < 0 || slot > m.cell.gates - !m.cell.carries) return GW_BAD_SIZE;
    Arena arena(workspace);
    const PlanBuffers buffers(*problem, arena);
    copy_slot(*problem, m, make_plan(*problem, buffers), tape, slot, *out);
    return GW_OK;
}
