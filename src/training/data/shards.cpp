// Descriptions and tensors of encoded clips.
#include "training/data/shards.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "checkpoint/checks.h"
#include "checkpoint/finite.h"
#include "checkpoint/json_text.h"
#include "checkpoint/tensor_source.h"
#include "core/error.h"
#include "core/paths.h"

namespace t3video::training {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kClips = "t3video_clips";
constexpr const char* kVae = "t3video_vae";
constexpr const char* kTextEncoder = "t3video_text_encoder";
constexpr const char* kTokenizer = "t3video_tokenizer";
constexpr const char* kEmpty = "empty";

std::string text_name(const std::string& clip, size_t caption) {
    return concat(clip, ".text.", caption);
}

json described(const ClipNotes& n) {
    return {{"key", n.key},       {"file", n.file},     {"captions", n.captions}, {"width", n.width},
            {"height", n.height}, {"frames", n.frames}, {"fps", n.fps},           {"repeats", n.repeats}};
}

template <class T>
T member(const json& object, const char* name, const std::string& where) {
    const auto found = object.find(name);
    const bool text = std::is_same_v<T, std::string>;
    const bool fits = found != object.end() && (text ? found->is_string() : found->is_number()) &&
                      (!std::is_integral_v<T> || found->is_number_integer());
    require_valid(fits, where, ": a clip without a fitting '", name, "'; the shard is damaged");
    return found->get<T>();
}

std::vector<std::string> captions_of(const json& object, const std::string& where) {
    const auto found = object.find("captions");
    const bool fits = found != object.end() && found->is_array() && !found->empty() &&
                      std::ranges::all_of(*found, [](const json& text) { return text.is_string(); });
    require_valid(fits, where, ": a clip without fitting 'captions'; the shard is damaged");
    return found->get<std::vector<std::string>>();
}

ClipNotes notes_of(const json& entry, const std::string& where) {
    require_valid(entry.is_object(), where, ": a clip is described by no object; the shard is damaged");
    ClipNotes n{.key = member<std::string>(entry, "key", where),
                .file = member<std::string>(entry, "file", where),
                .captions = captions_of(entry, where),
                .width = member<int64_t>(entry, "width", where),
                .height = member<int64_t>(entry, "height", where),
                .frames = member<int64_t>(entry, "frames", where),
                .fps = member<double>(entry, "fps", where),
                .repeats = member<int64_t>(entry, "repeats", where)};
    require_valid(n.width > 0 && n.height > 0 && n.frames > 0 && n.repeats > 0 && std::isfinite(n.fps) && n.fps > 0,
                  where, ": clip ", checkpoint::quote(n.key), " has a size, a rate or repeats that are not above 0");
    return n;
}

std::string text_of(const std::map<std::string, std::string>& metadata, const char* name, const std::string& where) {
    const auto found = metadata.find(name);
    require_valid(found != metadata.end(), where, ": is no shard of encoded clips: its metadata has no '", name, "'");
    return found->second;
}

std::vector<fs::path> shards_in(const fs::path& folder) {
    std::vector<fs::path> files = entries_of(folder);
    std::erase_if(files, [](const fs::path& file) { return file.extension() != ".safetensors"; });
    std::ranges::sort(files);
    return files;
}

void require_finite(const EncodedClip& clip, const std::string& where) {
    const auto check = [&](const Tensor& values, const char* what) {
        require_valid(checkpoint::is_finite(values, 1), where, ": ", what, " of ", checkpoint::quote(clip.notes.file),
                      " hold values that are infinite or not numbers");
    };
    check(clip.latents, "the latents");
    for (const Tensor& text : clip.texts) check(text, "the texts");
}

bool is_text(const Tensor& rows) {
    return rows.rank() == 2 && rows.dtype() == DType::bf16 && rows.numel() > 0;
}

}  // namespace

ShardSet::ShardSet(const fs::path& folder) {
    require_valid(is_folder(folder), folder.string(), is_there(folder) ? ": is a file" : ": no such folder",
                  "; expected a folder of encoded clips");
    for (const fs::path& file : shards_in(folder)) open(file);
    require_valid(!clips_.empty(), folder.string(), ": holds no encoded clips; make them with encode");
    std::set<std::string> keys;
    for (const Stored& clip : clips_)
        require_valid(keys.insert(clip.notes.key).second, clip.file.string(), ": the clip ",
                      checkpoint::quote(clip.notes.file), " is in another shard as well");
}

