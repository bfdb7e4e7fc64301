// Bands of rows to whole frames.
#include "session/frame_joiner.h"

#include "core/error.h"

namespace t3video::session {

void FrameJoiner::add(const Tensor& rows, int64_t first_frame, int64_t first_row) {
    require(rows.rank() == 4, "frames in bands: rows ", rows.shape());
    const Shape frame{rows.dim(1), rows.dim(2), rows.dim(3)};
    for (int64_t i = 0; i < rows.dim(0); ++i) {
        const auto waiting = waiting_.try_emplace(first_frame + i, width_, height_, samples_).first;
        media::copy_cropped_rows(waiting->second, rows.slice(i, i + 1).reshape(frame), first_row, frame_height_,
                                 threads_);
        if (first_row + rows.dim(1) < frame_height_) continue;
        sink_(waiting->second);
        waiting_.erase(waiting);
    }
}

}  // namespace t3video::session
