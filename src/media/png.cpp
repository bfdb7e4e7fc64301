// PNG by FFmpeg's encoder: its one packet is the file.
#include "media/png.h"

#include <fstream>

#include "media/ffmpeg.h"
#include "media/output_file.h"

namespace t3video::media {
namespace {

PacketPtr encode_png(const Image& image) {
    const AVCodec* codec = avcodec_find_encoder(AV_CODEC_ID_PNG);
    require(codec != nullptr, "this FFmpeg has no PNG encoder");
    CodecPtr encoder(avcodec_alloc_context3(codec));
    require(encoder != nullptr, "out of memory for the PNG encoder");
    encoder->width = static_cast<int>(image.width);
    encoder->height = static_cast<int>(image.height);
    encoder->pix_fmt = AV_PIX_FMT_RGB24;
    encoder->time_base = {1, 1};
    check_av(avcodec_open2(encoder.get(), codec, nullptr), "cannot open the PNG encoder for ", image.width, "x",
             image.height);

    const FramePtr frame = make_frame(AV_PIX_FMT_RGB24, image.width, image.height);
    copy_to_frame(image, *frame);
    frame->pts = 0;
    check_av(avcodec_send_frame(encoder.get(), frame.get()), "PNG encoder");
    check_av(avcodec_send_frame(encoder.get(), nullptr), "PNG encoder");
    PacketPtr packet = make_packet();
    check_av(avcodec_receive_packet(encoder.get(), packet.get()), "PNG encoder");
    return packet;
}

}  // namespace

void write_png(const std::filesystem::path& path, const Image& image) {
    quiet_ffmpeg();
    PartialFile file(path);
    const PacketPtr packet = encode_png(image);
    std::ofstream out(file.path(), std::ios::binary | std::ios::trunc);
    out.write(reinterpret_cast<const char*>(packet->data), packet->size);
    out.close();
    require(out.good(), "cannot write ", file.path().string());
    file.commit();
}

}  // namespace t3video::media
