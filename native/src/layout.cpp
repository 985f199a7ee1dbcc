#include "layout.h"

namespace {

int64_t lanes() { return current_kernels().lanes; }
int64_t panels_of(int64_t width) { return (width + lanes() - 1) / lanes(); }

// As a floating-point number, since the product of three sizes may leave 63 bits.
double macs_of(const Model& m, int64_t rows) {
    return static_cast<double>(rows) * static_cast<double>(m.H * m.cell.gates * (m.I + m.R));
}

constexpr int32_t kMostThreads = 1024;
int32_t threads_of(const gw_problem& problem) {
    return problem.num_threads < 1 ? 1 : problem.num_threads < kMostThreads ? problem.num_threads : kMostThreads;
}

// How `rows` sequences are shared among threads in a recurrence over `units` shareable slices of the hidden layer.
Sharing share_recurrence(const gw_problem& problem, const Model& m, int64_t rows, int64_t units) {
    const int64_t tile_rows = current_kernels().tile_rows;
    const int64_t threads = threads_of(problem);
    const double macs = macs_of(m, rows);  // a step
    if (threads == 1 || macs < 16 * 1024) return {1, 1};
    const Sharing by_rows{static_cast<int>(rows < threads ? rows : threads), 1};
    if (by_row(m)) return by_rows;
    if (m.parts) return {1, static_cast<int>(threads < units ? threads : units)};
    // Weights that outgrow a core's cache are read anew at every step: few rows then share them better by slices.
    const bool outgrown = m.H * m.R * m.cell.gates * 4 > 512 * 1024;
    const int64_t enough = outgrown ? 2 * tile_rows : 2;
    if (rows >= enough * threads) return by_rows;
    const int64_t slices = threads < units ? threads : units;
    if (slices > 1 && macs >= 128 * 1024) return {1, static_cast<int>(slices)};
    return by_rows;
}

// Of an operand of that many rows, as in parts/: some parts of two bytes for each float, k in blocks of 32.
constexpr int64_t kTileRows = 16, kTileDepth = 32, kTileChunk = 256;
int64_t split_parts(const Model& m, int64_t rows, int64_t depth) {
    return m.parts * rows * ((depth + kTileDepth - 1) / kTileDepth * kTileDepth);
}

// Room for the tile that begins at the last row, in whole pages of a plane.
int64_t split_rows_for(int64_t rows) { return (rows + kTileRows + 63) / 64 * 64; }

int64_t group_rows(int64_t rows, const Sharing& sharing) { return (rows + sharing.groups - 1) / sharing.groups; }

}  // namespace

int product_threads(const gw_problem& problem, int64_t steps) {
    // Twenty microseconds: halving them gains no more than a second thread costs.
    return macs_of(model_of(problem), steps) < 1024 * 1024 ? 1 : threads_of(problem);
}

int64_t tape_floats(const gw_problem& problem) {
    const Model m = model_of(problem);
    return totals_of(problem).total * (panels_of(m.H) * m.cell.tape * lanes() + (m.norm ? kNormStats : 0));
}

int64_t packed_floats(const gw_problem& problem) { return scans_of(problem).packed_floats(model_of(problem)); }

ForwardLayout::ForwardLayout(const gw_problem& problem, bool tape, bool packs, Arena arena)
    : model(model_of(problem)), plan(problem, arena) {
    const Totals totals = totals_of(problem);
    const Model& m = model;
    const int64_t panels = panels_of(m.H), tile_rows = current_kernels().tile_rows;
    sharing = share_recurrence(problem, m, totals.rows, panels);
    const int64_t rows = group_rows(totals.rows, sharing);
    // Few rows: make the input's products for many steps at once, so that its weights are read once for all of them.
    const int64_t wanted = m.parts ? kTileChunk : 8 * tile_rows;
    chunk_steps = rows > 0 && (rows < 2 * tile_rows || m.parts) ? (wanted + rows - 1) / rows : 0;
    if (chunk_steps > totals.steps) chunk_steps = totals.steps;
    scratch_rows = rows * (chunk_steps > 0 ? chunk_steps : 1);
    record_rows = tape ? totals.total : (chunk_steps > 0 || needs_records(m) ? sharing.groups * scratch_rows : 0);
    record_slots = tape || needs_records(m) ? m.cell.tape : m.cell.sums;
    packed = packs ? arena.take<float>(packed_floats(problem)) : nullptr;
    zeros = arena.take<float>(m.R > m.H ? m.R : m.H);
    carried = arena.take<float>(panels * totals.rows * lanes());
    sums = tape ? nullptr : arena.take<float>(panels * record_rows * record_slots * lanes());
    for (float*& operand : operands) operand = arena.take<float>(totals.rows * m.R);
    shown = m.second ? arena.take<float>(totals.rows * m.H) : nullptr;
    split_x_rows = m.parts ? split_rows_for(scratch_rows) : 0;
    split_h_rows = m.parts ? split_rows_for(totals.rows) : 0;
    split_x = arena.take<uint16_t>(split_parts(m, split_x_rows, m.I), kPage);
    for (uint16_t*& split : split_h) split = arena.take<uint16_t>(split_parts(m, split_h_rows, m.R), kPage);
    scratch = arena.take<Row>(sharing.threads() * scratch_rows);
    bytes = arena.used();
}

