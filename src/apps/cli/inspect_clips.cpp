// Folders of encoded clips.
#include <fmt/format.h>

#include <map>
#include <set>

#include "apps/cli/inspect.h"
#include "training/data/buckets.h"
#include "training/data/shards.h"

namespace t3video::apps {

void print_buckets(const training::ShardSet& set) {
    std::map<training::Bucket, int64_t> buckets;
    for (size_t i = 0; i < set.size(); ++i) {
        const training::ClipNotes& n = set.notes(i);
        ++buckets[{{n.width, n.height}, n.frames}];
    }
    fmt::print("{:>11} {:>7} {:>8}\n", "size", "frames", "clips");
    for (const auto& [bucket, clips] : buckets) {
        const std::string size = fmt::format("{}x{}", bucket.size.width, bucket.size.height);
        fmt::print("{:>11} {:>7} {:>8}\n", size, bucket.frames, clips);
    }
}

void inspect_clips(const std::filesystem::path& folder) {
    const training::ShardSet set(folder);
    std::set<std::string> files;
    int64_t captions = 0;
    for (size_t i = 0; i < set.size(); ++i) {
        files.insert(set.notes(i).file);
        captions += static_cast<int64_t>(set.notes(i).captions.size());
    }
    row("Encoded clips", folder.string());
    row("", fmt::format("{} clips of {} files, {} captions, {} latent channels, text width {}", set.size(),
                        files.size(), captions, set.latent_shape(0)[0], set.empty_text().dim(1)));
    row("", fmt::format("the first: {}: {}", set.notes(0).file, set.notes(0).captions.front()));
    row("VAE", set.encoders().vae);
    row("Text encoder", set.encoders().text_encoder);
    row("Tokenizer", set.encoders().tokenizer);
    print_buckets(set);
}

}  // namespace t3video::apps
