// A chain of FFmpeg's filters; included by this folder's .cpp files only.
#pragma once

#include <string>

#include "media/ffmpeg.h"

struct AVFilterGraph;
struct AVFilterContext;

namespace t3video::media {

class FilterGraph {
  public:
    // For frames like this one. Throws InvalidRequest, beginning with `name`, where FFmpeg has not all filters of the
    // chain, or they do not take such frames.
    FilterGraph(const std::string& name, const AVFrame& like, const std::string& chain);
    ~FilterGraph();
    FilterGraph(const FilterGraph&) = delete;
    FilterGraph& operator=(const FilterGraph&) = delete;

    // What the chain makes of a frame, one for one. Holds until the next call.
    const AVFrame& apply(const AVFrame& frame);

  private:
    std::string name_;
    AVFilterGraph* graph_;
    AVFilterContext *source_ = nullptr, *sink_ = nullptr;  // owned by the graph
    FramePtr result_ = make_frame();
};

// Whether this FFmpeg has the filter.
bool has_filter(const char* name);

}  // namespace t3video::media
