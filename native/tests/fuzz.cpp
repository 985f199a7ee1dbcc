// Problems made of arbitrary bytes, most of them nonsense. What gw_check accepts must run on buffers of exactly the
// sizes that were asked for, and leave nothing unwritten. LLVMFuzzerTestOneInput is libFuzzer's entry; without
// libFuzzer, main feeds it pseudo-random bytes, as many inputs as its argument says.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>
#include <string>

#include "family.h"

namespace {

void require(bool condition, const char* what) {
    if (condition) return;
    std::fprintf(stderr, "FAILED: %s: %s\n", gw_isa_current(), what);
    std::abort();
}

class Bytes {
public:
    Bytes(const uint8_t* data, size_t size) : data_(data), left_(size) {}

    uint8_t byte() { return left_ ? --left_, *data_++ : 0; }
    template <class T>
    T raw() {
        T value{};
        const size_t count = left_ < sizeof(T) ? left_ : sizeof(T);
        if (count) std::memcpy(&value, data_, count);
        data_ += count, left_ -= count;
        return value;
    }
    bool one_in(int n) { return byte() % n == 0; }
    // Mostly small; now and then anything.
    int64_t size(int64_t most) { return one_in(60) ? raw<int64_t>() >> byte() % 64 : byte() % (most + 1); }
    float share() { return one_in(60) ? raw<float>() : one_in(2) ? 0.0f : static_cast<float>(byte()) / 300; }

private:
    const uint8_t* data_;
    size_t left_;
};

constexpr int64_t kMostLengths = 64;

gw_problem problem_from(Bytes& bytes, std::vector<int64_t>& lengths) {
    gw_problem p{};
    p.cell = bytes.one_in(60) ? bytes.raw<int32_t>() : bytes.byte() % 3;
    const bool lstm = p.cell == GW_LSTM;
    // Flags that suit the cell, or any.
    p.options = bytes.one_in(60)   ? bytes.raw<uint32_t>()
                : lstm             ? bytes.byte() % 64
                : p.cell == GW_RNN ? bytes.byte() % 2 * GW_RELU
                                   : 0;
    p.steps = bytes.size(8), p.batch = bytes.size(bytes.one_in(8) ? 40 : 6), p.input_size = bytes.size(20);
    p.hidden_size = bytes.size(bytes.one_in(4) ? 190 : 40);
    if (lstm && bytes.one_in(3)) p.proj_size = bytes.size(30);
    if (lstm || bytes.one_in(60)) p.cell_clip = bytes.one_in(3) ? bytes.share() : 0, p.zoneout_c = bytes.share();
    p.zoneout_h = bytes.share();
    p.training = bytes.byte() % 2, p.reverse = bytes.byte() % 2, p.seed = bytes.raw<uint64_t>();
    p.first_step = bytes.one_in(2) ? 0 : bytes.raw<int64_t>();
    p.num_threads = bytes.one_in(60) ? bytes.raw<int32_t>() : bytes.byte() % 4;
    p.batch_invariant = bytes.one_in(4), p.bfloat16 = bytes.one_in(4);
    if (p.batch >= 0 && p.batch <= kMostLengths && bytes.one_in(2)) {
        lengths.resize(static_cast<size_t>(p.batch));
        const int64_t most = p.steps >= 0 && p.steps < 200 ? p.steps : 9;
        for (int64_t& n : lengths) n = bytes.one_in(200) ? bytes.raw<int64_t>() : bytes.byte() % (most + 1);
        p.lengths = lengths.data();
    }
    return p;
}

// Sizes that are too large to run must at least be told without overflow.
void ask_sizes(const gw_problem& p) {
    if (p.batch > 100000) return;  // sizes are summed up over the batch
    const long double H = static_cast<long double>(p.hidden_size), R = p.proj_size ? p.proj_size : p.hidden_size;
    const long double inputs = static_cast<long double>(p.input_size) + R, gates = gw_gates(&p);
    long double total = static_cast<long double>(p.steps) * p.batch;
    if (p.lengths) total = 0;
    for (int64_t b = 0; p.lengths && b < p.batch; ++b) total += p.lengths[b];
    const size_t most = size_t{1} << 62;
    const size_t tape = gw_tape_floats(&p), packed = gw_packed_floats(&p), stream = gw_stream_bytes(&p);
    const size_t forward = gw_forward_workspace(&p), backward = gw_backward_workspace(&p);
    require(tape < most / 4 && packed < most / 4 && stream < most, "sizes do not overflow");
    require(forward < most && backward < most, "workspaces do not overflow");
    const int of_a_float = p.bfloat16 ? 2 : 1;
    require(tape >= total * H * gates && of_a_float * packed >= gates * H * inputs, "sizes hold what they must");
    require(forward >= 4.0L * packed && stream >= 4.0L * gates * H * inputs, "buffers hold the weights");
    require(backward >= 4.0L * gates * H * inputs, "the backward workspace holds the weights");
}

bool is_small(const gw_problem& p) {
    return p.steps <= 16 && p.batch <= kMostLengths && p.input_size <= 128 && p.hidden_size <= 256 &&
           p.num_threads <= 8;
}

bool finite(const Floats& values) {
    return std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); });
}

