#include "plan.h"

#include <cstring>

namespace {
int64_t length_of(const gw_problem& problem, int64_t b) { return problem.lengths ? problem.lengths[b] : problem.steps; }
}  // namespace

PlanBuffers::PlanBuffers(const gw_problem& problem, Arena& arena)
    : order(arena.take<int64_t>(problem.batch)),
      length(arena.take<int64_t>(problem.batch)),
      active(arena.take<int64_t>(problem.steps + 2)),
      start(arena.take<int64_t>(problem.steps + 1)),
      cursor(arena.take<int64_t>(problem.steps + 1)) {}

Plan make_plan(const gw_problem& problem, const PlanBuffers& to) {
    for (int64_t s = 0; s <= problem.steps + 1; ++s) to.active[s] = 0;
    // A counting sort: first how many have length s + 1, then how many are longer than s.
    for (int64_t b = 0; b < problem.batch; ++b) {
        const int64_t n = length_of(problem, b);
        if (n > 0) ++to.active[n - 1];
    }
    for (int64_t s = problem.steps; s-- > 0;) to.active[s] += to.active[s + 1];
    for (int64_t n = 0; n <= problem.steps; ++n) to.cursor[n] = to.active[n];  // where sequences of length n begin
    for (int64_t b = 0; b < problem.batch; ++b) {
        const int64_t n = length_of(problem, b), row = to.cursor[n]++;
        to.order[row] = b;
        to.length[row] = n;
    }
    Plan plan{0, to.active[0], 0, to.order, to.length, to.active, to.start};
    while (plan.steps < problem.steps && to.active[plan.steps] > 0) {
        to.start[plan.steps] = plan.total;
        plan.total += to.active[plan.steps++];
    }
    return plan;
}

Totals totals_of(const gw_problem& problem) {
    Totals totals{0, 0, 0};
    for (int64_t b = 0; b < problem.batch; ++b) {
        const int64_t n = length_of(problem, b);
        totals.total += n;
        totals.rows += n > 0;
        if (n > totals.steps) totals.steps = n;
    }
    return totals;
}

void zero_tails(const gw_problem& problem, const gw_output& out, int64_t width) {
    for (int64_t b = 0; problem.lengths && b < problem.batch; ++b) {
        for (int64_t t = problem.lengths[b]; t < problem.steps; ++t) {
            std::memset(out.data + t * out.step + b * out.row, 0, sizeof(float) * static_cast<size_t>(width));
        }
    }
}
