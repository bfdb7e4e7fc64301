// The layers of a model, which are alike: all of them where the context computes, or in host memory and copied to the
// device one ahead of the computation, through two slots.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nn/param.h"
#include "ops/convert.h"
#include "ops/linear.h"

namespace t3video::nn {

template <class Layer>
class LayerStore {
  public:
    LayerStore() = default;
    explicit LayerStore(std::vector<Layer> layers) : layers_(std::move(layers)) {}

    size_t size() const { return layers_.size(); }

    // Layer i, ready for further work of the context. Of streamed layers it may be used until the one after the next is
    // asked for; the one behind it starts on its way.
    const Layer& at(Context& ctx, size_t i) const {
        if (!stream_) return layers_.at(i);
        require(i < layers_.size(), "layer ", i, " of ", layers_.size());
        stream_->fetch(ctx, i);
        ctx.allocator().wait_for(stream_->slots[stream_->current].arrived);
        const Layer& layer = stream_->slots[stream_->current].layer;
        if (layers_.size() > 1) stream_->prefetch(ctx, (i + 1) % layers_.size());
        return layer;
    }

    // Moves every layer to host memory that the device copies from, in the types that the device computes with.
    void stream(Context& ctx) {
        auto stream = std::make_shared<Stream>();
        for (Layer& layer : layers_) {
            auto packed = ctx.allocator().allocate_pinned(packed_bytes(ctx, layer));
            stream->packed.push_back(packed);
            replace(ctx, layer, [&](const Param& param, DType dtype, size_t offset) {
                const Tensor value = ops::convert_to_device(ctx, param.value, dtype);
                Tensor host(param.value.shape(), dtype, packed, offset);
                ctx.allocator().copy(host.raw(), value.raw(), value.bytes(), Transfer::download);
                return host;
            });
        }
        for (Slot& slot : stream->slots) {
            slot.bytes = ctx.allocator().allocate(stream->packed.at(0)->bytes());
            slot.layer = layers_[0];
            replace(ctx, slot.layer, [&](const Param& param, DType dtype, size_t offset) {
                return Tensor(param.value.shape(), dtype, slot.bytes, offset);
            });
        }
        stream_ = std::move(stream);
    }

    // Has the matrices of every layer ready for many products.
    void pack(Context& ctx) {
        for_each_param("", [&](const std::string&, Param& param) {
            if (param.is_matrix()) param.value = ops::pack_weight(ctx, param.value);
        });
    }

    template <class Visitor>
    void for_each_param(const std::string& prefix, Visitor&& visit) {
        for (size_t i = 0; i < layers_.size(); ++i) layers_[i].for_each_param(prefix + std::to_string(i) + ".", visit);
    }

  private:
    static constexpr size_t kAlignment = 512;  // of each value within a slot, as of tensors of their own
    static constexpr size_t kNone = SIZE_MAX;

    // Destroyed from below: what uses this memory next comes after the upload.
    struct Slot {
        std::shared_ptr<Storage> bytes;
        Layer layer;  // its values are parts of `bytes`
        size_t holds = kNone;
        std::shared_ptr<void> arrived;
    };

    struct Stream {
        std::vector<std::shared_ptr<Storage>> packed;  // host memory of each layer
        Slot slots[2];
        size_t current = 0;

        void copy(Context& ctx, Slot& slot, size_t i) {
            slot.arrived = ctx.allocator().upload_beside(slot.bytes->data(), packed[i]->data(), packed[i]->bytes());
            slot.holds = i;
        }
        void fetch(Context& ctx, size_t i) {
            for (size_t s = 0; s < 2; ++s) {
                if (slots[s].holds == i) {
                    current = s;
                    return;
                }
            }
            current = 1 - current;
            copy(ctx, slots[current], i);
        }
        void prefetch(Context& ctx, size_t i) {
            Slot& other = slots[1 - current];
            if (other.holds != i) copy(ctx, other, i);
        }
    };

    // Calls f(param, type on the device, offset) for the parameters of a layer, packed one behind another, and puts the
    // result in the place of each value. Returns the bytes of all.
    template <class F>
    static size_t replace(Context& ctx, Layer& layer, F&& f) {
        size_t offset = 0;
        layer.for_each_param("", [&](const std::string&, Param& param) {
            const DType dtype = device_type(ctx, param);
            const size_t bytes = static_cast<size_t>(param.shape.numel()) * size_of(dtype);
            param.value = f(std::as_const(param), dtype, offset);
            param.streamed = true;
            offset += (bytes + kAlignment - 1) / kAlignment * kAlignment;
        });
        return offset;
    }
    static size_t packed_bytes(Context& ctx, Layer layer) {
        return replace(ctx, layer, [](const Param& param, DType, size_t) { return param.value; });
    }

    std::vector<Layer> layers_;
    std::shared_ptr<Stream> stream_;
};

// How the weights of a model's layers wait for their use.
enum class Keep {
    placed,    // on the GPU; on the CPU as stored, decoded for each use
    streamed,  // in host memory, copied to the GPU for each use
    packed,    // on the CPU, decoded once: ops::pack_weight
};

// The model with its layers kept so, and all of its other weights on the context's device.
template <class Model>
Model kept(Context& ctx, Model model, Keep keep) {
    if constexpr (requires { model.stream_layers(ctx); }) {
        if (keep == Keep::streamed) model.stream_layers(ctx);
    }
    if constexpr (requires { model.pack_layers(ctx); }) {
        if (keep == Keep::packed) model.pack_layers(ctx);
    }
    return placed(ctx, std::move(model));
}

}  // namespace t3video::nn
