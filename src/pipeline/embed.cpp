// Prompt -> ids -> embedding rows.
#include "pipeline/embed.h"

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "text/clean.h"

namespace t3video::pipeline {

int64_t count_tokens(const text::Tokenizer& tokenizer, const std::string& prompt) {
    return static_cast<int64_t>(
        tokenizer.encode(text::clean_prompt(prompt), std::numeric_limits<int32_t>::max()).size());
}

Tensor embed_prompt(Context& ctx, const models::Umt5& encoder, const text::Tokenizer& tokenizer,
                    const std::string& prompt) {
    const auto ids = tokenizer.encode(text::clean_prompt(prompt), kTextRows);
    const int64_t largest = *std::ranges::max_element(ids);
    require_valid(largest < encoder.config().vocabulary, "the tokenizer makes id ", largest,
                  ", but the text encoder knows only ", encoder.config().vocabulary,
                  " ids: tokenizer and text encoder belong to different models");
    return encoder.forward(ctx, std::vector<int64_t>(ids.begin(), ids.end()));
}

}  // namespace t3video::pipeline
