// Rounds of captions and clips.
#include "training/data/encode.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "checkpoint/finite.h"
#include "core/error.h"
#include "core/output_file.h"
#include "core/paths.h"
#include "film/prompt_ids.h"
#include "training/data/clip_keys.h"
#include "training/data/clip_queue.h"
#include "training/data/folder_lock.h"

namespace t3video::training {
namespace {

constexpr int64_t kTextBytes = int64_t{512} << 20;  // of the captions' rows of one round, which wait for their clips

// A clip that is to be encoded.
struct Pending {
    const DataItem* item;
    const ClipRules* rules;
    std::string file, clip;  // hashes
};

// The text encoder runs for the captions of many clips, then the VAE for these, in turn: only one of them is in memory.
class Run {
  public:
    Run(Context& ctx, const EncodingModel& model, const EncodeOptions& options, EncodeObserver& observer,
        std::stop_token stop)
        : ctx_(ctx), model_(model), options_(options), observer_(observer), stop_(std::move(stop)) {}

    EncodeReport encode(const DataSet& set) {
        report_.items = static_cast<int64_t>(set.items.size());
        require_valid(report_.items > 0, "there are no clips to encode");
        const std::vector<ClipRules> groups = rules_of(set, options_.choices, options_.model);
        plan_ = plan_encoding(ctx_, model_.networks, groups, captions_of(set),
                              {options_.memory, options_.frame_bytes, waiting_bytes(set, groups)});
        observer_.planned(plan_);
        const FolderLock lock(options_.output, "encodes into this folder");
        open_shards();
        std::vector<Pending> pending = look_through(set, groups);
        total_ = static_cast<int64_t>(pending.size());
        try {
            for (size_t first = 0; first < pending.size() && !stopped();) first = encode_round(pending, first);
            finish();
        } catch (const WriteError&) {
            throw;
        } catch (...) {
            save_what_is_done();
            throw;
        }
        report_.stopped = stopped() && report_.there + report_.done + all_left_out() < report_.items;
        report_.others = known_.others();
        require_valid(report_.stopped || report_.there + report_.done > 0, "no clip could be encoded: of ",
                      report_.items, ", ", report_.about_left_out());
        return std::move(report_);
    }

  private:
    bool stopped() const { return stop_.stop_requested(); }
    int64_t all_left_out() const {
        int64_t sum = 0;
        for (const auto& [kind, count] : report_.left_out) sum += count;
        return sum;
    }
    void leave_out(const LeftOut& clip) {
        ++report_.left_out[clip.kind];
        observer_.left_out(clip);
    }

    int64_t row_bytes() const { return model_.networks.text_encoder.config().dim * 2; }
    static int64_t captions_of(const DataSet& set) {
        int64_t count = 1;  // the empty one
        for (const DataItem& item : set.items) count += static_cast<int64_t>(item.captions.size());
        return count;
    }
    // Of the host, for texts and for latents that wait for their shard: bounds, of few clips small ones.
    int64_t waiting_bytes(const DataSet& set, const std::vector<ClipRules>& groups) const {
        int64_t texts = std::min(kTextBytes, captions_of(set) * models::kTextRows * row_bytes()), latents = 0;
        for (const DataItem& item : set.items) {
            const ClipRules& rules = groups.at(item.group);
            if (item.kind == ClipKind::video && !rules.enough()) return texts + shard_bytes();
            latents += static_cast<int64_t>(rules.windows.target_frames.size()) * latent_bytes(rules, item.kind);
            if (latents > shard_bytes()) return texts + shard_bytes();
        }
        return texts + latents;
    }
    int64_t shard_bytes() const { return static_cast<int64_t>(options_.shard_bytes); }
    int64_t latent_bytes(const ClipRules& rules, ClipKind kind) const {
        const models::VaeConfig& vae = model_.networks.vae.config();
        int64_t pixels = 0;
        for (const Size& size : rules.sizes) pixels = std::max(pixels, size.width * size.height);
        const int64_t frames = 1 + (rules.longest(kind) - 1) / vae.stride_t(), cell = vae.stride_hw() * vae.stride_hw();
        return vae.z * frames * (pixels / cell) * int64_t{sizeof(float)};
    }

