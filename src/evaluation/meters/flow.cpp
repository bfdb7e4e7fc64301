// What the numbers of optical flow mean; builds without OpenCV know it too.
#include "evaluation/meters/flow.h"

#include "evaluation/opencv/plugin.h"

namespace t3video::evaluation {

std::span<const Metric> flow_metrics() {
    static constexpr Metric metrics[] = {
        {.name = "motion",
         .title = "Motion",
         .better = Better::neither,
         .unit = "% of the height per frame",
         .range = "0 and up, 0 where nothing moves",
         .definition = "How far the picture moves from one frame to the next, over all places. Films that hardly move "
                       "are good at everything else that is measured over time; read other numbers beside this one.",
         .formula = "Dense optical flow f from frame t to t+1 (DIS, preset medium, of luma shrunk by means of areas so "
                    "that its longer side has at most 960 pixels). 100 * mean |f| / height, both in pixels of the "
                    "shrunk frame, over all pixels, then over all pairs of frames. Parts: each pair.",
         .source = "flow: Kroeger et al., Fast Optical Flow using Dense Inverse Search, ECCV 2016, as in OpenCV",
         .blindness = "Flow is not seen where there is no texture, and is lost where things move by more than about a "
                      "tenth of the picture in a frame. Moving cameras and moving things count alike; boiling texture "
                      "counts as motion."},
        {.name = "warp_error",
         .title = "Warp error",
         .better = Better::lower,
         .unit = "levels",
         .range = "0 to 255 levels, 0 where frames differ by motion alone",
         .definition = "What is left of the difference between neighbouring frames once motion is undone: flicker, "
                       "boiling texture, shapes that change.",
         .formula = "mean |Y'(t, x) - Y'(t+1, x + f(x))| over pixels x that are not occluded, then over all pairs of "
                    "frames; Y' is luma shrunk as for motion, f the flow from t to t+1, b the one back, both fetched "
                    "bilinearly. Not occluded: x + f(x) lies inside the frame, and "
                    "|f(x) + b(x + f(x))|^2 < 0.01 (|f(x)|^2 + |b(x + f(x))|^2) + 0.5. Parts: each pair; not finite "
                    "where all is occluded, and left out of the mean.",
         .source = "Lai et al., Learning Blind Video Temporal Consistency, ECCV 2018, with luma for RGB and DIS for "
                   "FlowNet2; occlusion: Sundaram et al., Dense Point Trajectories, ECCV 2010",
         .blindness = "Flow explains some changes away by small motion, and what it cannot match counts as occluded. "
                      "Blur lowers the error; so does standing still. Lights that change count as errors. Changes "
                      "finer than the shrunk frame are not seen."},
    };
    return metrics;
}

std::unique_ptr<Meter> flow_meter(const FilmShape& shape) {
    return plugin_meter(kFlowMeter, shape, flow_metrics().data());
}

}  // namespace t3video::evaluation
