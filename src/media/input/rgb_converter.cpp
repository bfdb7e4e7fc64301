// swscale, or for colours that BT.709 does not hold zimg by libavfilter.
#include "media/input/rgb_converter.h"

#include <algorithm>

#include "media/input/light.h"

namespace t3video::media {
namespace {

const AVPixFmtDescriptor& description_of(AVPixelFormat format) {
    const AVPixFmtDescriptor* description = av_pix_fmt_desc_get(format);
    require(description != nullptr, "unknown pixel format ", int{format});
    return *description;
}

bool is_rgb(AVPixelFormat format) {
    return (description_of(format).flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL)) != 0;
}
bool is_grey(AVPixelFormat format) {
    return !is_rgb(format) && description_of(format).nb_components <= 2;
}
bool has_alpha(AVPixelFormat format) {
    return (description_of(format).flags & AV_PIX_FMT_FLAG_ALPHA) != 0;
}

bool is_full_range(const AVFrame& frame, AVCodecID codec) {
    const auto format = static_cast<AVPixelFormat>(frame.format);
    const bool is_jpeg = format == AV_PIX_FMT_YUVJ420P || format == AV_PIX_FMT_YUVJ422P ||
                         format == AV_PIX_FMT_YUVJ444P || format == AV_PIX_FMT_YUVJ440P ||
                         format == AV_PIX_FMT_YUVJ411P;
    if (is_jpeg || is_rgb(format) || codec == AV_CODEC_ID_TIFF) return true;  // TIFF 6.0's ReferenceBlackWhite
    if (frame.color_range != AVCOL_RANGE_UNSPECIFIED) return frame.color_range == AVCOL_RANGE_JPEG;
    const bool of_video = codec == AV_CODEC_ID_H264 || codec == AV_CODEC_ID_HEVC || codec == AV_CODEC_ID_AV1;
    return is_grey(format) && !of_video;
}

AVColorSpace matrix_of(const AVFrame& frame, const FrameOrigin& origin) {
    if (frame.colorspace != AVCOL_SPC_UNSPECIFIED) return frame.colorspace;
    const bool hd = frame.width >= 1280 || frame.height > 576;
    return origin.bt709 || (hd && !origin.still) ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
}

bool is_hdr(AVColorTransferCharacteristic transfer) {
    return transfer == AVCOL_TRC_SMPTE2084 || transfer == AVCOL_TRC_ARIB_STD_B67;
}

bool is_light(AVColorTransferCharacteristic transfer) {
    return transfer == AVCOL_TRC_LINEAR || transfer == AVCOL_TRC_LOG || transfer == AVCOL_TRC_LOG_SQRT;
}

bool is_wide(AVColorPrimaries primaries) {
    return primaries == AVCOL_PRI_BT2020 || primaries == AVCOL_PRI_SMPTE431 || primaries == AVCOL_PRI_SMPTE432;
}

bool needs_filters(AVColorTransferCharacteristic transfer, AVColorPrimaries primaries) {
    return is_hdr(transfer) || is_light(transfer) || is_wide(primaries);
}

// What the frame leaves out is what goes with what it says.
FramePtr with_all_colours(const AVFrame& frame, const FrameOrigin& origin) {
    FramePtr copy(av_frame_clone(&frame));
    require(copy != nullptr, "out of memory for a frame");
    const bool rgb = is_rgb(static_cast<AVPixelFormat>(frame.format));
    if (copy->color_primaries == AVCOL_PRI_UNSPECIFIED)
        copy->color_primaries = is_light(copy->color_trc) ? AVCOL_PRI_BT709 : AVCOL_PRI_BT2020;
    if (copy->color_trc == AVCOL_TRC_UNSPECIFIED) copy->color_trc = AVCOL_TRC_BT709;
    if (copy->colorspace == AVCOL_SPC_UNSPECIFIED) {
        const bool wide = copy->color_primaries == AVCOL_PRI_BT2020;
        copy->colorspace = rgb ? AVCOL_SPC_RGB : wide ? AVCOL_SPC_BT2020_NCL : matrix_of(frame, origin);
    }
    copy->color_range = is_full_range(frame, origin.codec) ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    return copy;
}

// Through linear light in floats, where 1 is diffuse white. SDR keeps its curve, if it has one.
std::string chain_of(const AVFrame& frame, AVPixelFormat to) {
    const bool no_curve = is_hdr(frame.color_trc) || is_light(frame.color_trc);
    const std::string curve = std::to_string(no_curve ? int{AVCOL_TRC_BT709} : int{frame.color_trc});
    return concat("zscale=t=linear:npl=203,format=gbrpf32le,zscale=p=bt709,tonemap=clip:desat=0,zscale=t=", curve,
                  ":m=gbr:r=full,format=", av_get_pix_fmt_name(to));
}

template <class T>
void lay_row_on_white(const T* rgba, int width, bool premultiplied, T* rgb) {
    constexpr uint32_t kMost = T(~T{0});
    for (int x = 0; x < width; ++x, rgba += 4, rgb += 3) {
        const uint32_t alpha = rgba[3], white = kMost * (kMost - alpha);
        for (int c = 0; c < 3; ++c) {
            const uint32_t color = premultiplied ? kMost * std::min<uint32_t>(rgba[c], alpha) : rgba[c] * alpha;
            rgb[c] = static_cast<T>((color + white + kMost / 2) / kMost);
        }
    }
}

}  // namespace