    // What an earlier run left; its empty text serves this one too.
    void open_shards() {
        check_writable(options_.output / "new.safetensors");
        const std::vector<std::filesystem::path> entries = entries_of(options_.output);
        if (std::ranges::none_of(entries, [](const auto& e) { return e.extension() == ".safetensors"; })) return;
        const ShardSet before(options_.output);
        require_same_encoders(options_.output, before.encoders(), model_.identities);
        for (size_t i = 0; i < before.size(); ++i) known_.add(before.notes(i).key);
        Context host;
        open_writer(clone(host, before.empty_text()));
    }
    void open_writer(Tensor empty_text) {
        writer_.emplace(options_.output, model_.identities, std::move(empty_text), options_.shard_bytes);
    }

    // The clips that are not there yet.
    std::vector<Pending> look_through(const DataSet& set, const std::vector<ClipRules>& groups) {
        std::vector<Pending> pending;
        std::set<std::string> seen;
        observer_.stage("look", report_.items, "clips");
        int64_t done = 0;
        for (const DataItem& item : set.items) {
            if (stopped()) break;
            observer_.advanced(done++);
            try {
                const ClipRules& rules = groups.at(item.group);
                const std::string file = file_hash(item.file), clip = clip_hash(file, item, rules);
                if (!seen.insert(clip).second) {
                    leave_out({LeftOut::Kind::repeated, item.file,
                               Message("holds the same frames as a clip before it, with the same caption")});
                } else if (known_.has_clip(clip)) {
                    known_.ask_clip(clip);
                    ++report_.there;
                } else {
                    pending.push_back({&item, &rules, file, clip});
                }
            } catch (const InvalidRequest& error) {
                leave_out({LeftOut::Kind::broken, item.file, error.message()});
            }
        }
        observer_.advanced(done);
        observer_.stage_ended();
        return pending;
    }

    // Encodes clips from the first one on, as many as the captions' rows have room for. Gives the first of the next.
    size_t encode_round(const std::vector<Pending>& pending, size_t first) {
        std::map<std::string, std::vector<int64_t>> ids;
        int64_t bytes = 0;
        size_t last = first;
        for (; last < pending.size() && (last == first || bytes < kTextBytes); ++last) {
            for (const std::string& caption : pending[last].item->captions) {
                if (ids.contains(caption)) continue;
                ids[caption] = ids_of(caption, *pending[last].item);
                bytes += static_cast<int64_t>(ids[caption].size()) * row_bytes();
            }
        }
        encode_captions(ids);
        if (!stopped())
            encode_windows({pending.begin() + static_cast<std::ptrdiff_t>(first),
                            pending.begin() + static_cast<std::ptrdiff_t>(last)});
        texts_.clear();
        return last;
    }

    std::vector<int64_t> ids_of(const std::string& caption, const DataItem& item) {
        film::PromptIds found = film::prompt_ids(model_.tokenizer, model_.networks.text_encoder.config(), caption);
        if (found.all > found.ids.size()) {
            observer_.note(Message(item.file.string(), ": the caption has ", found.all, " tokens; the model reads ",
                                   found.ids.size(), ", what comes after them is cut"));
        }
        return std::move(found.ids);
    }

    void encode_captions(const std::map<std::string, std::vector<int64_t>>& ids) {
        observer_.stage("text", static_cast<int64_t>(ids.size()), "captions");
        const CaptionEncoder encoder(ctx_, model_, plan_.text);
        if (!writer_) {
            open_writer(
                encoder.encode(film::prompt_ids(model_.tokenizer, model_.networks.text_encoder.config(), "").ids));
        }
        for (const auto& [caption, tokens] : ids) {
            if (stopped()) break;
            texts_[caption] = encoder.encode(tokens);
            observer_.advanced(static_cast<int64_t>(texts_.size()));
        }
        observer_.stage_ended();
    }

