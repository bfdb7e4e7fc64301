// libavfilter.
#include "media/input/filter_graph.h"

extern "C" {
#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
}

#include "media/input/input_source.h"

namespace t3video::media {
namespace {

AVFilterContext* add(AVFilterGraph* graph, const char* filter, const std::string& options) {
    AVFilterContext* context = nullptr;
    check_av(avfilter_graph_create_filter(&context, avfilter_get_by_name(filter), filter,
                                          options.empty() ? nullptr : options.c_str(), nullptr, graph),
             "filter ", filter);
    return context;
}

// The end of a chain that is not linked yet.
AVFilterInOut* open_end(const char* label, AVFilterContext* filter) {
    AVFilterInOut* end = avfilter_inout_alloc();
    require(end != nullptr, "out of memory for filters");
    end->name = av_strdup(label);
    end->filter_ctx = filter;
    end->pad_idx = 0;
    end->next = nullptr;
    return end;
}

}  // namespace

FilterGraph::FilterGraph(const std::string& name, const AVFrame& like, const std::string& chain)
    : name_(name), graph_(avfilter_graph_alloc()) {
    require(graph_ != nullptr, "out of memory for filters");
    graph_->nb_threads = 1;
    std::string options = concat("video_size=", like.width, 'x', like.height, ":pix_fmt=", like.format,
                                 ":time_base=1/1:pixel_aspect=1/1");
#if LIBAVUTIL_VERSION_MAJOR >= 59  // FFmpeg 7: links know their colours before a frame comes
    options += concat(":colorspace=", int{like.colorspace}, ":range=", int{like.color_range});
#endif
    source_ = add(graph_, "buffer", options);
    sink_ = add(graph_, "buffersink", {});
    AVFilterInOut *begin = open_end("in", source_), *end = open_end("out", sink_);
    const int parsed = avfilter_graph_parse_ptr(graph_, chain.c_str(), &end, &begin, nullptr);
    avfilter_inout_free(&begin);
    avfilter_inout_free(&end);
    check_file(parsed, name_, ": this FFmpeg cannot convert its colours");
    check_file(avfilter_graph_config(graph_, nullptr), name_, ": this FFmpeg cannot convert its colours");
}

FilterGraph::~FilterGraph() {
    avfilter_graph_free(&graph_);
}

const AVFrame& FilterGraph::apply(const AVFrame& frame) {
    const FramePtr given(av_frame_clone(&frame));
    require(given != nullptr, "out of memory for a frame");
    av_frame_unref(result_.get());
    check_file(av_buffersrc_add_frame(source_, given.get()), name_, ": colours cannot be converted");
    check_file(av_buffersink_get_frame(sink_, result_.get()), name_, ": colours cannot be converted");
    return *result_;
}

bool has_filter(const char* name) {
    return avfilter_get_by_name(name) != nullptr;
}

}  // namespace t3video::media
