// The three files in a folder: which of them may be replaced, and how they appear.
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/input_file.h"
#include "core/output_file.h"
#include "core/paths.h"
#include "evaluation/page/generator.h"
#include "evaluation/report.h"
#include "report/page.h"

namespace t3video::evaluation {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr size_t kBeginning = size_t{64} << 10;  // bytes that hold the marks of a page and of a table

bool is_page(const fs::path& file) {
    return InputFile(file, "a page").read(kBeginning).find(report::mark_of(kGenerator)) != std::string::npos;
}

bool is_table(const fs::path& file) {
    const std::string text = InputFile(file, "a table").read(kBeginning);
    const std::string head = text.substr(0, text.find("\r\n"));
    return head.starts_with("set,name,film,prompt,width,height,frames,fps,") && head.ends_with(",error");
}

// Of all that is in it the members of the whole are kept: films are many.
bool is_data(const fs::path& file) {
    constexpr size_t kLongest = size_t{1} << 30;
    const auto is_near = [](int depth, json::parse_event_t, const json&) { return depth < 2; };
    const json all = json::parse(read_text_file(file, "an evaluation", kLongest), is_near, false);
    const auto holds = [&](const char* name, json::value_t type) {
        return all.contains(name) && all[name].type() == type;
    };
    return all.is_object() && holds("t3video", json::value_t::string) && holds("metrics", json::value_t::array) &&
           holds("scorers", json::value_t::array) && holds("sets", json::value_t::array);
}

struct ReportFile {
    const char* name;
    bool (*is_ours)(const fs::path& file);
    std::string (*text)(const Evaluation& evaluation, const fs::path& folder);
};
constexpr ReportFile kFiles[] = {
    {"evaluation.json", is_data, json_of}, {"evaluation.csv", is_table, csv_of}, {"index.html", is_page, page_of}};

bool is_ours(const ReportFile& file, const fs::path& path) try {
    return is_file(path) && file.is_ours(path);
} catch (const InvalidRequest&) {  // it cannot be read
    return false;
}

}  // namespace

void check_reports(const fs::path& folder) {
    const Field output("output", folder.string());
    for (const ReportFile& file : kFiles) {
        const fs::path path = folder / file.name;
        require_valid(!name_exists(path) || is_ours(file, path), output, ": holds an ", file.name,
                      " that is no report of t3video; name another folder");
    }
    for (const ReportFile& file : kFiles) const PartialFile writable(folder / file.name);
}

void write_reports(const Evaluation& evaluation, const fs::path& folder) {
    std::vector<std::unique_ptr<PartialFile>> files;
    for (const ReportFile& file : kFiles) {
        files.push_back(std::make_unique<PartialFile>(folder / file.name));
        files.back()->write(file.text(evaluation, folder));
        files.back()->finish();
    }
    for (const auto& file : files) file->commit();
}

}  // namespace t3video::evaluation
