// A film's identity as JSON.
#include "job/identity.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "checkpoint/tensor_source.h"
#include "core/content_hash.h"
#include "film/fields.h"

namespace t3video::job {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// Beside those of the table of fields.
constexpr const char* kOtherMembers[] = {"width", "height",       "dtype",     "windows",    "dit",
                                         "heads", "text_encoder", "tokenizer", "noise",      "bf16_timesteps",
                                         "loras", "input",        "cache",     "cache_table"};

// Of a file of weights; of an index the files that it names, in no order: what they are called does not matter.
json content_of(const fs::path& path) {
    const std::set<fs::path> files = checkpoint::files_of(path);
    if (files.size() == 1) return sampled_hash(*files.begin());
    std::vector<std::string> hashes;
    for (const fs::path& file : files) hashes.push_back(sampled_hash(file));
    std::ranges::sort(hashes);
    return hashes;
}

// Another program writes 3.0 as 3.
void write_whole_numbers_plainly(json& value) {
    if (value.is_structured()) {
        for (json& item : value) write_whole_numbers_plainly(item);
    } else if (value.is_number_float()) {
        constexpr double kExact = 1e15;
        const double number = value.get<double>();
        if (std::abs(number) < kExact && number == std::floor(number)) value = static_cast<int64_t>(number);
    }
}

json counting(const json& identity) {
    json known = json::object();
    const auto add = [&](const char* member) {
        if (member && identity.contains(member)) known[member] = identity[member];
    };
    for (const char* member : kOtherMembers) add(member);
    for (const film::RequestField& field : film::fields()) add(field.identity);
    write_whole_numbers_plainly(known);
    return known;
}

bool is_letter(unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c >= 0x80;
}

}  // namespace

json as_utf8(const json& value) {
    return json::parse(value.dump(-1, ' ', false, json::error_handler_t::replace));
}

ModelContents contents_of(const film::ModelFiles& files, int64_t heads) {
    ModelContents contents{content_of(files.dit),
                           content_of(files.text_encoder),
                           sampled_hash(files.need(film::Part::tokenizer)),
                           files.vae.empty() ? json() : content_of(files.vae),
                           {},
                           heads};
    for (const checkpoint::Lora& lora : files.loras) {
        contents.loras.push_back({{"file", content_of(lora.file)}, {"weight", lora.weight}});
        if (lora.partial) contents.loras.back()["partial"] = true;
    }
    return contents;
}

json film_identity(const film::Request& request, const film::Film& film, const film::Input& input,
                   const ModelContents& model, DType compute_type) {
    const film::Request r = film::filled_in(request, film);
    json identity = {{"width", film.size.width},
                     {"height", film.size.height},
                     {"dtype", name_of(compute_type)},
                     {"windows", json::array()},
                     {"dit", model.dit},
                     {"heads", model.heads},
                     {"text_encoder", model.text_encoder},
                     {"tokenizer", model.tokenizer}};
    for (const film::RequestField& field : film::fields()) {
        if (json value = field.identity ? field.get(r) : json(); !value.is_null()) identity[field.identity] = value;
    }
    const t3::WindowLayout& layout = film.attention.layout;
    for (const t3::Pattern& p : layout.patterns) {
        json& windows = identity["windows"].emplace_back(json::array({p.t, p.h, p.w}));
        if (p.shift != t3::Shift{}) windows.insert(windows.end(), {p.shift.t, p.shift.h, p.shift.w});
        if (p.branches != t3::Branches::both) windows.push_back(t3::name_of(p.branches));
    }
    if (!layout.schedule.empty()) identity["schedule"] = layout.schedule;
    if (r.settings.cache) identity["cache"] = film::text_of(*r.settings.cache);
    if (const sampling::CacheSettings& cache = film.settings.cache; cache.keeps_residuals())
        identity["cache_table"] = text_hash(json{cache.coefficients, cache.ratios}.dump());
    if (r.noise == film::NoiseSource::cuda) identity["noise"] = {{"cuda", r.multiprocessors}};
    if (r.bf16_timesteps) identity["bf16_timesteps"] = true;
    if (!model.loras.is_null()) identity["loras"] = model.loras;
    if (input.choices.any()) {
        const bool still = film.settings.source == film::Source::image;
        identity["input"] = {{still ? "image" : "video", input.hash},
                             {"vae", model.vae},  // which encodes it
                             {"fit", input.choices.fit == film::Fit::crop ? "crop" : "stretch"}};
        if (!still) identity["input"]["strength"] = film.settings.strength;
        if (input.timed) identity["input"]["fps"] = film.settings.fps;  // which frames are taken
    }
    return as_utf8(identity);
}

bool is_same_film(const json& a, const json& b) {
    return a.is_object() && b.is_object() && counting(a) == counting(b);
}

std::string film_id(const json& identity) {
    return text_hash(counting(identity).dump(-1, ' ', true, json::error_handler_t::replace));
}

std::string film_name(const std::string& prompt, uint64_t seed) {
    constexpr size_t kLongest = 48;  // bytes: endings, and folders that sync to other systems, want room
    std::string name;
    size_t word = 0;  // where the current one begins
    for (const char raw : as_utf8(prompt).get<std::string>()) {
        const char c = raw >= 'A' && raw <= 'Z' ? static_cast<char>(raw - 'A' + 'a') : raw;
        if (is_letter(static_cast<unsigned char>(c))) {
            name += c;
        } else if (!name.empty() && name.back() != '-') {
            name += '-';
            word = name.size();
        }
        if (name.size() > kLongest) {
            // Whole words, or of a long one its beginning, cut between characters.
            size_t end = word > 0 ? word : kLongest;
            while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) --end;
            name.resize(end);
            break;
        }
    }
    while (!name.empty() && name.back() == '-') name.pop_back();
    return (name.empty() ? "film" : name) + "-" + std::to_string(seed);
}

}  // namespace t3video::job