void ShardSet::open(const fs::path& file) {
    const std::string where = file.string();
    const checkpoint::TensorSource source = checkpoint::open_tensors(file);
    const auto& m = source.metadata;
    const Encoders encoders{text_of(m, kVae, where), text_of(m, kTextEncoder, where), text_of(m, kTokenizer, where)};
    if (clips_.empty()) encoders_ = encoders;
    require_valid(encoders == encoders_, where, ": was encoded by other networks than the shards before it");
    const json list = checkpoint::parse_json(text_of(m, kClips, where), where);
    const auto empty = source.tensors.find(kEmpty);
    require_valid(empty != source.tensors.end(), where, ": holds no encoding of the empty text ('", kEmpty,
                  "'); make the shard again with encode");
    const Tensor empty_text = source.at(kEmpty);
    require_valid(is_text(empty_text), where, ": has an empty text of ", empty_text.dtype(), " ", empty_text.shape(),
                  ", expected bf16 [rows, dim]");
    if (clips_.empty()) empty_text_ = empty_text;
    require_valid(list.is_array(), where, ": its metadata '", kClips, "' is no list; the shard is damaged");
    std::vector<ClipNotes> notes;
    size_t tensors = 1;
    for (const json& entry : list) {
        notes.push_back(notes_of(entry, where));
        tensors += 1 + notes.back().captions.size();
    }
    require_valid(source.tensors.size() == tensors, where,
                  ": describes other clips than it holds; the shard is damaged");
    for (size_t i = 0; i < notes.size(); ++i) {
        const std::string number = std::to_string(i);
        Stored clip{std::move(notes[i]), source.at(number + ".latents"), {}, file};
        require_valid(clip.latents.rank() == 4 && clip.latents.dtype() == DType::f32 && clip.latents.numel() > 0, where,
                      ": clip ", number, " has latents of ", clip.latents.dtype(), " ", clip.latents.shape(),
                      ", expected f32 [channels, T, H, W]");
        for (size_t k = 0; k < clip.notes.captions.size(); ++k) {
            const Tensor rows = source.at(text_name(number, k));
            require_valid(is_text(rows) && rows.dim(1) == empty_text_.dim(1), where, ": clip ", number, " has text of ",
                          rows.dtype(), " ", rows.shape(), ", expected bf16 [rows, ", empty_text_.dim(1), "]");
            clip.texts.push_back(rows);
        }
        clips_.push_back(std::move(clip));
    }
}

EncodedClip ShardSet::clip(size_t i) const {
    const Stored& stored = clips_.at(i);
    EncodedClip clip{stored.notes, stored.latents, stored.texts};
    require_finite(clip, stored.file.string());
    return clip;
}

bool is_shard(const fs::path& file) {
    return file.extension() == ".safetensors" && is_file(file) &&
           checkpoint::open_tensors(file).metadata.contains(kClips);
}

void require_same_encoders(const fs::path& folder, const Encoders& found, const Encoders& expected) {
    const char* other = found.vae != expected.vae                     ? "VAE"
                        : found.text_encoder != expected.text_encoder ? "text encoder"
                                                                      : "tokenizer";
    require_valid(found == expected, folder.string(), ": holds clips that another ", other,
                  " made; encode into another folder");
}

ShardWriter::ShardWriter(fs::path folder, Encoders encoders, Tensor empty_text, size_t shard_bytes)
    : folder_(std::move(folder)),
      encoders_(std::move(encoders)),
      empty_text_(std::move(empty_text)),
      shard_bytes_(shard_bytes) {
    require(is_text(empty_text_), "shards: an empty text of ", empty_text_.dtype(), " ", empty_text_.shape());
    make_folders(folder_);
    const std::vector<fs::path> files = shards_in(folder_);
    if (files.empty()) return;
    const ShardSet before(folder_);
    require_same_encoders(folder_, before.encoders(), encoders_);
    for (size_t i = 0; i < before.size(); ++i) keys_.insert(before.notes(i).key);
    next_ = static_cast<int64_t>(files.size());
}

void ShardWriter::add(EncodedClip clip) {
    require(!clip.texts.empty() && clip.texts.size() == clip.notes.captions.size() &&
                std::ranges::all_of(clip.texts, is_text),
            "shards: ", clip.texts.size(), " texts of ", clip.notes.captions.size(), " captions");
    require_finite(clip, folder_.string());
    require(keys_.insert(clip.notes.key).second, "shards: the clip ", clip.notes.key, " is there already");
    waiting_bytes_ += clip.latents.bytes();
    for (const Tensor& text : clip.texts) waiting_bytes_ += text.bytes();
    waiting_.push_back(std::move(clip));
    if (waiting_bytes_ >= shard_bytes_) finish();
}

void ShardWriter::finish() {
    if (waiting_.empty()) return;
    std::map<std::string, Tensor> tensors{{kEmpty, empty_text_}};
    json list = json::array();
    for (size_t i = 0; i < waiting_.size(); ++i) {
        const std::string number = std::to_string(i);
        tensors[number + ".latents"] = waiting_[i].latents;
        for (size_t k = 0; k < waiting_[i].texts.size(); ++k) tensors[text_name(number, k)] = waiting_[i].texts[k];
        list.push_back(described(waiting_[i].notes));
    }
    fs::path file;
    do {
        file = folder_ / fmt::format("{:05}.safetensors", next_++);
    } while (is_there(file));
    checkpoint::save_safetensors(file, tensors,
                                 {{kClips, list.dump(-1, ' ', false, json::error_handler_t::replace)},
                                  {kVae, encoders_.vae},
                                  {kTextEncoder, encoders_.text_encoder},
                                  {kTokenizer, encoders_.tokenizer}});
    waiting_.clear();
    waiting_bytes_ = 0;
}

}  // namespace t3video::training
