// Keeping the residual stream for a backward pass.
#include "nn/stream_store.h"

#include <utility>

#include "core/error.h"
#include "ops/convert.h"

namespace t3video::nn {

void StreamStore::keep(Context& ctx, Tensor& x) {
    require(count_ == 0 || x.shape() == shape_, "stream store: ", x.shape(), " behind ", shape_);
    shape_ = x.shape();
    const size_t i = count_++;
    if (place_ == StreamPlace::device) {
        kept_.push_back(ops::round_in_place(ctx, x, dtype_));
        return;
    }
    if (i == waiting_.size()) waiting_.push_back(nullptr);
    previous_ = {};  // its copy ends before its memory is written again
    previous_ = std::exchange(next_, {ops::round_in_place(ctx, x, dtype_), nullptr});
    const Tensor& kept = next_.on_device;
    if (!waiting_[i] || waiting_[i]->bytes() != kept.bytes())
        waiting_[i] = ctx.allocator().allocate_pinned(kept.bytes());
    next_.under_way = ctx.allocator().download_beside(waiting_[i]->data(), std::as_const(kept).raw(), kept.bytes());
}

void StreamStore::clear() {
    count_ = 0;
    kept_.clear();
    previous_ = {};
    next_ = {};
}

StreamStore::Copy StreamStore::fetch(Context& ctx, size_t i) {
    Copy copy{empty(ctx, shape_, dtype_), nullptr};
    copy.under_way = ctx.allocator().upload_beside(copy.on_device.raw(), waiting_.at(i)->data(), waiting_[i]->bytes());
    return copy;
}

Tensor StreamStore::take(Context& ctx) {
    require(count_ > 0, "stream store: nothing is kept");
    const size_t i = --count_;
    Tensor x;
    if (place_ == StreamPlace::device) {
        x = std::move(kept_.back());
        kept_.pop_back();
    } else {
        // The last two are still on the device; of all others each has started on its way with the one before.
        Copy copy = std::exchange(next_, std::exchange(previous_, {}));
        if (!copy.on_device.defined()) copy = fetch(ctx, i);
        ctx.allocator().wait_for(copy.under_way);
        if (i > 0 && !next_.on_device.defined()) next_ = fetch(ctx, i - 1);
        x = copy.on_device;
    }
    return x.dtype() == ctx.compute_type() ? x : ops::convert(ctx, x, DType::f32);
}

}  // namespace t3video::nn
