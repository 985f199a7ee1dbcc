// One sequence, a step at a time: a row of the forward kernel whose state lives on between calls.
#include <cstring>
#include <new>

#include "layout.h"

struct gw_stream {
    ForwardArgs args;
    Pointwise pointwise;
    void (*step)(const ForwardArgs&, const Pointwise&, const Row*);
    Row row;
    float* h[2];  // (R) the current one and the next, in turn
    float *c, *packed;
    int64_t active[2];
    int now;
};

namespace {

int64_t round_up(int64_t width) {
    const int64_t lanes = current_kernels().lanes;
    return (width + lanes - 1) / lanes * lanes;
}

// The stream itself, then its buffers, in one piece of memory.
gw_stream* place(const gw_problem& problem, Arena& arena) {
    const Model m = plain_model_of(problem);
    gw_stream* stream = arena.take<gw_stream>(1);
    float* packed = arena.take<float>(plain_scans_of(problem).packed_floats(m));
    float* h[2];
    for (float*& each : h) each = arena.take<float>(m.R);
    float* c = arena.take<float>(round_up(m.H));
    float* shown = arena.take<float>(m.second ? m.H : 0);
    float* record = arena.take<float>(needs_records(m) ? round_up(m.H) * m.cell.tape : 0);
    if (!stream) return nullptr;

    new (stream) gw_stream{};
    stream->packed = packed, stream->c = c;
    stream->h[0] = h[0], stream->h[1] = h[1];
    stream->active[0] = 1;
    stream->args.model = m;
    stream->args.model.reverse = false;
    stream->args.model.zone_h.training = stream->args.model.zone_c.training = false;
    stream->args.plan = {1, 1, 1, nullptr, nullptr, stream->active, nullptr};
    stream->args.packed = packed;
    stream->args.carried = c;
    stream->args.records = record;
    stream->args.record_rows = needs_records(m);
    stream->args.record_slots = m.cell.tape;
    stream->pointwise = plain_pointwise_of(problem);
    stream->step = plain_scans_of(problem).step;
    stream->row.record = record;
    stream->row.carried = c;
    stream->row.shown = m.second ? shown : nullptr;
    return stream;
}

}  // namespace

size_t gw_stream_bytes(const gw_problem* problem) {
    Arena arena(nullptr);
    place(*problem, arena);
    return arena.used();
}

gw_status gw_stream_init(const gw_problem* problem, const float* const* params, gw_stream* memory) {
    gw_problem one = *problem;
    one.steps = one.batch = one.num_threads = 1;
    one.lengths = nullptr, one.reverse = 0;
    Arena arena(memory);
    gw_stream* stream = nullptr;
    gw_status status = check_problem(one);
    if (status == GW_OK) status = check_params(one, params);
    if (status != GW_OK) return status;
    stream = place(one, arena);
    pack_weights(plain_scans_of(one), stream->args.model, params, {0, 1}, stream->packed);
    gw_stream_set_state(stream, nullptr, nullptr);
    return GW_OK;
}

void gw_stream_step(gw_stream* stream, const float* x, float* y) {
    Row& row = stream->row;
    float* next = stream->h[!stream->now];
    row.x = x;
    row.operand = row.before = stream->h[stream->now];
    row.y = next;
    stream->step(stream->args, stream->pointwise, &row);
    stream->now = !stream->now;
    std::memcpy(y, next, sizeof(float) * static_cast<size_t>(stream->args.model.R));
}

void gw_stream_get_state(const gw_stream* stream, float* h, float* c) {
    const Model& m = stream->args.model;
    std::memcpy(h, stream->h[stream->now], sizeof(float) * static_cast<size_t>(m.R));
    if (c) std::memcpy(c, stream->c, sizeof(float) * static_cast<size_t>(m.H));
}

void gw_stream_set_state(gw_stream* stream, const float* h, const float* c) {
    const Model& m = stream->args.model;
    const size_t h_bytes = sizeof(float) * static_cast<size_t>(m.R), c_bytes = sizeof(float) * static_cast<size_t>(m.H);
    h ? (void)std::memcpy(stream->h[stream->now], h, h_bytes) : (void)std::memset(stream->h[stream->now], 0, h_bytes);
    c ? (void)std::memcpy(stream->c, c, c_bytes) : (void)std::memset(stream->c, 0, c_bytes);
}
