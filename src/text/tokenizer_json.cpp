// JSON to the protobuf format: sentencepiece_model.proto.
#include "text/tokenizer_json.h"

#include <bit>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "core/error.h"
#include "core/json.h"

namespace t3video::text {
namespace {

using nlohmann::json;

constexpr const char* kMark = "\u2581";  // stands for a space
constexpr const char* kInstead = "; put spiece.model beside it, from google/umt5-xxl on the hub";

// A message of the protobuf format: fields one after the other, each with its number and the type of its value.
class Proto {
  public:
    void add(int field, uint64_t number) {
        add_varint(static_cast<uint64_t>(field) << 3);
        add_varint(number);
    }
    void add(int field, std::string_view bytes) {
        constexpr uint64_t kBytes = 2;
        add_varint(static_cast<uint64_t>(field) << 3 | kBytes);
        add_varint(bytes.size());
        bytes_ += bytes;
    }
    void add(int field, float number) {
        constexpr uint64_t kFixed32 = 5;
        add_varint(static_cast<uint64_t>(field) << 3 | kFixed32);
        const auto bits = std::bit_cast<uint32_t>(number);
        for (int shift = 0; shift < 32; shift += 8) bytes_ += static_cast<char>(bits >> shift & 0xFF);
    }
    const std::string& bytes() const { return bytes_; }

  private:
    void add_varint(uint64_t number) {
        for (; number >= 0x80; number >>= 7) bytes_ += static_cast<char>(number | 0x80);
        bytes_ += static_cast<char>(number);
    }
    std::string bytes_;
};

enum class PieceType : uint64_t { normal = 1, unknown = 2, control = 3, user_defined = 4, byte = 6 };

std::string kind_of(const json& part) {
    if (part.is_null()) return "none";
    return part.is_object() && part.contains("type") && part["type"].is_string() ? part["type"].get<std::string>()
                                                                                 : "?";
}

// The steps of a part that may be one of them, several in a "Sequence", or none.
std::vector<json> steps_of(const json& part, const char* list) {
    if (part.is_null()) return {};
    if (kind_of(part) != "Sequence") return {part};
    std::vector<json> steps;
    if (part.contains(list) && part[list].is_array()) steps.assign(part[list].begin(), part[list].end());
    return steps;
}

// Nothing for a text that is not base 64.
std::optional<std::string> decode_base64(std::string_view text) {
    constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    while (text.ends_with('=')) text.remove_suffix(1);
    std::string bytes;
    uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        const size_t digit = kDigits.find(c);
        if (digit == std::string_view::npos) return std::nullopt;
        bits = bits << 6 | static_cast<uint32_t>(digit);
        count += 6;
        if (count < 8) continue;
        count -= 8;
        bytes += static_cast<char>(bits >> count & 0xFF);
    }
    return bytes;
}

json member(const json& object, const char* key) {
    return object.is_object() && object.contains(key) ? object[key] : json();
}

class Converter {
  public:
    Converter(const json& root, const std::string& where) : root_(root), where_(where) {}

    ConvertedTokenizer convert() {
        const json model = member(root_, "model");
        require_valid(model.is_object(), where_, ": no tokenizer.json: it has no \"model\"", kInstead);
        // The oldest files do not name the type; other models' vocabularies are objects.
        const std::string type = model.contains("type") ? kind_of(model) : "Unigram";
        require_valid(type == "Unigram", where_, ": a tokenizer of the kind ", type, ", expected Unigram", kInstead);
        const json fallback = member(model, "byte_fallback");
        byte_fallback_ = fallback == true;
        add_pieces(member(model, "vocab"), member(model, "unk_id"));
        add_trainer();
        add_normalizer();
        return {proto_.bytes(), byte_fallback_};
    }

  private:
    // Tokens that stand beside the pieces: not found in text, or found before anything else.
    std::map<std::string, PieceType> added_tokens() const {
        std::map<std::string, PieceType> added;
        const json tokens = member(root_, "added_tokens");
        for (const json& token : tokens.is_array() ? tokens : json::array()) {
            const json content = member(token, "content");
            if (content.is_string())
                added[content.get<std::string>()] =
                    member(token, "special") == true ? PieceType::control : PieceType::user_defined;
        }
        return added;
    }

