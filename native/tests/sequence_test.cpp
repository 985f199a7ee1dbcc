// One sequence at a time: a sequence has the same results whatever its batch mates, keeps its NaN and infinities to
// itself, and taken in stretches, or step by step as a stream, gives what the scan gives. On every instruction set.
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "family_cases.h"

namespace {

Tally tally;

// One sequence of the batch without the others: where tiles depend on the size of the batch, among empty ones. The
// masks of zoneout depend on the place in the batch, so not with those.
void test_alone(const Variant& v, const Tensors& in, const Run& all, const std::string& name) {
    const Shape& s = in.shape;
    if (s.B < 2 || (v.training && (v.zoneout_h > 0 || v.zoneout_c > 0))) return;
    const int64_t b = s.B / 2, n = s.length(b);
    Shape own = s;
    own.T = n, own.B = s.B < GW_TILE_BATCH || s.invariant || s.bfloat16 ? 1 : GW_TILE_BATCH;
    own.lengths.assign(static_cast<size_t>(own.B), 0), own.lengths[0] = n;
    Tensors single(v, own, 1);
    single.params = in.params;
    const auto take = [&](Floats& to, const Floats& from, int64_t width) {
        if (!from.empty()) std::copy_n(from.begin() + b * width, width, to.begin());
    };
    take(single.h0, in.h0, in.R), take(single.c0, in.c0, in.H), take(single.scale, in.scale, in.R);
    take(single.dh_n, in.dh_n, in.R), take(single.dc_n, in.dc_n, in.H);
    for (int64_t t = 0; t < n; ++t) {
        std::copy_n(in.x.at(t, b), s.I, single.x.at(t, 0));
        if (s.cotangents) std::copy_n(in.dy.at(t, b), in.R, single.dy.at(t, 0));
    }
    Run alone(v, single, 1);
    Run::all({&alone});
    const auto equal = [&](const float* x, const float* y, int64_t k) {
        return k == 0 || !std::memcmp(x, y, sizeof(float) * static_cast<size_t>(k));
    };
    bool fine = equal(&all.h_n[b * in.R], alone.h_n.data(), in.R) && equal(&all.dh0[b * in.R], alone.dh0.data(), in.R);
    if (!all.c_n.empty()) {
        fine = fine && equal(&all.c_n[b * in.H], alone.c_n.data(), in.H);
        fine = fine && equal(&all.dc0[b * in.H], alone.dc0.data(), in.H);
    }
    for (int64_t t = 0; t < n; ++t) {
        fine = fine && equal(all.y.at(t, b), alone.y.at(t, 0), in.R);
        fine = fine && (!s.dx || equal(all.dx.at(t, b), alone.dx.at(t, 0), s.I));
    }
    tally.expect(fine, name + ": a sequence alone has the same bits");
}

bool same_rows(const Grid& x, const Grid& y, const Shape& s, int64_t b, int64_t width) {
    bool equal = true;
    for (int64_t t = 0; t < s.T && width > 0; ++t) {
        equal = equal && !std::memcmp(x.at(t, b), y.at(t, b), sizeof(float) * static_cast<size_t>(width));
    }
    return equal;
}

void test_poison(const Variant& v, const Tensors& in, const Run& clean, const std::string& name) {
    const Shape& s = in.shape;
    const int64_t b = s.B / 2;
    if (s.B < 2 || s.I < 1 || s.length(b) < 1) return;
    for (const float poison : {kNaN, std::numeric_limits<float>::infinity()}) {
        Tensors bad = in;
        const int64_t first = s.reverse ? s.length(b) - 1 : 0;
        bad.x.at(first, b)[0] = poison;
        Run run(v, bad, 2);
        Run::all({&run});
        bool contained = true;
        for (int64_t other = 0; other < s.B; ++other) {
            if (other == b) continue;
            contained = contained && same_rows(run.y, clean.y, s, other, in.R);
            contained = contained && (!s.dx || same_rows(run.dx, clean.dx, s, other, s.I));
            for (int64_t k = 0; k < in.R; ++k) {
                contained = contained && (!in.shape.states || run.dh0[other * in.R + k] == clean.dh0[other * in.R + k]);
            }
        }
        tally.expect(contained, name + ": what is not finite stays in its sequence");
        bool shows = !std::isnan(poison);  // an infinity may saturate; a NaN must not vanish
        for (int64_t k = 0; k < in.R; ++k) shows = shows || std::isnan(run.y.at(first, b)[k]);
        tally.expect(shows, name + ": NaN shows");
    }
}

// A scan cut in two, the second from where the first has come to.
void test_stretches(const Variant& v, const Tensors& in, const Run& whole, const std::string& name) {
    const Shape& s = in.shape;
    if (s.T < 2 || !s.lengths.empty() || s.reverse) return;
    const int64_t first = s.T / 2;
    Floats y, h, c;
    for (int64_t begin : {int64_t{0}, first}) {
        Shape stretch = s;
        stretch.T = begin == 0 ? first : s.T - first;
        Tensors part(v, stretch, 1);
        part.params = in.params, part.scale = in.scale;
        part.h0 = begin == 0 ? in.h0 : h, part.c0 = begin == 0 ? in.c0 : c;
        for (int64_t t = 0; t < stretch.T; ++t) {
            for (int64_t b = 0; b < s.B; ++b) std::copy_n(in.x.at(begin + t, b), s.I, part.x.at(t, b));
        }
        Run run(v, part, 2);
        run.problem.first_step = begin;
        Run::forward({&run});
        const Floats values = run.logical(run.y, in.R);
        y.insert(y.end(), values.begin(), values.end());
        h = run.h_n, c = run.c_n;
    }
    const bool equal = same(y, whole.logical(whole.y, in.R)) && same(h, whole.h_n) && same(c, whole.c_n);
    tally.expect(equal, name + ": two stretches make the scan");
}

void test_stream(Variant v, const Shape& s, const std::string& name) {
    v.training = false, v.scaled = false;
    Shape own = s;
    own.T = 9, own.B = 1, own.lengths.clear(), own.reverse = false, own.bfloat16 = false;
    const Tensors in(v, own, 5);
    Run scan(v, in, 1);
    Run::forward({&scan});
    const Workspace memory(gw_stream_bytes(&scan.problem));
    auto* stream = static_cast<gw_stream*>(memory.get());
    tally.expect(gw_stream_init(&scan.problem, scan.params.data(), stream) == GW_OK, name + " streams");
    if (s.states) gw_stream_set_state(stream, Run::or_null(in.h0), Run::or_null(in.c0));
    Grid y(own, in.R);
    Floats h = fresh(in.R), c = fresh(in.H);
    for (int64_t t = 0; t < own.T; ++t) {
        if (t == 4) {  // the state is all there is
            gw_stream_get_state(stream, h.data(), c.data());
            gw_stream_set_state(stream, nullptr, nullptr);
            gw_stream_set_state(stream, h.data(), c.data());
        }
        gw_stream_step(stream, in.x.at(t, 0), y.at(t, 0));
    }
    gw_stream_get_state(stream, h.data(), v.cell == GW_LSTM ? c.data() : nullptr);
    const bool memory_agrees = v.cell != GW_LSTM || same(c, scan.c_n);
    const bool agrees = same(scan.logical(y, in.R), scan.logical(scan.y, in.R)) && same(h, scan.h_n) && memory_agrees;
    tally.expect(agrees, name + ": a stream gives what the scan gives");
}

void test(const FamilyCase& c) {
    const Variant& v = c.variant;
    const Shape& s = c.shape;
    const std::string name = c.name();
    const Tensors in(v, s, 3);
    Run all(v, in, 2);
    tally.expect(Run::all({&all}), name);
    test_alone(v, in, all, name);
    test_poison(v, in, all, name);
    test_stretches(v, in, all, name);
    test_stream(v, s, name);
}

}  // namespace

int main() {
    for (const std::string& isa : instruction_sets()) {
        gw_isa_set(isa.c_str());
        for (const FamilyCase& c : family_cases()) test(c);
    }
    return tally.report();
}
