// From a cleaned prompt to token ids, on SentencePiece.
#include "text/tokenizer.h"

#include <sentencepiece_processor.h>

#include <algorithm>
#include <optional>
#include <string>

#include "core/error.h"
#include "core/input_file.h"
#include "text/tokenizer_json.h"

namespace t3video::text {
namespace {

constexpr int kUmt5UnknownId = 3;

// A base-128 number of the protobuf format at `at`, which moves past it; nothing if the file ends first.
std::optional<uint64_t> read_varint(std::string_view content, size_t& at) {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && at < content.size(); shift += 7) {
        const auto byte = static_cast<uint8_t>(content[at++]);
        value |= static_cast<uint64_t>(byte & 0x7F) << shift;
        if (byte < 0x80) return value;
    }
    return std::nullopt;
}

// Whether the file goes on to the normalizer's settings, which follow the pieces and the trainer's settings. A file cut
// off between two pieces would otherwise load, as a smaller vocabulary.
bool is_complete(std::string_view content) {
    constexpr uint64_t kBytesField = 2, kNormalizerSpec = 3;
    for (size_t at = 0; at < content.size();) {
        const auto tag = read_varint(content, at);
        const auto length = read_varint(content, at);
        if (!tag || !length || (*tag & 7) != kBytesField || *length > content.size() - at) return false;
        if (*tag >> 3 == kNormalizerSpec) return true;
        at += *length;
    }
    return false;
}

}  // namespace

struct Tokenizer::Impl {
    sentencepiece::SentencePieceProcessor processor;
    bool folds_bytes = false;

    bool is_unknown(int32_t id) const { return id == processor.unk_id() || processor.IsByte(id); }

    void fold_unknown(std::vector<int32_t>& ids) const {
        for (int32_t& id : ids) id = is_unknown(id) ? processor.unk_id() : id;
        const auto both_unknown = [this](int32_t a, int32_t b) { return a == b && a == processor.unk_id(); };
        ids.erase(std::unique(ids.begin(), ids.end(), both_unknown), ids.end());
    }
};

Tokenizer::Tokenizer(const std::filesystem::path& file) : impl_(std::make_unique<Impl>()) {
    const std::string content = read_text_file(file, "a SentencePiece model file (spiece.model)");
    if (content.starts_with('{')) {
        const ConvertedTokenizer converted = read_tokenizer_json(content, file.string());
        require_valid(impl_->processor.LoadFromSerializedProto(converted.model).ok(), file.string(),
                      ": its vocabulary is not one of SentencePiece; put spiece.model beside it");
        impl_->folds_bytes = !converted.byte_fallback;
    } else {
        require_valid(is_complete(content) && impl_->processor.LoadFromSerializedProto(content).ok(), file.string(),
                      ": not a complete SentencePiece model (", content.size(),
                      " bytes); expected a spiece.model or tokenizer.json");
        impl_->folds_bytes = unk_id() == kUmt5UnknownId;
    }
    require_valid(eos_id() >= 0, file.string(), ": the vocabulary has no end token (</s>)");
}

Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

std::vector<int32_t> Tokenizer::encode(std::string_view text, int64_t max_length) const {
    require(max_length >= 1, "tokenizer: expected room for the end token, found max_length ", max_length);
    std::vector<int32_t> ids;
    const auto status = impl_->processor.Encode({text.data(), text.size()}, &ids);
    require(status.ok(), "tokenizer: ", status.ToString());

    if (impl_->folds_bytes) impl_->fold_unknown(ids);
    ids.resize(std::min(ids.size(), static_cast<size_t>(max_length - 1)));
    ids.push_back(eos_id());
    return ids;
}

int32_t Tokenizer::pad_id() const {
    return impl_->processor.pad_id();
}
int32_t Tokenizer::eos_id() const {
    return impl_->processor.eos_id();
}
int32_t Tokenizer::unk_id() const {
    return impl_->processor.unk_id();
}
int64_t Tokenizer::vocabulary_size() const {
    return impl_->processor.GetPieceSize();
}

}  // namespace t3video::text