    void add_pieces(const json& vocabulary, const json& unknown) {
        require_valid(vocabulary.is_array() && !vocabulary.empty() && unknown.is_number_unsigned() &&
                          unknown.get<uint64_t>() < vocabulary.size(),
                      where_, ": its model has no list \"vocab\" with an \"unk_id\" in it", kInstead);
        const auto added = added_tokens();
        for (size_t id = 0; id < vocabulary.size(); ++id) {
            const json& entry = vocabulary[id];
            require_valid(entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_number(), where_,
                          ": entry ", id, " of its vocabulary is no pair of a text and a score", kInstead);
            const auto& text = entry[0].get_ref<const std::string&>();
            const auto special = added.find(text);
            const bool byte = byte_fallback_ && text.size() == 6 && text.starts_with("<0x") && text.ends_with('>');
            const PieceType type = id == unknown.get<uint64_t>() ? PieceType::unknown
                                   : special != added.end()      ? special->second
                                   : byte                        ? PieceType::byte
                                                                 : PieceType::normal;
            Proto piece;
            piece.add(1, std::string_view(text));
            piece.add(2, entry[1].get<float>());
            piece.add(3, static_cast<uint64_t>(type));
            proto_.add(1, std::string_view(piece.bytes()));
            if (type == PieceType::unknown) unknown_piece_ = text;
        }
    }

    void add_trainer() {
        constexpr uint64_t kUnigram = 1;
        Proto trainer;
        trainer.add(3, kUnigram);
        trainer.add(35, static_cast<uint64_t>(byte_fallback_));
        trainer.add(45, std::string_view(unknown_piece_));
        proto_.add(2, std::string_view(trainer.bytes()));
    }

    // Spaces at the end and runs of them: SentencePiece takes these out itself.
    static bool is_about_spaces(const json& step) {
        const json pattern = member(member(step, "pattern"), "Regex"), content = member(step, "content");
        return kind_of(step) == "Strip" ||
               (kind_of(step) == "Replace" && pattern == " {2,}" && (content == kMark || content == " "));
    }

    std::string character_map() const {
        std::string map;
        for (const json& step : steps_of(member(root_, "normalizer"), "normalizers")) {
            if (is_about_spaces(step)) continue;
            const json text = member(step, "precompiled_charsmap");
            const auto bytes = text.is_string() ? decode_base64(text.get_ref<const std::string&>()) : std::nullopt;
            require_valid(kind_of(step) == "Precompiled" && bytes && map.empty(), where_, ": its normalizer ",
                          kind_of(step), " is not read", kInstead);
            map = *bytes;
        }
        return map;
    }

    bool has_space_in_front() const {
        bool front = false, marks = false;
        for (const json& step : steps_of(member(root_, "pre_tokenizer"), "pretokenizers")) {
            const std::string kind = kind_of(step);
            if (kind == "WhitespaceSplit") continue;
            require_valid(kind == "Metaspace" && member(step, "replacement") == kMark, where_, ": its pre-tokenizer ",
                          kind, " is not read", kInstead);
            marks = true;
            front = member(step, "prepend_scheme") != "never" && member(step, "add_prefix_space") != false;
        }
        require_valid(marks, where_, ": its pre-tokenizer is not Metaspace", kInstead);
        return front;
    }

    void add_normalizer() {
        Proto normalizer;
        normalizer.add(1, std::string_view("tokenizer.json"));
        normalizer.add(2, std::string_view(character_map()));
        normalizer.add(3, static_cast<uint64_t>(has_space_in_front()));
        normalizer.add(4, uint64_t{1});  // remove_extra_whitespaces
        normalizer.add(5, uint64_t{1});  // escape_whitespaces
        proto_.add(3, std::string_view(normalizer.bytes()));
    }

    const json& root_;
    const std::string& where_;
    Proto proto_;
    bool byte_fallback_ = false;
    std::string unknown_piece_;
};

}  // namespace

ConvertedTokenizer read_tokenizer_json(std::string_view text, const std::string& where) {
    const auto root = parse_json_or_discard(text);
    require_valid(root.is_object(), where, ": not valid JSON", kInstead);
    return Converter(root, where).convert();
}

}  // namespace t3video::text
