// Sound on its way from one file to another, packet by packet as it is stored; included by this folder's .cpp files
// only.
#pragma once

#include "media/ffmpeg.h"
#include "media/input/input_source.h"

namespace t3video::media {

// Time is counted from the first frame of the video on. What sounds before it or behind the film's end is left out, to
// the packet (of PCM to the sample): one that begins in time is shown as long as the film is.
class SoundTrack {
  public:
    // Throws InvalidRequest for a file that cannot be read.
    explicit SoundTrack(const std::filesystem::path& file);

    // Null where the video has no sound.
    const AVCodecParameters* codec() const { return stream_ != nullptr ? stream_->codecpar : nullptr; }
    // Adds a stream for it, before the output's header is written.
    void add_to(AVFormatContext& output);
    // Writes what is over by then, in seconds.
    void write_until(double time, AVFormatContext& output);
    // Writes what begins before the end of the film.
    void write_rest(double end, AVFormatContext& output);

  private:
    // Makes the next packet the waiting one; false at the end.
    bool fetch();
    void cut_samples(double begin, double end);
    void write(AVFormatContext& output);
    double seconds(int64_t stamp) const {
        return static_cast<double>(stamp) * av_q2d(stream_->time_base) - first_frame_;
    }
    double begin() const { return seconds(packet_->pts); }
    double end() const { return seconds(packet_->pts + packet_->duration); }

    std::string name_;  // for messages
    double first_frame_;
    InputSource source_;  // outlives what reads it
    InputPtr input_;
    AVStream *stream_ = nullptr, *output_ = nullptr;  // owned by input and output
    PacketPtr packet_ = make_packet();
    bool waiting_ = false;
    double earliest_ = 0;                // what ends before that is left out
    int64_t next_stamp_ = 0;             // where a packet without a time of its own begins
    int64_t rescaled_ = AV_NOPTS_VALUE;  // of av_rescale_delta
};

}  // namespace t3video::media
