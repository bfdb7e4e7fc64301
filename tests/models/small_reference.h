// A small autoencoder by its definition: plain loops in double over whole videos, layer by layer as the published
// networks are listed, without anything that the engine does to be fast.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "models/small_vae/config.h"
#include "support/tensors.h"

namespace t3video::testing {

// [C][H][W]
struct Plane {
    int64_t c = 0, h = 0, w = 0;
    std::vector<double> values;

    Plane(int64_t c_, int64_t h_, int64_t w_) : c(c_), h(h_), w(w_), values(static_cast<size_t>(c_ * h_ * w_)) {}
    double& at(int64_t i, int64_t y, int64_t x) { return values[static_cast<size_t>((i * h + y) * w + x)]; }
    double at(int64_t i, int64_t y, int64_t x) const { return values[static_cast<size_t>((i * h + y) * w + x)]; }
};
using Frames = std::vector<Plane>;

class SmallReference {
  public:
    explicit SmallReference(std::map<std::string, Tensor> tensors) : tensors_(std::move(tensors)) {}

    // -> all frames that the decoder makes but the first three
    Frames decode(const models::SmallVaeConfig& config, Frames x) const {
        if (config.wide_kernels) {
            x = conv(x, "decoder.0.");
            size_t layer = 1;
            for (const int64_t growth : {1, 2, 2}) {
                for (int i = 0; i < 3; ++i) x = wide_block(x, name("decoder", layer++));
                x = shuffled(relu(conv(x, name("decoder", layer))));
                layer += 3;
                x = grown(x, name("decoder", layer++), growth);
            }
            x = conv(x, "decoder.22.");
        } else {
            for (Plane& plane : x) {
                for (double& v : plane.values) v = std::tanh(v / 3) * 3;
            }
            x = relu(conv(x, "decoder.1."));
            size_t layer = 3;
            for (const int64_t growth : {1, 2, 2}) {
                for (int i = 0; i < 3; ++i) x = block(x, name("decoder", layer++));
                x = grown(doubled(x), name("decoder", layer + 1), growth);
                x = conv(x, name("decoder", layer + 2));
                layer += 3;
            }
            x = conv(relu(x), "decoder.22.");
        }
        if (config.patch == 2) x = shuffled(x);
        x.erase(x.begin(), x.begin() + 3);
        return x;
    }

    Frames encode(const models::SmallVaeConfig& config, Frames x) const {
        while (x.size() % 4 != 0) x.push_back(x.back());
        if (config.patch == 2) x = gathered(x);
        x = relu(conv(x, "encoder.0."));
        size_t layer = 2;
        for (const size_t pooled : {2, 2, 1}) {
            Frames joined;
            for (size_t t = 0; t < x.size(); t += pooled) joined.push_back(pooled == 1 ? x[t] : beside(x[t], x[t + 1]));
            x = conv(joined, name("encoder", layer++) + "conv.");
            x = conv(x, name("encoder", layer++), 2);
            for (int i = 0; i < 3; ++i) x = block(x, name("encoder", layer++));
        }
        return conv(x, "encoder.17.");
    }

  private:
    static std::string name(const char* half, size_t layer) { return concat(half, '.', layer, '.'); }

    static Plane beside(const Plane& a, const Plane& b) {
        Plane y(a.c + b.c, a.h, a.w);
        std::ranges::copy(a.values, y.values.begin());
        std::ranges::copy(b.values, y.values.begin() + static_cast<std::ptrdiff_t>(a.values.size()));
        return y;
    }

    static Frames relu(Frames x) {
        for (Plane& plane : x) {
            for (double& v : plane.values) v = std::max(v, 0.0);
        }
        return x;
    }

    static Frames mapped(const Frames& x, const std::function<Plane(const Plane&)>& f) {
        Frames y;
        for (const Plane& plane : x) y.push_back(f(plane));
        return y;
    }

