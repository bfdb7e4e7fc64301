// What the numbers of spectra mean; builds without OpenCV know it too.
#include "evaluation/meters/spectrum.h"

#include "evaluation/opencv/plugin.h"

namespace t3video::evaluation {

std::span<const Metric> spectrum_metrics() {
    static constexpr Metric metrics[] = {
        {.name = "fine_share",
         .title = "Share of fine detail",
         .better = Better::neither,
         .unit = "%",
         .range = "0 to 100 %, white noise has 80.4 %, films mostly less than 1 %",
         .definition =
             "How much of a picture's variation is finer than four pixels: what its half size could not show.",
         .formula = "Power spectrum of Y' by Welch's method: tiles of 256x256 pixels side by side in the middle of "
                    "the frame (where that is smaller, of the largest power of two that fits, at least 32), each minus "
                    "its mean, under a Hann window, over all tiles and frames. 100 * power at radii above a quarter "
                    "cycle per pixel / power at all radii but 0. Parts: the mean power at each radius, in 64 rings "
                    "from 0 to half a cycle per pixel (a quarter of the tile's side where that is less), in dB over a "
                    "square level for each frequency, so that white noise of deviation 1 level lies at 0 dB.",
         .source = "Welch, The Use of Fast Fourier Transform for the Estimation of Power Spectra, 1967; the share is "
                   "t3video's",
         .blindness = "Noise, grain, ringing and seams are fine too. It depends on what is shown: sky has less than "
                      "leaves. Compare films of the same prompt."},
        {.name = "fine_detail",
         .title = "Detail beyond half size",
         .better = Better::higher,
         .unit = "dB",
         .range =
             "up to 4 dB where the film holds no more than its half size, below 0 dB where it is smoother than cubic "
             "enlargement leaves it; upwards",
         .definition = "Whether a film is as large as it says: how much stronger what is finer than four pixels is "
                       "than in the same film shrunk to half and enlarged again.",
         .formula = "10 log10((F + q) / (E + q)). F: mean power of a frequency at radii above a quarter cycle per "
                    "pixel, by the spectrum of fine_share; E: the same of each frame shrunk to half by means of areas "
                    "and enlarged again by cubic interpolation; q = 1/12 square level, the noise of rounding to whole "
                    "levels, so that this does not count as detail.",
         .source = "t3video",
         .blindness =
             "Noise, sharpening and ringing count as detail. A film that was enlarged by a sharper filter than "
             "cubic, or to other than twice its size, is not at 0 dB. A film without anything fine to "
             "show is, whatever its size."},
    };
    return metrics;
}

std::unique_ptr<Meter> spectrum_meter(const FilmShape& shape) {
    return plugin_meter(kSpectrumMeter, shape, spectrum_metrics().data());
}

}  // namespace t3video::evaluation
