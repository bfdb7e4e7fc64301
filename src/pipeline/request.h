// Everything that decides what a generation makes and where it goes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "media/frame_writer.h"
#include "pipeline/denoise.h"
#include "pipeline/inputs.h"
#include "pipeline/layout_choice.h"
#include "pipeline/model_files.h"
#include "pipeline/settings.h"

namespace t3video::pipeline {

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
    int64_t memory = 0;                 // bytes that may be taken on the CPU; 0: what is available
    std::optional<media::Codec> codec;  // codec, bits, crf: media/film_format.h
    std::optional<int> bits, crf;
    bool record = true;         // write into the film how it was made
    bool contact_sheet = true;  // "<output stem>.png" beside the output

    int64_t preview_every = 0;              // steps between pictures of what is being denoised; 0: none
    std::vector<std::string> command = {};  // words that ask for this film again; they stay in the job folder
    std::string title = {};                 // what to call the film in the log; may be empty
    bool existing_job = false;              // refuse to begin: the job folder must be this request's

    std::filesystem::path preview_path() const;
    std::filesystem::path job_folder() const;
    std::filesystem::path sheet_path() const;
    media::VideoOptions video_options() const;  // without threads and comment
};

// Takes options that have a value, with it, out of the words of a command.
void drop_options(std::vector<std::string>& command, std::initializer_list<std::string_view> options);

// Throws InvalidRequest for an empty prompt and for outputs that cannot be written; run before any long work.
void check_request(const Request& request);

}  // namespace t3video::pipeline
