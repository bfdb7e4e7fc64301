// From a prompt to embedding rows.
#pragma once

#include <span>
#include <string>

#include "models/umt5/model.h"
#include "text/tokenizer.h"

namespace t3video::pipeline {

// Rows the transformer was trained to see per prompt; shorter prompts are filled up with zero rows.
inline constexpr int64_t kTextRows = 512;

// Tokens of the cleaned prompt, the end token among them, without a limit.
int64_t count_tokens(const text::Tokenizer& tokenizer, const std::string& prompt);

// Cleans and tokenizes `prompt` (at most kTextRows ids, the end token among them) and encodes it.
// -> [tokens, dim] f32, one row per real token.
Tensor embed_prompt(Context& ctx, const models::Umt5& encoder, const text::Tokenizer& tokenizer,
                    const std::string& prompt);

}  // namespace t3video::pipeline
