// The layers that both halves of a small autoencoder are built from: 2D convolutions, and blocks that see the frame
// before. Videos are [T, H, W, C]; frames that a block reads lie behind one of the past, so that nothing is joined.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "nn/param.h"

namespace t3video::models {

// A convolution with zeros around each frame, so that its size stays, or halves with stride 2.
struct Conv {
    nn::Param weight;  // [out, in, kt, kh, kw]
    std::optional<nn::Param> bias;
    int64_t stride = 1;

    Conv() = default;
    Conv(Shape weight_shape, bool with_bias, nn::Role role = nn::Role::convolution);

    // The frames of x, kt of them for one of y: consecutive ones, or, as many as stride_t, each once.
    Tensor forward(Context& ctx, const Tensor& x, bool relu) const;
    void forward_into(Context& ctx, const Tensor& x, bool relu, const Tensor* residual, Tensor& y,
                      int64_t stride_t = 1) const;
    // Of pixels doubled in both directions; the weight's role is upsampling.
    void upsample_into(Context& ctx, const Tensor& x, bool relu, Tensor& y) const;

    template <class Visit>
    void for_each_param(const std::string& prefix, Visit&& visit) {
        visit(prefix + "weight", weight);
        if (bias) visit(prefix + "bias", *bias);
    }

  private:
    const Tensor* bias_or_null() const { return bias ? &bias->tensor() : nullptr; }
};

// A frame plus what convolutions make of it and of the one before.
//     plain: relu(x + conv(relu(conv(relu(conv [x, past])))))     3x3 kernels
//     wide:  x + conv(relu(conv(depthwise [x, past])))            1x1 kernels behind a depthwise 7x7 one
struct MemBlock {
    std::optional<nn::Param> depthwise;  // [49, 2C]: taps of the frame's channels, and of the past one's
    std::vector<Conv> convs;             // of the plain block the first sees two frames, the past one first

    MemBlock(int64_t width, bool wide);

    // joined: [1 + T, H, W, C], a past frame, zeros at the start of a video, and T frames behind it. Writes y, [T, H,
    // W, C], and makes the last frame the past one.
    void forward(Context& ctx, Tensor& joined, Tensor& y) const;

    template <class Visit>
    void for_each_param(const std::string& prefix, Visit&& visit) {
        if (depthwise) visit(prefix + "depthwise.weight", *depthwise);
        for (size_t i = 0; i < convs.size(); ++i) convs[i].for_each_param(prefix + std::to_string(i) + ".", visit);
    }
};

// The blocks of one resolution, and the frames that they read: a buffer for each.
class BlockRow {
  public:
    struct History {
        std::vector<Tensor> joined;  // [1 + capacity, H, W, C] of each block
        int64_t filled = 0;          // frames behind the past one of the first

        int64_t capacity() const { return joined.front().dim(0) - 1; }
        // The place of the next `count` frames, which are then counted as there.
        Tensor next(int64_t count);
    };

    BlockRow() = default;
    BlockRow(int64_t width, int64_t count, bool wide);

    // Of frames of h x w pixels, so many at most at a time.
    History start(Context& ctx, int64_t capacity, int64_t h, int64_t w) const;
    // The result for all frames that are there, [filled, h, w, C]; none are afterwards.
    Tensor forward(Context& ctx, History& history) const;

    template <class Visit>
    void for_each_param(const std::string& prefix, Visit&& visit) {
        for (size_t i = 0; i < blocks.size(); ++i) blocks[i].for_each_param(prefix + std::to_string(i) + ".", visit);
    }

    std::vector<MemBlock> blocks;
    int64_t width = 0;
};

// Frames of height x width pixels that one call processes. On the CPU one is work enough, but for tiny ones; a GPU
// wants some hundred thousand pixels, and no more, since every block keeps its frames.
inline int64_t frames_at_once(Device device, int64_t height, int64_t width) {
    return std::max<int64_t>(1, (device == Device::cpu ? 8192 : 1 << 18) / (height * width));
}

}  // namespace t3video::models
