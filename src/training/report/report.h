// The page that shows how a training run goes.
#pragma once

#include <filesystem>
#include <string>

#include "training/report/log_entries.h"

namespace t3video::training {

// The page as HTML, in UTF-8: one text with all its pictures and no script, which loads nothing. Sample pictures are
// read from below `folder`, the run's, whose name stands for a title that the log lacks.
std::string report_of(const Log& log, const std::filesystem::path& folder);

// Makes or replaces report.html in a run's folder, whole or not at all, from its log.jsonl. Throws as read_log and
// replace_file do.
void write_report(const std::filesystem::path& folder);

}  // namespace t3video::training