void run_small(Bytes& bytes, const gw_problem& p, const std::vector<int64_t>& lengths) {
    Variant v{"fuzz", static_cast<gw_cell>(p.cell), p.options};
    v.projected = p.proj_size > 0, v.scaled = bytes.one_in(2);
    Shape s{p.steps, p.batch, p.input_size, p.hidden_size, lengths, p.reverse != 0};
    bool* const parts[] = {&s.biases, &s.states, &s.cotangents, &s.dx, &s.gradients};
    for (bool* part : parts) *part = !bytes.one_in(4);
    s.apart = bytes.one_in(2);
    Tensors in(p, v, s, bytes.byte());
    Run run(p, in);

    const int dropped = bytes.byte() % (4 * GW_NUM_PARAMS);
    if (dropped < GW_NUM_PARAMS && run.params[dropped]) {  // one that is needed may be missing: that must be said
        const bool may = dropped == GW_BIAS_IH || dropped == GW_BIAS_HH || dropped == GW_NORM_IH_BIAS ||
                         dropped == GW_NORM_HH_BIAS || dropped == GW_NORM_C_BIAS;
        auto fewer = run.params;
        fewer[dropped] = nullptr;
        const Floats before = fresh(static_cast<int64_t>(gw_packed_floats(&p)));
        Floats packed = before;
        require(gw_pack(&p, fewer.data(), packed.data()) == (may ? GW_OK : GW_MISSING), "missing tensors are refused");
        require(may || same(packed, before), "a refusal writes nothing");
    }
    require(Run::all({&run}), "what gw_check accepts runs");
    // A layer norm of what does not vary multiplies gradients by hundreds at every step: long ones may leave the
    // floats.
    const bool explodes = (p.options & GW_LAYER_NORM) != 0 && p.steps > 3;
    for (const auto& result : run.results()) {
        const bool is_state = result.first == "y" || result.first == "h_n" || result.first == "c_n";
        require(finite(result.second) || (explodes && !is_state), result.first.c_str());
    }
    require(run.gaps_kept(run.y, in.R) && run.gaps_kept(run.dx, s.dx ? s.I : 0), "gaps are kept");

    for (int32_t slot = 0; slot < run.slots(); ++slot) {
        require(finite(run.logical(run.traced(slot), s.H)), "the trace is whole");
        require(run.gaps_kept(run.traced(slot), s.H), "gaps of the trace are kept");
    }

    const Workspace memory(gw_stream_bytes(&p));
    auto* stream = static_cast<gw_stream*>(memory.get());
    require(gw_stream_init(&p, run.params.data(), stream) == GW_OK, "what gw_check accepts streams");
    const Floats x(static_cast<size_t>(s.I), 0.5f);
    Floats y = fresh(in.R), h = fresh(in.R), c = fresh(in.H);
    for (int t = 0; t < 3; ++t) gw_stream_step(stream, x.data(), y.data());
    gw_stream_get_state(stream, h.data(), c.data());
    require(finite(y) && same(y, h), "a stream's step is its state");
    gw_stream_set_state(stream, h.data(), nullptr);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const std::vector<std::string> isas = instruction_sets();
    Bytes bytes(data, size);
    gw_isa_set(isas[bytes.byte() % isas.size()].c_str());
    std::vector<int64_t> lengths;
    const gw_problem problem = problem_from(bytes, lengths);
    if (gw_check(&problem) != GW_OK) return 0;
    ask_sizes(problem);
    if (is_small(problem)) run_small(bytes, problem, lengths);
    return 0;
}

#ifndef GATEWORK_LIBFUZZER
int main(int count, char** arguments) {
    const int inputs = count > 1 ? std::atoi(arguments[1]) : 3000;
    std::mt19937 random(1);
    std::vector<uint8_t> bytes(400);
    for (int i = 0; i < inputs; ++i) {
        for (uint8_t& each : bytes) each = static_cast<uint8_t>(random());
        LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
    }
    std::printf("%d inputs\n", inputs);
}
#endif
