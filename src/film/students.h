// Released few-step students, told by the names of their files.
#pragma once

#include <optional>
#include <string>

#include "core/message.h"
#include "film/model_files.h"

namespace t3video::film {

// A student, and how its makers sample it: without guidance.
struct Student {
    std::string name;     // for people
    std::string told_by;  // the file, folder or class that says so
    std::string solver;   // as users name it
    int64_t steps = 4;
    double shift = 5;
    std::string remark = {};  // what is different in its makers' own runs; empty: nothing
    bool of_folder = false;   // it is the model folder's own, no file that the user named
};

// The student that a model's files are: by the names of the LoRAs, the last one first, of the transformer's file, of
// the folders that hold a file with a name that says nothing, and by the pipeline of a diffusers folder. `wan22`: as
// in ModelTraits.
std::optional<Student> student_of(const ModelFiles& files, bool wan22);

// The name by which the transformer is known to be none: a released base model without LoRAs. Empty: it may be one.
std::string base_model_of(const ModelFiles& files);

}  // namespace t3video::film
