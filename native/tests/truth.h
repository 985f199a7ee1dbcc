// A case, its random data, and its results in float64 straight from the equations, one sequence after the other.
#pragma once
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "harness.h"

struct Case {
    int64_t T, B, I, H;
    std::vector<int64_t> lengths;  // empty: all T
    bool reverse;
    int64_t length(int64_t b) const { return lengths.empty() ? T : lengths[b]; }
    std::string name() const {
        return "T" + std::to_string(T) + " B" + std::to_string(B) + " I" + std::to_string(I) + " H" +
               std::to_string(H) + (lengths.empty() ? "" : " ragged") + (reverse ? " reverse" : "");
    }
};

struct Data {
    Floats x, h0, c0, w_ih, w_hh, b_ih, b_hh, dy, dh_n, dc_n;
    Data(const Case& c, unsigned seed) {
        std::mt19937 random(seed);
        std::normal_distribution<float> normal;
        auto fill = [&](Floats& to, int64_t n, float scale) {
            to.resize(static_cast<size_t>(n));
            for (auto& value : to) value = scale * normal(random);
        };
        const float scale = 1.0f / std::sqrt(static_cast<float>(c.H));
        fill(x, c.T * c.B * c.I, 1), fill(h0, c.B * c.H, 1), fill(c0, c.B * c.H, 1);
        fill(w_ih, 4 * c.H * c.I, scale), fill(w_hh, 4 * c.H * c.H, scale);
        fill(b_ih, 4 * c.H, scale), fill(b_hh, 4 * c.H, scale);
        fill(dy, c.T * c.B * c.H, 1), fill(dh_n, c.B * c.H, 1), fill(dc_n, c.B * c.H, 1);
    }
};

struct Truth {
    std::vector<double> y, h_n, c_n, dx, dh0, dc0, dw_ih, dw_hh, db;
    std::vector<const std::vector<double>*> all() const {
        return {&y, &h_n, &c_n, &dx, &dh0, &dc0, &dw_ih, &dw_hh, &db, &db};
    }

    Truth(const Case& c, const Data& d)
        : y(c.T * c.B * c.H),
          h_n(c.B * c.H),
          c_n(c.B * c.H),
          dx(c.T * c.B * c.I),
          dh0(c.B * c.H),
          dc0(c.B * c.H),
          dw_ih(4 * c.H * c.I),
          dw_hh(4 * c.H * c.H),
          db(4 * c.H) {
        for (int64_t b = 0; b < c.B; ++b) sequence(c, d, b);
    }

    void sequence(const Case& k, const Data& d, int64_t b) {
        const int64_t H = k.H, I = k.I, n = k.length(b);
        auto time = [&](int64_t s) { return k.reverse ? n - 1 - s : s; };
        std::vector<std::vector<double>> h(n + 1, std::vector<double>(H)), c = h, gate(n, std::vector<double>(4 * H));
        for (int64_t j = 0; j < H; ++j) h[0][j] = d.h0[b * H + j], c[0][j] = d.c0[b * H + j];
        for (int64_t s = 0; s < n; ++s) {
            const float* x = &d.x[(time(s) * k.B + b) * I];
            for (int64_t row = 0; row < 4 * H; ++row) {
                double sum = double(d.b_ih[row]) + d.b_hh[row];
                for (int64_t i = 0; i < I; ++i) sum += double(d.w_ih[row * I + i]) * x[i];
                for (int64_t j = 0; j < H; ++j) sum += double(d.w_hh[row * H + j]) * h[s][j];
                gate[s][row] = row / H == 2 ? std::tanh(sum) : 1 / (1 + std::exp(-sum));
            }
            for (int64_t j = 0; j < H; ++j) {
                c[s + 1][j] = gate[s][H + j] * c[s][j] + gate[s][j] * gate[s][2 * H + j];
                h[s + 1][j] = gate[s][3 * H + j] * std::tanh(c[s + 1][j]);
                y[(time(s) * k.B + b) * H + j] = h[s + 1][j];
            }
        }
        std::vector<double> dh(H), dc(H);
        for (int64_t j = 0; j < H; ++j) {
            h_n[b * H + j] = h[n][j], c_n[b * H + j] = c[n][j];
            dh[j] = d.dh_n[b * H + j], dc[j] = d.dc_n[b * H + j];
        }
        for (int64_t s = n; s-- > 0;) {
            std::vector<double> dz(4 * H), before(H);
            for (int64_t j = 0; j < H; ++j) {
                const double i = gate[s][j], f = gate[s][H + j], g = gate[s][2 * H + j], o = gate[s][3 * H + j];
                const double tc = std::tanh(c[s + 1][j]), up = dh[j] + d.dy[(time(s) * k.B + b) * H + j];
                const double dcj = dc[j] + up * o * (1 - tc * tc);
                dz[j] = dcj * g * i * (1 - i), dz[H + j] = dcj * c[s][j] * f * (1 - f);
                dz[2 * H + j] = dcj * i * (1 - g * g), dz[3 * H + j] = up * tc * o * (1 - o);
                dc[j] = dcj * f;
            }
            const int64_t at = (time(s) * k.B + b) * I;
            for (int64_t row = 0; row < 4 * H; ++row) {
                db[row] += dz[row];
                for (int64_t i = 0; i < I; ++i) {
                    dw_ih[row * I + i] += dz[row] * d.x[at + i];
                    dx[at + i] += dz[row] * d.w_ih[row * I + i];
                }
                for (int64_t j = 0; j < H; ++j) {
                    dw_hh[row * H + j] += dz[row] * h[s][j];
                    before[j] += dz[row] * d.w_hh[row * H + j];
                }
            }
            dh = before;
        }
        for (int64_t j = 0; j < H; ++j) dh0[b * H + j] = dh[j], dc0[b * H + j] = dc[j];
    }
};
