// Opens, samples, resizes and cuts.
#include "training/data/clip_source.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <utility>

#include "core/error.h"
#include "film/frame_size.h"
#include "film/input_frames.h"

namespace t3video::training {
namespace {

int64_t area_of(Size size) {
    return size.width * size.height;
}

std::unique_ptr<media::FrameReader> open(const DataItem& item, const ReadingRoom& room) {
    const bool still = item.kind == ClipKind::picture;
    return still ? media::open_picture(item.file, room.memory, room.stop)
                 : media::open_frames(item.file, room.memory, room.stop);
}

// The frames of a clip at the rate that is asked for.
class Frames {
  public:
    Frames(const DataItem& item, const ClipRules& rules, const ReadingRoom& room)
        : room_(room), reader_(open(item, room)), held_(room.take(reader_->bytes())), fps_(rules.fps) {
        if (item.kind == ClipKind::picture) return;
        if (rules.every_frame) {
            if (reader_->fps() > 0) fps_ = reader_->fps();
        } else if (rules.source_fps) {
            step_ = *rules.source_fps / rules.fps;
        } else if (reader_->timed()) {
            reader_->sample_at(rules.fps);
        }
    }

    const media::FrameReader& reader() const { return *reader_; }
    double fps() const { return fps_; }

    // How many there are, once all are read; none is left then.
    int64_t count() {
        int64_t files = 0;
        while (reader_->read([](const uint8_t*) {})) ++files;
        auto frames = static_cast<int64_t>(static_cast<double>(files) / step_);
        while (file_frame(frames) < files) ++frames;
        while (frames > 0 && file_frame(frames - 1) >= files) --frames;
        return frames;
    }
    void skip() { ++next_; }
    // The next one at this size; without pixels at the end.
    ClipFrame next(const media::Fitting& fitting) {
        const int64_t wanted = file_frame(next_++);
        if (wanted == at_) return shown_;
        shown_ = {};
        for (; at_ + 1 < wanted; ++at_) {
            if (!reader_->read([](const uint8_t*) {})) return {};
        }
        ++at_;
        ClipFrame frame{.held = room_.take(media::frame_bytes(fitting.width, fitting.height))};
        frame.pixels = film::read_frame(*reader_, fitting, 1);
        if (!frame.pixels.defined()) return {};
        if (step_ < 1) shown_ = frame;
        return frame;
    }

  private:
    // Which frame of the file is shown as the i-th, times being rounded.
    int64_t file_frame(int64_t i) const {
        constexpr double kRounding = 1e-6;
        return static_cast<int64_t>(std::floor(static_cast<double>(i) * step_ + kRounding));
    }

    const ReadingRoom& room_;
    std::unique_ptr<media::FrameReader> reader_;
    std::shared_ptr<void> held_;
    double fps_, step_ = 1;       // frames of the file for each that is given
    int64_t next_ = 0, at_ = -1;  // of those that are given, and of the file's the one read last
    ClipFrame shown_;             // that one, where it may come again
};

// A window that ends there, with its place among all.
struct Ending {
    int64_t index;
    Window window;
    int64_t end() const { return window.first + window.frames; }
};

std::vector<Ending> by_ends(const std::vector<Window>& windows) {
    std::vector<Ending> endings;
    for (const Window& window : windows) endings.push_back({static_cast<int64_t>(endings.size()), window});
    std::ranges::stable_sort(endings, [](const Ending& a, const Ending& b) {
        return std::pair(a.end(), a.window.first) < std::pair(b.end(), b.window.first);
    });
    return endings;
}

class WindowReader {
  public:
    WindowReader(const DataItem& item, const ClipRules& rules, const ReadingRoom& room,
                 const std::function<void(ClipWindow)>& give)
        : item_(item), rules_(rules), room_(room), give_(give) {}

    std::optional<LeftOut> read() {
        auto frames = std::make_unique<Frames>(item_, rules_, room_);
        const auto [width, height] = film::shown_size(frames->reader());
        const std::optional<Size> size = size_for(rules_, {width, height});
        if (!size) {
            return left_out(LeftOut::Kind::too_small,
                            Message("is shown at ", width, 'x', height, ", and a side of ", rules_.cell,
                                    " pixels is the least; it may be enlarged "
                                    "where ",
                                    Field("no-upscale"), " is not asked for"));
        }
        fps_ = frames->fps();
        size_ = *size;
        fitting_ = film::fitting_of(frames->reader(), size_.width, size_.height, film::Fit::crop);
        if (item_.kind == ClipKind::picture) return give_head(*frames, 1);
        if (const auto enough = rules_.enough()) return give_head(*frames, *enough);
        const int64_t count = frames->count();
        const Windows windows = windows_of(count, rules_.windows);
        if (windows.windows.empty()) return too_few(count, windows);
        frames.reset();
        Frames again(item_, rules_, room_);
        return give_windows(again, windows.windows);
    }

