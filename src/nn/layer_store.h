// The layers of a model, which are alike: all of them where the context computes, or in host memory and copied to the
// device one ahead of the computation, through two slots.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "nn/param.h"

namespace t3video::nn {

// Where the weights of a model's layers are between their uses, and in what form.
enum class Residency {
    resident,  // on the GPU; on the CPU as stored, prepared for each use
    streamed,  // in host memory, copied to the GPU for each use
    packed,    // on the CPU, prepared once
};

template <class Layer>
class LayerStore {
  public:
    LayerStore() = default;
    explicit LayerStore(std::vector<Layer> layers) : layers_(std::move(layers)) {}
    // Slots have one owner: throws Error where layers are streamed.
    LayerStore(const LayerStore& other) : layers_(other.layers_) {
        require(!other.host_layers_, "layers: those that stream are not copied");
    }
    LayerStore(LayerStore&&) noexcept = default;
    LayerStore& operator=(LayerStore other) noexcept {
        layers_ = std::move(other.layers_);
        host_layers_ = std::move(other.host_layers_);
        return *this;
    }
    ~LayerStore() = default;

    size_t size() const { return layers_.size(); }

    // Layer i, ready for further work of the context. Of streamed layers it may be used until the one after the next is
    // asked for; layer `next` starts on its way.
    const Layer& at(Context& ctx, size_t i, size_t next) const {
        require(i < layers_.size() && next < layers_.size(), "layer ", i, " and then ", next, " of ", layers_.size());
        if (!host_layers_) return layers_[i];
        fetch(ctx, i);
        const Slot& slot = host_layers_->slots[host_layers_->current];
        ctx.allocator().wait_for(slot.arrived);
        if (next != i) upload(ctx, host_layers_->slots[1 - host_layers_->current], next);
        return slot.layer;
    }

    // Brings every layer into the state that `residency` names; where that is resident, nn::resident does it, with
    // the rest of the model.
    void prepare(Context& ctx, Residency residency) {
        if (residency == Residency::streamed) move_to_host(ctx);
        if (residency != Residency::packed || ctx.target() != Device::cpu) return;
        for_each_param("", [&](const std::string&, Param& param) {
            if (param.role == Role::matrix && !param.gradient()) nn::prepare(ctx, param, ops::Uses::many);
        });
    }

    template <class Visitor>
    void for_each_param(const std::string& prefix, Visitor&& visit) {
        for (size_t i = 0; i < layers_.size(); ++i) layers_[i].for_each_param(prefix + std::to_string(i) + ".", visit);
    }

    template <class Visitor>
    void for_each_linear(const std::string& prefix, Visitor&& visit) {
        for (size_t i = 0; i < layers_.size(); ++i) layers_[i].for_each_linear(prefix + std::to_string(i) + ".", visit);
    }

  private:
    static constexpr size_t kAlignment = 512;  // of each blob within a slot, as of tensors of their own
    static constexpr size_t kNone = SIZE_MAX;

    // Destroyed from below: what uses this memory next comes after the upload.
    struct Slot {
        std::shared_ptr<Storage> bytes;
        Layer layer;  // whose blobs are parts of `bytes`
        size_t holds = kNone;
        std::shared_ptr<void> arrived;
    };

    // Calls f(blob, offset) for every blob that the layer's ops read, laid one behind another. Returns the bytes of
    // all.
    template <class F>
    static size_t for_each_blob(Layer& layer, F&& f) {
        size_t offset = 0;
        layer.for_each_param("", [&](const std::string&, Param& param) {
            if (param.gradient()) return;  // what is trained stays where it is
            for (Tensor& blob : param.prepared.blobs) {
                f(blob, offset);
                offset += (blob.bytes() + kAlignment - 1) / kAlignment * kAlignment;
            }
        });
        return offset;
    }

    // What streamed layers have beside their values: their bytes in host memory, and where they pass through the
    // device.
    struct HostLayers {
        std::vector<std::shared_ptr<Storage>> waiting;  // host memory of each layer
        Slot slots[2];
        size_t current = 0;
    };

    // Layer i becomes the current slot's.
    void fetch(Context& ctx, size_t i) const {
        if (host_layers_->slots[host_layers_->current].holds == i) return;
        host_layers_->current = 1 - host_layers_->current;
        upload(ctx, host_layers_->slots[host_layers_->current], i);
    }
    void upload(Context& ctx, Slot& slot, size_t i) const {
        if (slot.holds == i) return;
        const Storage& from = *host_layers_->waiting[i];
        slot.arrived = ctx.allocator().upload_beside(slot.bytes->data(), from.data(), from.bytes());
        slot.holds = i;
        slot.layer = layers_[i];
        for_each_blob(slot.layer, [&](Tensor& blob, size_t offset) {
            blob = Tensor(blob.shape(), blob.dtype(), slot.bytes, offset);
        });
    }

    // Moves what is read of every layer to host memory that the device copies from.
    void move_to_host(Context& ctx) {
        auto host_layers = std::make_unique<HostLayers>();
        for (Layer& layer : layers_) {
            layer.for_each_param("", [&](const std::string&, Param& param) {
                if (!param.gradient()) nn::prepare(ctx, param);
            });
            const size_t bytes = for_each_blob(layer, [](Tensor&, size_t) {});
            auto waiting = ctx.allocator().allocate_pinned(bytes);
            for_each_blob(layer, [&](Tensor& blob, size_t offset) {
                Tensor host(blob.shape(), blob.dtype(), waiting, offset);
                ctx.allocator().copy(host.raw(), std::as_const(blob).raw(), blob.bytes(), Transfer::download);
                blob = host;
            });
            host_layers->waiting.push_back(std::move(waiting));
        }
        size_t most = 0;
        for (const auto& layer : host_layers->waiting) most = std::max(most, layer->bytes());
        for (Slot& slot : host_layers->slots) slot.bytes = ctx.allocator().allocate(most);
        host_layers_ = std::move(host_layers);
    }

    std::vector<Layer> layers_;
    std::unique_ptr<HostLayers> host_layers_;
};

// The model with its layers prepared as `residency` says, and all other weights resident.
template <class Model, class... Part>
Model prepared(Context& ctx, Model model, Residency residency, Part... part) {
    model.prepare_layers(ctx, residency, part...);
    return resident(ctx, std::move(model));
}

}  // namespace t3video::nn
