// tokenizer.json of Hugging Face's tokenizers as a SentencePiece model, for vocabularies that come from one.
#pragma once

#include <string>
#include <string_view>

namespace t3video::text {

struct ConvertedTokenizer {
    std::string model;           // a serialized SentencePiece model with the same pieces, scores and ids
    bool byte_fallback = false;  // whether characters that no piece covers become byte pieces
};

// `where` names the file. Throws InvalidRequest for JSON that is no tokenizer, and for one that works otherwise than
// SentencePiece's unigram models: other kinds of models, normalizers or pre-tokenizers, naming them.
ConvertedTokenizer read_tokenizer_json(std::string_view json, const std::string& where);

}  // namespace t3video::text
