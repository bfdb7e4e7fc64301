#include "apps/cli/evaluate_table.h"

#include <fmt/format.h>

#include <cstdio>

#include "core/printable.h"
#include "evaluation/page/summary.h"

namespace t3video::apps {
namespace {

using evaluation::Evaluation;
using evaluation::Mean;
using evaluation::Metric;
using evaluation::Quantity;
using evaluation::SetResult;

std::string text_of(const Mean& mean) {
    if (mean.count == 0) return "-";
    const std::string value = fmt::format("{:.4g}", mean.value);
    return mean.has_interval() ? fmt::format("{} ±{:.2g}", value, mean.high / 2 - mean.low / 2) : value;
}

class Table {
  public:
    explicit Table(const Evaluation& evaluation) : sets_(evaluation.sets) {
        std::vector<std::string> head{""};
        for (const SetResult& set : sets_) head.push_back(printable(set.name));
        rows_.push_back(std::move(head));
    }
    void add(const std::string& title, const Quantity& quantity) {
        std::vector<std::string> row{title};
        for (const SetResult& set : sets_) row.push_back(text_of(evaluation::mean_over_films(set, quantity)));
        rows_.push_back(std::move(row));
    }
    void print() const {
        std::vector<size_t> widths(rows_.front().size(), 0);
        for (const auto& row : rows_) {
            for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], fmt::formatted_size("{}", row[i]));
        }
        for (const auto& row : rows_) {
            std::string line = fmt::format("{:<{}}", row[0], widths[0]);
            for (size_t i = 1; i < row.size(); ++i) line += fmt::format("  {:>{}}", row[i], widths[i]);
            std::puts(line.c_str());
        }
    }

  private:
    const std::vector<SetResult>& sets_;
    std::vector<std::vector<std::string>> rows_;
};

const char* arrow_of(evaluation::Better better) {
    return better == evaluation::Better::higher  ? ", more is better"
           : better == evaluation::Better::lower ? ", less is better"
                                                 : "";
}

}  // namespace

void print_means(const Evaluation& evaluation) {
    Table table(evaluation);
    for (const Quantity& quantity : evaluation::quantities_of(evaluation)) {
        const std::string unit = quantity.unit.empty() ? std::string() : fmt::format(" ({})", quantity.unit);
        table.add(quantity.title + unit + arrow_of(quantity.better), quantity);
    }
    table.print();
}

void print_metrics() {
    for (const Metric* m : evaluation::all_metrics()) {
        fmt::print("## {}\n\n`{}`, version {}{}{}. {}\n\n", m->title, m->name, m->version,
                   m->compares ? ", against a reference" : "", arrow_of(m->better), m->definition);
        fmt::print("* Formula: {}\n* Unit and range: {}{}{}\n* Source: {}\n* Does not see: {}\n\n", m->formula, m->unit,
                   m->unit.empty() ? "" : "; ", m->range, m->source, m->blindness);
    }
}

}  // namespace t3video::apps
