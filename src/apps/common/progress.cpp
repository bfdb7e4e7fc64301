// Progress lines with the time left, estimated from the steps done so far.
#include "apps/common/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace t3video::apps {

Progress Progress::for_stderr(bool quiet) {
    return Progress(isatty(STDERR_FILENO) != 0, quiet);
}

void Progress::begin(std::string stage, int64_t total, std::string unit, int64_t done) {
    end();
    stage_ = std::move(stage);
    unit_ = std::move(unit);
    total_ = total;
    before_ = done_ = done;
    remark_.clear();
    active_ = true;
    started_ = Clock::now();
    printed_ = Clock::time_point{};
    print(false);
}

void Progress::advance(int64_t done, std::string remark) {
    done_ = done;
    remark_ = std::move(remark);
    if (done_ < total_) print(false);  // the last line is end()'s
}

void Progress::give_way() {
    if (quiet_ || !active_ || !redraw_) return;
    std::fputs("\r\033[K", stderr);
    std::fflush(stderr);
    printed_ = Clock::time_point{};
}

void Progress::end() {
    if (!active_) return;
    print(true);
    active_ = false;
}

double Progress::stage_seconds() const {
    return seconds_since(started_);
}

void Progress::print(bool final_line) {
    if (quiet_ || !active_) return;
    const auto now = Clock::now();
    const auto interval = redraw_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(5000);
    const bool first = printed_ == Clock::time_point{};
    if (!final_line && !first && now - printed_ < interval) return;
    printed_ = now;
    const double elapsed = stage_seconds();
    std::string line = fmt::format("{:<8}", stage_);
    if (final_line) {
        line += fmt::format(" {} {}, {}", done_, unit_, format_duration(elapsed));
    } else {
        line += fmt::format(" {}/{} {}", done_, total_, unit_);
        if (!remark_.empty()) line += ", " + remark_;
        if (done_ > before_ && done_ < total_) {
            line += ", " + format_duration(elapsed / double(done_ - before_) * double(total_ - done_)) + " left";
        }
    }
    line = redraw_ ? fmt::format("\r\033[K{}{}", line, final_line ? "\n" : "") : line + "\n";
    std::fputs(line.c_str(), stderr);  // a terminal that went away is no reason to stop
    std::fflush(stderr);
}

std::string format_duration(double seconds) {
    const auto whole = static_cast<int64_t>(seconds + 0.5);
    if (seconds < 9.95) return fmt::format("{:.1f} s", seconds);
    if (whole < 60) return fmt::format("{} s", whole);
    if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
    return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

}  // namespace t3video::apps