  private:
    LeftOut left_out(LeftOut::Kind kind, Message what) const { return {kind, item_.file, std::move(what)}; }

    LeftOut too_few(int64_t count, const Windows& windows) const {
        if (count == 0) return left_out(LeftOut::Kind::no_frames, Message("holds no frames"));
        if (windows.too_long.empty())
            return left_out(LeftOut::Kind::too_short, Message("is a video, and no length above 1 frame is asked for"));
        const std::string rate = rules_.every_frame ? std::string() : concat(" at ", rules_.fps, " frames per second");
        return left_out(LeftOut::Kind::too_short,
                        Message("has ", count, count == 1 ? " frame" : " frames", rate,
                                ", and the shortest length asked for is ", windows.too_long.front()));
    }

    // All windows lie within the first frames.
    std::optional<LeftOut> give_head(Frames& source, int64_t most) {
        std::vector<ClipFrame> frames;
        while (static_cast<int64_t>(frames.size()) < most) {
            ClipFrame frame = source.next(fitting_);
            if (!frame.pixels.defined()) break;
            frames.push_back(std::move(frame));
        }
        const auto count = static_cast<int64_t>(frames.size());
        const bool still = item_.kind == ClipKind::picture;
        Windows found = still ? Windows() : windows_of(count, rules_.windows);
        if (still && count == 1) found.windows = {kPictureWindow};
        if (found.windows.empty()) return too_few(count, found);
        for (const Ending& one : by_ends(found.windows)) {
            const auto first = frames.begin() + one.window.first;
            give_({one.index,
                   static_cast<int64_t>(found.windows.size()),
                   one.window,
                   size_,
                   fps_,
                   {first, first + one.window.frames}});
        }
        return std::nullopt;
    }

    std::optional<LeftOut> give_windows(Frames& source, const std::vector<Window>& windows) {
        const std::vector<Ending> endings = by_ends(windows);
        std::vector<int64_t> needed_from(endings.size());  // the first frame of this window and those behind it
        int64_t least = endings.back().end();
        for (size_t i = endings.size(); i-- > 0;) needed_from[i] = least = std::min(least, endings[i].window.first);
        std::deque<ClipFrame> kept;
        int64_t first_kept = 0, at = 0;
        for (size_t i = 0; i < endings.size(); ++i) {
            const Window& window = endings[i].window;
            for (; first_kept < needed_from[i]; ++first_kept) {
                if (kept.empty()) {
                    source.skip();
                    ++at;
                } else {
                    kept.pop_front();
                }
            }
            for (; at < endings[i].end(); ++at) {
                kept.push_back(source.next(fitting_));
                if (!kept.back().pixels.defined())
                    return left_out(LeftOut::Kind::broken, Message("ends at frame ", at, ", but had more before"));
            }
            const auto first = kept.begin() + (window.first - first_kept);
            give_({endings[i].index,
                   static_cast<int64_t>(endings.size()),
                   window,
                   size_,
                   fps_,
                   {first, first + window.frames}});
        }
        return std::nullopt;
    }

    const DataItem& item_;
    const ClipRules& rules_;
    const ReadingRoom& room_;
    const std::function<void(ClipWindow)>& give_;
    double fps_ = 0;
    Size size_;
    media::Fitting fitting_;
};

}  // namespace

Message LeftOut::text() const {
    return kind == Kind::broken ? what : Message(file.string(), ": ", what);
}

std::optional<Size> size_for(const ClipRules& rules, Size shown) {
    const std::optional<Size> size = nearest_size(rules.sizes, shown, rules.cell, rules.no_upscale);
    if (!size) return std::nullopt;
    int64_t most = 0;
    for (const Size& one : rules.sizes) most = std::max(most, area_of(one));
    if (area_of(*size) <= most) return size;
    auto [width, height] = film::size_by_shape(size->width, size->height, most, rules.cell);
    // A shape that so few pixels do not give at a cell's height or width is cropped.
    if (width * height > most)
        (width > height ? width : height) = most / std::min(width, height) / rules.cell * rules.cell;
    return Size{width, height};
}

std::optional<LeftOut> read_windows(const DataItem& item, const ClipRules& rules, const ReadingRoom& room,
                                    const std::function<void(ClipWindow)>& give) {
    try {
        return WindowReader(item, rules, room, give).read();
    } catch (const InvalidRequest& error) {  // its message names the file
        return LeftOut{LeftOut::Kind::broken, item.file, error.message()};
    }
}

}  // namespace t3video::training