BackwardLayout::BackwardLayout(const gw_problem& problem, bool scaled, Arena arena)
    : model(model_of(problem)), plan(problem, arena) {
    const Totals totals = totals_of(problem);
    const Model& m = model;
    const int64_t panels = panels_of(m.H), out_panels = panels_of(m.R);
    sharing = share_recurrence(problem, m, totals.rows, panels);
    const int products = product_threads(problem, totals.total);
    threads = products > sharing.threads() ? products : sharing.threads();
    group_panels = (out_panels + sharing.slices - 1) / sharing.slices;
    if (group_panels > 4) group_panels = 4;
    scratch_rows = group_rows(totals.rows, sharing);
    chunk_rows = totals.rows > kChunkRows ? totals.rows : kChunkRows;
    if (chunk_rows > totals.total) chunk_rows = totals.total;
    const int64_t depth = panels * m.cell.gates * lanes(), slots = panels * gradient_slots(m) * lanes();
    const int64_t constants_each = constant_vectors(m) - bias_vectors(m);
    const bool has_direct = m.zone_h.share > 0 || !m.cell.carries;
    const Scans& scans = scans_of(problem);
    packed_hh = arena.take<float>(scans.transposed_floats(m, m.R));
    packed_ih = arena.take<float>(scans.transposed_floats(m, m.I));
    packed_hr = m.second ? arena.take<float>(m.R * panels * lanes()) : nullptr;
    constants = arena.take<float>(panels * constants_each * lanes());
    zeros = arena.take<float>(m.R > m.H ? m.R : m.H);
    carried = arena.take<float>(panels * totals.rows * lanes());
    direct = has_direct ? arena.take<float>(out_panels * totals.rows * lanes()) : nullptr;
    for (int i = 0; i < 2; ++i) {
        d_sums[i] = arena.take<float>(slots * chunk_rows);
        dh[i] = by_row(m) ? arena.take<float>(chunk_rows * m.R) : nullptr;
        shown[i] = m.second ? arena.take<float>(panels * chunk_rows * lanes()) : nullptr;
    }
    operands = scaled ? arena.take<float>(chunk_rows * m.R) : nullptr;
    // Products of parts take columns sixteen at a time.
    const int64_t columns = m.parts ? (panels_of(m.I) + out_panels) * lanes() : m.I + m.R;
    d_packed = arena.take<float>(depth * columns + panels * summed_slots(m) * lanes());
    tile_dh = m.parts ? arena.take<float>(split_rows_for(totals.rows) * out_panels * lanes()) : nullptr;
    d_packed_hr = m.second ? arena.take<float>(panels * m.R * lanes()) : nullptr;
    split_rows = m.parts ? split_rows_for(chunk_rows) : 0;
    const bool apart = m.cell.input != m.cell.hidden;
    for (int i = 0; i < 2; ++i) {
        split[i] = arena.take<uint16_t>(split_parts(m, split_rows, depth), kPage);
        split_input[i] = apart ? arena.take<uint16_t>(split_parts(m, split_rows, depth), kPage) : split[i];
        split_columns[i] = arena.take<uint16_t>(split_parts(m, columns, chunk_rows));
    }
    split_pairs = arena.take<uint16_t>(threads * split_parts(m, m.cell.gates * lanes(), chunk_rows));
    scratch = arena.take<BackRow>(sharing.threads() * scratch_rows);
    step_rows = arena.take<StepRow>(threads * chunk_rows);
    bytes = arena.used();
}

void pack_weights(const Scans& scans, const Model& m, const float* const* params, Share share, float* packed) {
    scans.pack(m, params, share, packed);
    if (!m.second || share.index > 0) return;
    const int64_t constants_and_weights = constant_vectors(m) + (m.I + m.R) * m.cell.gates;
    float* at = packed + panels_of(m.H) * lanes() * constants_and_weights;
    current_kernels().pack_plain(second_weights(m, params), m.H, m.R, true, at);
}
