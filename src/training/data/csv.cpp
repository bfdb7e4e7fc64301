// A walk over the characters, with the line that each is in.
#include "training/data/csv.h"

#include "core/error.h"

namespace t3video::training {
namespace {

class Walk {
  public:
    Walk(std::string_view text, char separator, const std::string& where)
        : text_(text), separator_(separator), where_(where) {}

    bool done() const { return at_ == text_.size(); }

    CsvRow row() {
        CsvRow row{.line = line_};
        do row.fields.push_back(field());
        while (take(separator_));
        if (!take_line_break()) require(done(), "csv: a field ends at byte ", at_);
        return row;
    }

  private:
    bool take(char c) {
        if (done() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    bool take_line_break() {
        const bool carriage = take('\r'), feed = take('\n');
        if (carriage || feed) ++line_;
        return carriage || feed;
    }
    std::string field() {
        std::string value;
        if (take('"')) value = quoted();
        while (!done() && text_[at_] != separator_ && text_[at_] != '\r' && text_[at_] != '\n') value += text_[at_++];
        return value;
    }
    std::string quoted() {
        const int64_t opened = line_;
        std::string value;
        while (!done()) {
            if (take('"')) {
                if (!take('"')) return value;
                value += '"';
            } else {
                const size_t from = at_;
                if (!take_line_break()) ++at_;
                value += text_.substr(from, at_ - from);
            }
        }
        throw InvalidRequest(concat(where_, ": line ", opened, ": a quote that is opened here is not closed"));
    }

    std::string_view text_;
    char separator_;
    const std::string& where_;
    size_t at_ = 0;
    int64_t line_ = 1;
};

}  // namespace

std::vector<CsvRow> parse_csv(std::string_view text, char separator, const std::string& where) {
    std::vector<CsvRow> rows;
    for (Walk walk(text, separator, where); !walk.done();) {
        CsvRow row = walk.row();
        if (row.fields.size() > 1 || !row.fields[0].empty()) rows.push_back(std::move(row));
    }
    return rows;
}

}  // namespace t3video::training
