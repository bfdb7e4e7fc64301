// Everything that decides what a film is and where it goes, as it was asked for. Its fields by name: film/fields.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "film/inputs.h"
#include "film/layout_choice.h"
#include "film/model_files.h"
#include "film/settings.h"
#include "media/frame_writer.h"

namespace t3video::film {

// Whose random numbers a seed means: PyTorch's on the CPU, or those of a GPU.
enum class NoiseSource { cpu, cuda };

struct Request {
    std::string prompt;
    std::filesystem::path model;  // folder; empty: the bundled demo
    PartOverrides parts;
    SettingChoices settings;
    InputChoices inputs;
    uint64_t seed = 0;
    NoiseSource noise = NoiseSource::cpu;
    int multiprocessors = 132;    // of the GPU whose noise is asked for
    bool bf16_timesteps = false;  // round timesteps as the T3 script does
    Attention attention = Attention::automatic;
    std::filesystem::path layout;  // window layout file; empty: the model's
    std::filesystem::path output;  // what it may be: media/frame_writer.h; empty: a file in the
                                   // current folder, named after prompt and seed
    bool overwrite = false;        // replace what is there under the output's name
    std::vector<std::filesystem::path> further_inputs =
        {};                             // what the request was read from: not to be replaced either
    std::filesystem::path job;          // job folder; empty: "<output stem>.job" beside the output
    std::optional<media::Codec> codec;  // codec, bits, crf: media/film_format.h
    std::optional<int> bits, crf;
    bool record = true;         // write into the film how it was made
    bool names_only = false;    // files in it by their names, not by where they lie
    bool sound = true;          // of an input video, copied into the film
    bool contact_sheet = true;  // "<output stem>.png" beside the output

    int64_t preview_every = 0;  // steps between pictures of what is being denoised; 0: none
    bool existing_job = false;  // refuse to begin: the job folder must be this request's
    // What a front door wants to find again in the job folder, as JSON text; empty: nothing.
    std::string front_door = {};

    std::filesystem::path preview_path() const;
    std::filesystem::path job_folder() const;
    std::filesystem::path sheet_path() const;
    media::VideoOptions video_options() const;  // without threads and comment
};

// Throws InvalidRequest for an empty prompt and for outputs that cannot be written; run before any long work.
void check_request(const Request& request);

}  // namespace t3video::film