    // With zeros around, as many as keep the size; `groups` of the channels: 1, or all.
    Frames conv(const Frames& x, const std::string& prefix, int64_t stride = 1, bool depthwise = false) const {
        const Tensor& weight = tensors_.at(prefix + "weight");
        const auto found = tensors_.find(prefix + "bias");
        const int64_t out = weight.dim(0), in = weight.dim(1), k = weight.dim(2), pad = k / 2;
        const float* w = weight.data<float>();
        return mapped(x, [&](const Plane& from) {
            EXPECT_EQ(from.c, depthwise ? out : in) << prefix;
            Plane y(out, (from.h + 2 * pad - k) / stride + 1, (from.w + 2 * pad - k) / stride + 1);
            for (int64_t o = 0; o < out; ++o) {
                for (int64_t i = 0; i < y.h * y.w; ++i) {
                    double sum = found == tensors_.end() ? 0.0 : double{found->second.data<float>()[o]};
                    for (int64_t tap = 0; tap < in * k * k; ++tap) {
                        const int64_t row = i / y.w * stride + tap / k % k - pad,
                                      column = i % y.w * stride + tap % k - pad;
                        if (row < 0 || row >= from.h || column < 0 || column >= from.w) continue;
                        sum += double{w[o * in * k * k + tap]} * from.at(depthwise ? o : tap / k / k, row, column);
                    }
                    y.at(o, i / y.w, i % y.w) = sum;
                }
            }
            return y;
        });
    }

    static Frames with_past(const Frames& x) {
        Frames y;
        for (size_t t = 0; t < x.size(); ++t)
            y.push_back(beside(x[t], t > 0 ? x[t - 1] : Plane(x[t].c, x[t].h, x[t].w)));
        return y;
    }

    static Frames sum(Frames x, const Frames& h) {
        for (size_t t = 0; t < x.size(); ++t) {
            for (size_t i = 0; i < x[t].values.size(); ++i) x[t].values[i] += h[t].values[i];
        }
        return x;
    }

    Frames block(const Frames& x, const std::string& prefix) const {
        Frames h = relu(conv(with_past(x), prefix + "conv.0."));
        h = relu(conv(h, prefix + "conv.2."));
        return relu(sum(x, conv(h, prefix + "conv.4.")));
    }

    Frames wide_block(const Frames& x, const std::string& prefix) const {
        Frames h = conv(with_past(x), prefix + "conv.0.", 1, true);
        h = relu(conv(h, prefix + "conv.1."));
        return sum(x, conv(h, prefix + "conv.3."));
    }

    // Of each frame `growth`, out of the last channels of a 1x1 kernel.
    Frames grown(const Frames& x, const std::string& prefix, int64_t growth) const {
        Frames y;
        for (const Plane& all : conv(x, prefix + "conv.")) {
            const int64_t n = x[0].c, unused = all.c - growth * n;
            for (int64_t a = 0; a < growth; ++a) {
                Plane frame(n, all.h, all.w);
                for (int64_t i = 0; i < n * all.h * all.w; ++i)
                    frame.values[static_cast<size_t>(i)] =
                        all.values[static_cast<size_t>((unused + a * n) * all.h * all.w + i)];
                y.push_back(frame);
            }
        }
        return y;
    }

    static Frames doubled(const Frames& x) {
        return mapped(x, [](const Plane& from) {
            Plane y(from.c, 2 * from.h, 2 * from.w);
            for (int64_t i = 0; i < y.c * y.h * y.w; ++i)
                y.at(i / y.w / y.h, i / y.w % y.h, i % y.w) = from.at(i / y.w / y.h, i / y.w % y.h / 2, i % y.w / 2);
            return y;
        });
    }

    // Channel c*4 + dy*2 + dx is pixel (dy, dx) of channel c.
    static Frames shuffled(const Frames& x) {
        return mapped(x, [](const Plane& from) {
            Plane y(from.c / 4, 2 * from.h, 2 * from.w);
            for (int64_t c = 0; c < y.c; ++c) {
                for (int64_t i = 0; i < y.h * y.w; ++i) {
                    const int64_t row = i / y.w, column = i % y.w;
                    y.at(c, row, column) = from.at(c * 4 + row % 2 * 2 + column % 2, row / 2, column / 2);
                }
            }
            return y;
        });
    }

    static Frames gathered(const Frames& x) {
        return mapped(x, [](const Plane& from) {
            Plane y(from.c * 4, from.h / 2, from.w / 2);
            for (int64_t c = 0; c < from.c; ++c) {
                for (int64_t i = 0; i < from.h * from.w; ++i) {
                    const int64_t row = i / from.w, column = i % from.w;
                    y.at(c * 4 + row % 2 * 2 + column % 2, row / 2, column / 2) = from.at(c, row, column);
                }
            }
            return y;
        });
    }

    std::map<std::string, Tensor> tensors_;
};

}  // namespace t3video::testing