int64_t RgbConverter::bytes_of_pixel(AVPixelFormat format, AVColorTransferCharacteristic transfer,
                                     AVColorPrimaries primaries) {
    constexpr int64_t kFloats = 12, kFramesUnderWay = 4;
    if (needs_filters(transfer, primaries)) return kFloats * kFramesUnderWay;
    constexpr int64_t kRgba = 8;
    return format != AV_PIX_FMT_NONE && has_alpha(format) ? kRgba : 0;
}

void RgbConverter::start(const AVFrame& frame) {
    format_ = static_cast<AVPixelFormat>(frame.format);
    const AVPixelFormat rgb = rgb_format(samples_);
    if (origin_.codec == AV_CODEC_ID_EXR) {
        rgb_ = make_frame(rgb, frame.width, frame.height);
        return;
    }
    const bool dpx = origin_.codec == AV_CODEC_ID_DPX;  // what it says of its curve is seldom so
    if (needs_filters(dpx ? AVCOL_TRC_UNSPECIFIED : frame.color_trc, frame.color_primaries)) {
        const bool has_all = has_filter("zscale") && has_filter("tonemap");
        require_valid(has_all, origin_.name, ": its colours are ",
                      is_hdr(frame.color_trc)     ? "HDR"
                      : is_light(frame.color_trc) ? "linear or logarithmic light"
                                                  : "of a wide gamut",
                      " and this FFmpeg has no zscale filter to convert them; convert it to BT.709 first");
        const FramePtr full = with_all_colours(frame, origin_);
        filters_ = std::make_unique<FilterGraph>(origin_.name, *full, chain_of(*full, rgb));
        return;
    }
    if (format_ == rgb) return;
    const AVPixelFormat with_alpha = samples_ == Samples::u8 ? AV_PIX_FMT_RGBA : AV_PIX_FMT_RGBA64;
    const PixelLayout from{format_, is_full_range(frame, origin_.codec), frame.chroma_location};
    const PixelLayout to{has_alpha(format_) ? with_alpha : rgb};
    scaler_ = make_converter(frame.width, frame.height, from, to, matrix_of(frame, origin_));
    rgb_ = make_frame(rgb, frame.width, frame.height);
    if (has_alpha(format_)) rgba_ = make_frame(with_alpha, frame.width, frame.height);
}

void RgbConverter::lay_on_white(const AVFrame& rgba) {
    for (int y = 0; y < rgba.height; ++y) {
        const uint8_t* from = rgba.data[0] + int64_t{y} * rgba.linesize[0];
        uint8_t* to = rgb_->data[0] + int64_t{y} * rgb_->linesize[0];
        if (samples_ == Samples::u8) {
            lay_row_on_white(from, rgba.width, origin_.premultiplied, to);
        } else {
            lay_row_on_white(reinterpret_cast<const uint16_t*>(from), rgba.width, origin_.premultiplied,
                             reinterpret_cast<uint16_t*>(to));
        }
    }
}

const AVFrame& RgbConverter::convert(const AVFrame& frame) {
    if (format_ == AV_PIX_FMT_NONE) {
        start(frame);
    } else {
        require_valid(frame.format == format_, origin_.name, ": the pixel format changes from frame to frame");
    }
    if (origin_.codec == AV_CODEC_ID_EXR) {
        show_light(frame, *rgb_, origin_.name);
        return *rgb_;
    }
    if (filters_) return filters_->apply(*with_all_colours(frame, origin_));
    if (format_ == rgb_format(samples_)) return frame;
    AVFrame& to = rgba_ ? *rgba_ : *rgb_;
    check_av(sws_scale(scaler_.get(), frame.data, frame.linesize, 0, frame.height, to.data, to.linesize), origin_.name,
             ": converting a frame");
    if (rgba_) lay_on_white(*rgba_);
    return *rgb_;
}

}  // namespace t3video::media
