// Residuals between passes.
#include "sampling/cache/residual_cache.h"

#include <utility>

#include "core/error.h"

namespace t3video::sampling {
namespace {

std::string name_of(size_t branch) {
    return "cache.residual." + std::to_string(branch);
}

}  // namespace

void ResidualCache::begin(int64_t step) {
    step_ = static_cast<size_t>(step);
    if (!continues(steps_, step_)) kept_ = {};
    for (const Branch branch : {Branch::positive, Branch::negative}) {
        const size_t b = index_of(branch);
        if (!steps_[step_].runs(branch) || steps_[step_].computes[b]) kept_[b] = Tensor();
    }
}

bool ResidualCache::computes(Branch branch) const {
    return steps_[step_].computes[index_of(branch)] || !kept_[index_of(branch)].defined();
}

bool ResidualCache::is_wanted(Branch branch) const {
    const size_t next = step_ + 1;
    return next < steps_.size() && continues(steps_, next) && steps_[next].runs(branch) &&
           !steps_[next].computes[index_of(branch)];
}

void ResidualCache::keep(Context& ctx, Branch branch, Tensor residual) {
    Tensor& kept = kept_[index_of(branch)];
    if (!on_host_) {
        kept = std::move(residual);
        return;
    }
    // Pinning takes seconds: what waits there makes room for the next, unless others still hold it.
    std::shared_ptr<Storage>& waiting = waiting_[index_of(branch)];
    kept = Tensor();
    if (!waiting || waiting->bytes() != residual.bytes() || waiting.use_count() > 1)
        waiting = ctx.allocator().allocate_pinned(residual.bytes());
    ctx.allocator().copy(waiting->data(), std::as_const(residual).raw(), residual.bytes(), Transfer::download);
    kept = Tensor(residual.shape(), residual.dtype(), waiting);
}

Tensor ResidualCache::residual(Context& ctx, Branch branch) {
    Tensor& kept = kept_[index_of(branch)];
    require(kept.defined(), "residual cache: nothing is kept of branch ", index_of(branch));
    Tensor x = kept;
    if (on_host_) {
        x = empty(ctx, kept.shape());
        ctx.allocator().wait_for(ctx.allocator().upload_beside(x.raw(), std::as_const(kept).raw(), kept.bytes()));
    }
    if (!is_wanted(branch)) kept = Tensor();
    return x;
}

void ResidualCache::save(std::map<std::string, Tensor>& further) const {
    for (size_t b = 0; b < kBranches; ++b) {
        if (kept_[b].defined()) further[name_of(b)] = kept_[b];
    }
}

void ResidualCache::restore(Context& ctx, const std::map<std::string, Tensor>& further) {
    for (const Branch branch : {Branch::positive, Branch::negative}) {
        const auto found = further.find(name_of(index_of(branch)));
        if (found != further.end()) keep(ctx, branch, to_device(ctx, found->second));
    }
}

}  // namespace t3video::sampling
