#include "model.h"

#include <cmath>

#include "hash.h"

namespace {

constexpr uint32_t kLstmOptions =
    GW_NO_INPUT_GATE | GW_NO_FORGET_GATE | GW_NO_OUTPUT_GATE | GW_COUPLED | GW_PEEPHOLE | GW_LAYER_NORM;

bool has(const gw_problem& problem, uint32_t option) { return (problem.options & option) != 0; }

// Place in Kernels::cells, in the order of table.h; -1 if there is no such cell.
int index_of(const gw_problem& problem) {
    switch (problem.cell) {
        case GW_LSTM: {
            const int forget = !has(problem, GW_NO_FORGET_GATE), output = !has(problem, GW_NO_OUTPUT_GATE);
            const bool coupled = has(problem, GW_COUPLED), writes = !has(problem, GW_NO_INPUT_GATE);
            if ((problem.options & ~kLstmOptions) || (coupled && (!forget || !writes))) return -1;
            if (coupled) return 4 + output;
            return (writes ? 0 : 6) + 2 * forget + output;
        }
        case GW_GRU:
            return (problem.options & ~uint32_t{GW_RESET_BEFORE}) ? -1 : 10 + has(problem, GW_RESET_BEFORE);
        case GW_RNN:
            return (problem.options & ~uint32_t{GW_RELU}) ? -1 : 12 + has(problem, GW_RELU);
        default:
            return -1;
    }
}

Zoneout zoneout_of(const gw_problem& problem, double share, uint32_t stream) {
    const double bits = std::floor(share * 4294967296.0);
    return {problem.training != 0, static_cast<float>(share),
            bits < 4294967295.0 ? static_cast<uint32_t>(bits) : 4294967295u, hash_key(problem.seed, stream)};
}

// Tiles pay off for wide layers and many rows; dot products earlier. The batch counts as it was given, empty sequences
// too, so that no more than its size decides.
constexpr int64_t kTileWeights = 96 * 1024;

constexpr int64_t kDotWeights = 4 * 1024;

// What makes the products of a problem from parts, or nullptr.
const PartKernels* parts_of(const gw_problem& p) {
    if (p.proj_size > 0 || has(p, GW_LAYER_NORM | GW_RESET_BEFORE)) return nullptr;
    const int64_t gates = current_kernels().cells.of[index_of(p)].facts.gates;
    const int64_t weights = gates * p.hidden_size * (p.input_size + p.hidden_size);
    if (p.bfloat16 && current_dots()) return weights >= kDotWeights ? current_dots() : nullptr;
    const bool tiles = weights >= kTileWeights && p.batch >= GW_TILE_BATCH && !p.batch_invariant;
    return tiles ? current_tiles() : nullptr;
}

// With a layer norm, what enters it from x and from h must be kept apart, and stays on the tape.
Facts normalised(Facts cell) {
    cell.hidden = cell.gates;
    cell.sums = 2 * cell.gates;
    cell.tape = 3 * cell.gates + 1;
    return cell;
}

bool is_share(double value) { return value >= 0 && value < 1; }

// What fits no memory is refused; of what does, no size in bytes leaves 63 bits.
bool fits(const gw_problem& p) {
    constexpr int64_t most = int64_t{1} << 31;
    constexpr double most_floats = static_cast<double>(int64_t{1} << 44);
    if (p.steps > most || p.batch > most || p.input_size > most || p.hidden_size > most) return false;
    const double width = static_cast<double>(p.input_size + p.hidden_size);
    return static_cast<double>(p.steps + 2) * static_cast<double>(p.batch + 1) * width <= most_floats &&
           static_cast<double>(p.hidden_size) * width <= most_floats;
}

}  // namespace

Model model_of(const gw_problem& p) {
    const bool norm = has(p, GW_LAYER_NORM);
    const Facts& facts = pointwise_of(p).facts;
    return {norm ? normalised(facts) : facts,
            p.input_size,
            p.hidden_size,
            p.proj_size ? p.proj_size : p.hidden_size,
            p.proj_size > 0 || facts.second_block >= 0,
            has(p, GW_PEEPHOLE),
            norm,
            p.reverse != 0,
            p.cell_clip > 0,
            parts_of(p) ? parts_of(p)->parts : 0,
            p.cell_clip,
            zoneout_of(p, p.zoneout_h, 0),
            zoneout_of(p, p.zoneout_c, 1),
            p.batch,
            p.first_step};
}

Model plain_model_of(const gw_problem& problem) {
    Model m = model_of(problem);
    m.parts = 0;
    return m;
}

const Pointwise& plain_pointwise_of(const gw_problem& problem) { return current_kernels().cells.of[index_of(problem)]; }

const Scans& plain_scans_of(const gw_problem& problem) {
    return current_kernels().scans[plain_pointwise_of(problem).facts.gates - 1];
}

const Pointwise& pointwise_of(const gw_problem& problem) {
    const PartKernels* parts = parts_of(problem);
    return parts ? parts->cells.of[index_of(problem)] : plain_pointwise_of(problem);
}

const Scans& scans_of(const gw_problem& problem) {
    const PartKernels* parts = parts_of(problem);
    return parts ? parts->scans[pointwise_of(problem).facts.gates - 1] : plain_scans_of(problem);
}

gw_status check_problem(const gw_problem& p) {
    if (index_of(p) < 0) return GW_BAD_CELL;
    const bool lstm = p.cell == GW_LSTM;
    if (!lstm && (p.proj_size || p.cell_clip > 0 || p.zoneout_c > 0)) return GW_BAD_CELL;
    if (p.steps < 0 || p.batch < 0 || p.input_size < 0 || p.hidden_size < 1 || p.proj_size < 0 ||
        p.proj_size >= p.hidden_size || !(p.cell_clip >= 0) || !is_share(p.zoneout_h) || !is_share(p.zoneout_c) ||
        !fits(p))
        return GW_BAD_SIZE;
    for (int64_t b = 0; p.lengths && b < p.batch; ++b) {
        if (p.lengths[b] < 0 || p.lengths[b] > p.steps) return GW_BAD_LENGTH;
    }
    return GW_OK;
}

gw_status check_params(const gw_problem& p, const float* const* params) {
    const bool peephole = has(p, GW_PEEPHOLE), writes = !has(p, GW_NO_INPUT_GATE | GW_COUPLED);
    const bool needed[GW_NUM_PARAMS] = {true,
                                        true,
                                        false,
                                        false,
                                        p.proj_size > 0,
                                        peephole && writes,
                                        peephole && !has(p, GW_NO_FORGET_GATE),
                                        peephole && !has(p, GW_NO_OUTPUT_GATE),
                                        has(p, GW_LAYER_NORM),
                                        false,
                                        has(p, GW_LAYER_NORM),
                                        false,
                                        has(p, GW_LAYER_NORM)};
    for (int i = 0; i < GW_NUM_PARAMS; ++i) {
        // Weights of an input without features have no address to speak of.
        if (needed[i] && !params[i] && !(i == GW_WEIGHT_IH && p.input_size == 0)) return GW_MISSING;
    }
    return GW_OK;
}

gw_status gw_check(const gw_problem* problem) { return check_problem(*problem); }

int32_t gw_gates(const gw_problem* problem) { return pointwise_of(*problem).facts.gates; }

uint32_t gw_zoneout_bits(uint64_t seed, uint32_t stream, uint32_t row, uint32_t unit) {
    return hash_mix(hash_row(hash_key(seed, stream), row) + unit * kHashStep);
}
