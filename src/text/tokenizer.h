// From a cleaned prompt to token ids.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

namespace t3video::text {

// A SentencePiece model file, or a tokenizer.json that was made from one (text/tokenizer_json.h). Safe to use from
// several threads at once.
class Tokenizer {
  public:
    // InvalidRequest if the file is missing, is neither, or defines no end token.
    explicit Tokenizer(const std::filesystem::path& file);
    Tokenizer(Tokenizer&&) noexcept;
    Tokenizer& operator=(Tokenizer&&) noexcept;
    ~Tokenizer();

    // Ids of the text and then the end token, at most `max_length` ids (>= 1) in all; the empty text is the end token
    // alone. No padding.
    //
    // A vocabulary of the UMT5 kind (unknown id 3) is read as its own "fast" tokenizer reads it: a stretch of
    // characters that no piece covers is one unknown id, even if the vocabulary has byte pieces; so is one from a
    // tokenizer.json unless it says otherwise. Any other is read as SentencePiece reads it.
    std::vector<int32_t> encode(std::string_view text, int64_t max_length = 512) const;

    // As the file has them.
    int32_t pad_id() const;  // -1 if there is none
    int32_t eos_id() const;
    int32_t unk_id() const;
    int64_t vocabulary_size() const;  // pieces in the file

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace t3video::text
