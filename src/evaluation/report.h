// An evaluation as files: for programs, for tables, for eyes.
#pragma once

#include <filesystem>
#include <string>

#include "evaluation/results.h"

namespace t3video::evaluation {

// In JSON and CSV, paths are relative to `folder`, where the file will lie, for what lies below it; all others are from
// the root.

// JSON, indented: "t3video", "title", "reference", "films_left", "metrics" (each with what metric.h says of it),
// "scorers", "sets". A set has "name", "path", "mean" (of each metric and scorer {"count", "value", "low", "high"} over
// its films), "difference" (the same of the films' differences from the reference set's, where there is one, for what
// is measured without a reference), "films" and "missing" (films that prompts of a list lack): members as results.h
// names them, "values" and "scores" as objects {"value", "note", "parts"} by name. Numbers that are not finite are
// null, beside a note; so are texts that there are none of
// ("reference", "error").
std::string json_of(const Evaluation& evaluation, const std::filesystem::path& folder);

// A row for each film: set, name, film, prompt, width, height, frames, fps, each metric, each scorer, error. RFC 4180;
// texts that a spreadsheet would take for formulas (=, +, -, @, a tab or a carriage return in front) begin with an
// apostrophe. Empty cells where there is no number. Here too bytes that are no UTF-8 become U+FFFD.
std::string csv_of(const Evaluation& evaluation, const std::filesystem::path& folder);

// One page without outside addresses: what was found, sets side by side in means with intervals, curves over frames,
// the films of each prompt side by side, played in step, with difference and zoom, and what each metric means. Films
// are links relative to `folder`, where the page will lie.
std::string page_of(const Evaluation& evaluation, const std::filesystem::path& folder);

// Throws InvalidRequest, or WriteError for a full disk, unless write_reports() can do its work in the folder: what has
// the names of the files is an earlier evaluation's, and they can be made.
void check_reports(const std::filesystem::path& folder);

// Writes evaluation.json, evaluation.csv and index.html to the folder: all of them or, where one cannot be written,
// none. Throws WriteError.
void write_reports(const Evaluation& evaluation, const std::filesystem::path& folder);

}  // namespace t3video::evaluation