    void encode_windows(const std::vector<Pending>& pending) {
        observer_.stage("encode", total_, "clips");
        observer_.advanced(at_);
        const LatentEncoder encoder(ctx_, model_, plan_.latents);
        std::vector<ClipJob> jobs;
        for (const Pending& clip : pending) jobs.push_back({clip.item, clip.rules});
        constexpr int kMostReaders = 8;
        const int readers = options_.readers > 0 ? options_.readers : std::clamp(ctx_.threads() / 2, 1, kMostReaders);
        ClipQueue queue(std::move(jobs), {readers, plan_.frames, plan_.reading});
        int64_t encoded = 0;  // windows of the clip whose turn it is
        while (!stopped()) {
            const auto event = queue.next();
            if (!event) break;
            if (const auto* window = std::get_if<ClipWindow>(&event->what)) {
                encoded += add(pending[event->job], *window, encoder) ? 1 : 0;
            } else if (const auto* reason = std::get_if<LeftOut>(&event->what)) {
                leave_out(*reason);
            } else {
                if (encoded > 0) ++report_.done;
                encoded = 0;
                observer_.advanced(++at_);
            }
        }
        observer_.stage_ended();
    }

    // Whether the window is in the folder then, or waits for its shard.
    bool add(const Pending& clip, const ClipWindow& window, const LatentEncoder& encoder) {
        const DataItem& item = *clip.item;
        const ClipKey key{window_hash(clip.file, item, *clip.rules, window), clip.clip, window.index, window.count};
        known_.ask_window(key.window);
        if (known_.has_window(key.window)) return true;
        EncodedClip encoded{{.key = key.text(),
                             .file = item.file.string(),
                             .captions = item.captions,
                             .width = window.size.width,
                             .height = window.size.height,
                             .frames = window.window.frames,
                             .fps = window.fps,
                             .repeats = item.repeats},
                            encoder.encode(window),
                            {}};
        if (!checkpoint::is_finite(encoded.latents, ctx_.threads())) {
            leave_out({LeftOut::Kind::not_finite, item.file,
                       Message("the VAE gives values that are infinite or not numbers for the frames from ",
                               window.window.first, " on")});
            return false;
        }
        for (const std::string& caption : item.captions) encoded.texts.push_back(texts_.at(caption));
        writer_->add(std::move(encoded));
        known_.add(key.text());
        ++report_.windows;
        return true;
    }

    void finish() {
        if (writer_) writer_->finish();
    }
    // After a failure, of which the caller will hear.
    void save_what_is_done() noexcept {
        try {
            finish();
        } catch (...) {
        }
    }

    Context& ctx_;
    const EncodingModel& model_;
    const EncodeOptions& options_;
    EncodeObserver& observer_;
    std::stop_token stop_;
    EncodingPlan plan_;
    KnownClips known_;
    std::optional<ShardWriter> writer_;
    std::map<std::string, Tensor> texts_;  // of the round's captions
    int64_t total_ = 0, at_ = 0;           // of clips that are not there yet
    EncodeReport report_;
};

}  // namespace

std::string EncodeReport::about_left_out() const {
    using Kind = LeftOut::Kind;
    constexpr std::pair<Kind, const char*> kWords[] = {
        {Kind::broken, "cannot be read"}, {Kind::no_frames, "without frames"},          {Kind::too_short, "too short"},
        {Kind::too_small, "too small"},   {Kind::not_finite, "without finite latents"}, {Kind::repeated, "repeated"}};
    std::string text;
    for (const auto& [kind, words] : kWords) {
        const auto found = left_out.find(kind);
        if (found == left_out.end()) continue;
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", found->second, words);
    }
    return text;
}

EncodeReport encode_clips(Context& ctx, const EncodingModel& model, const DataSet& set, const EncodeOptions& options,
                          EncodeObserver& observer, std::stop_token stop) {
    return Run(ctx, model, options, observer, std::move(stop)).encode(set);
}

}  // namespace t3video::training
