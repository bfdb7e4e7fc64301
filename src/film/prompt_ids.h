// From what people write to what the text encoder reads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/umt5/model.h"
#include "text/tokenizer.h"

namespace t3video::film {

struct PromptIds {
    std::vector<int64_t> ids;  // at most models::kTextRows, the end token among them
    size_t all = 0;            // that the text has; what is beyond the ids is cut
};

// Of the cleaned text. Throws InvalidRequest for a tokenizer and a text encoder of different models.
PromptIds prompt_ids(const text::Tokenizer& tokenizer, const models::Umt5Config& encoder, const std::string& prompt);

}  // namespace t3video::film
