// Cleans, cuts and checks.
#include "film/prompt_ids.h"

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "models/wan_dit/config.h"
#include "text/clean.h"

namespace t3video::film {

PromptIds prompt_ids(const text::Tokenizer& tokenizer, const models::Umt5Config& encoder, const std::string& prompt) {
    const std::string text = text::clean_prompt(prompt);
    auto ids = tokenizer.encode(text, std::numeric_limits<int32_t>::max());
    const size_t all = ids.size();
    if (all > models::kTextRows) ids = tokenizer.encode(text, models::kTextRows);
    const int64_t largest = *std::ranges::max_element(ids);  // the end token is always there
    require_valid(largest < encoder.vocabulary, "the tokenizer makes id ", largest,
                  ", but the text encoder knows only ", encoder.vocabulary,
                  " ids: tokenizer and text encoder belong to different models");
    return {{ids.begin(), ids.end()}, all};
}

}  // namespace t3video::film
