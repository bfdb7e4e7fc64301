// Decoded frames to RGB, with the colours that players show; included by this folder's .cpp files only.
#pragma once

#include <memory>
#include <string>

#include "media/ffmpeg.h"
#include "media/input/filter_graph.h"

namespace t3video::media {

// What is known of frames beside what they say themselves.
struct FrameOrigin {
    std::string name;  // of the file, for messages
    bool still = false;
    bool bt709 = false;          // the matrix, where the frame names none
    bool premultiplied = false;  // colours are multiplied with alpha
    AVCodecID codec = AV_CODEC_ID_NONE;
};

// Matrix and range are those that the frame names. Where it names none: BT.709 for videos from 1280 pixels or 577 lines
// on (as mpv has it) and for what Y4mWriter wrote, BT.601 for smaller ones
// and for pictures (as JPEG and WebP have it); limited range, but full for RGB, and for grey other than a video
// codec's. HDR (PQ, HLG), linear and logarithmic light and the wider primaries of BT.2020 and P3 become BT.709, where
// what is brighter than diffuse white (203 cd/m2, ITU-R BT.2408) or outside the gamut is cut off. Linear light of
// OpenEXR gets the curve of sRGB. What is transparent lies on white.
class RgbConverter {
  public:
    RgbConverter(FrameOrigin origin, Samples samples) : origin_(std::move(origin)), samples_(samples) {}

    // In rgb_format(samples). All frames are of the size, and decoded pixel format, of the first; holds until the next
    // call. Throws InvalidRequest for colours that this FFmpeg cannot convert.
    const AVFrame& convert(const AVFrame& frame);
    // Bytes that a pixel takes on the way, beside the frame and the result; by what the container says of colours.
    static int64_t bytes_of_pixel(AVPixelFormat format, AVColorTransferCharacteristic transfer,
                                  AVColorPrimaries primaries);

  private:
    void start(const AVFrame& frame);
    void lay_on_white(const AVFrame& rgba);

    FrameOrigin origin_;
    Samples samples_;
    AVPixelFormat format_ = AV_PIX_FMT_NONE;  // of the first frame
    std::unique_ptr<FilterGraph> filters_;    // of wide colours
    ScalerPtr scaler_;                        // of others
    FramePtr rgba_, rgb_;
};

}  // namespace t3video::media
