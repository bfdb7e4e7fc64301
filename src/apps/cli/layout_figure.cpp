// Slices of the token grid as rectangles.
#include "apps/cli/layout_figure.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "core/error.h"
#include "t3/planner.h"

namespace t3video::apps {
namespace {

using t3::TokenSet;

// Of the picture, in pixels.
constexpr double kMargin = 28, kColumn = 350, kFrame = 240, kLeastDepth = 14, kMostDepth = 64, kGap = 8, kLeastMark = 2;
constexpr const char *kClose = "#2f6fb3", *kRemote = "#e08a1e", *kBoth = "#7a3e9d", *kReached = "#3f9b6c";

// Text for people inside an XML file.
std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (c == '&')
            out += "&amp;";
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else if (c == '"')
            out += "&quot;";
        else
            out += c;
    }
    return out;
}

// How the grid is drawn: the frame, time by width above it, height by time on its right.
struct Views {
    Grid grid;
    double cell, depth;  // pixels of a token in the frame, and of a latent frame

    explicit Views(const Grid& g)
        : grid(g),
          cell(kFrame / double(std::max(g.h, g.w))),
          depth(std::clamp(3.0 * double(g.t), kLeastDepth, kMostDepth) / double(g.t)) {}
    double width() const { return cell * double(grid.w); }
    double height() const { return cell * double(grid.h); }
    double time() const { return depth * double(grid.t); }
    double all_height() const { return time() + kGap + height(); }
};

// A slice of the grid: columns and rows of cells, and which token each is.
struct Slice {
    double x, y, cell_x, cell_y;
    int64_t columns, rows;
    std::function<t3::Token(int64_t column, int64_t row)> token;
};

std::vector<Slice> slices(const Views& v, const t3::Token& through) {
    const double right = v.width() + kGap, below = v.time() + kGap;
    const Grid& g = v.grid;
    return {
        {0, below, v.cell, v.cell, g.w, g.h,
         [=](int64_t w, int64_t h) {
             return t3::Token{through.t, h, w};
         }},
        // Time runs away from the frame.
        {0, 0, v.cell, v.depth, g.w, g.t,
         [=](int64_t w, int64_t t) {
             return t3::Token{g.t - 1 - t, through.h, w};
         }},
        {right, below, v.depth, v.cell, g.t, g.h,
         [=](int64_t t, int64_t h) {
             return t3::Token{t, h, through.w};
         }},
    };
}

class Figure {
  public:
    Figure(double width, double height, const std::string& title) {
        out_ = fmt::format(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
            "height=\"{1:.0f}\" font-family=\"Helvetica, Arial, sans-serif\">\n"
            "<title>{2}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
            width, height, escaped(title));
    }
    void text(double x, double y, const std::string& words, double size = 12, const char* colour = "#222",
              const std::string& more = "") {
        out_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"{}\" fill=\"{}\"{}>{}</text>\n", x, y, size,
                            colour, more, escaped(words));
    }
    void rectangle(double x, double y, double width, double height, const std::string& style) {
        out_ += fmt::format("<rect x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" height=\"{:.2f}\" {}/>\n", x, y, width,
                            height, style);
    }
    // The cells of a slice that are in a set, as few rectangles as rows of the same runs make.
    void cells(double x, double y, const Slice& s, const std::function<bool(const t3::Token&)>& has,
               const char* colour) {
        using Runs = std::vector<std::pair<int64_t, int64_t>>;
        const auto runs_of = [&](int64_t row) {
            Runs runs;
            for (int64_t column = 0; column < s.columns; ++column) {
                if (!has(s.token(column, row))) continue;
                if (runs.empty() || runs.back().second != column) runs.emplace_back(column, column);
                runs.back().second = column + 1;
            }
            return runs;
        };
        out_ += fmt::format("<path fill=\"{}\" d=\"", colour);
        for (int64_t row = 0; row < s.rows;) {
            const Runs runs = runs_of(row);
            int64_t last = row + 1;
            while (last < s.rows && runs_of(last) == runs) ++last;
            for (const auto& [first, end] : runs) {
                // At least as large as can be seen, around its middle.
                const double width = double(end - first) * s.cell_x, height = double(last - row) * s.cell_y,
                             shown_width = std::max(width, kLeastMark), shown_height = std::max(height, kLeastMark);
                out_ += fmt::format("M{:.2f} {:.2f}h{:.2f}v{:.2f}h{:.2f}z",
                                    x + s.x + double(first) * s.cell_x - (shown_width - width) / 2,
                                    y + s.y + double(row) * s.cell_y - (shown_height - height) / 2, shown_width,
                                    shown_height, -shown_width);
            }
            row = last;
        }
        out_ += "\"/>\n";
    }
    // Where close windows end: of columns and rows of a slice.
    void borders(double x, double y, const Slice& s, const std::vector<int64_t>& columns,
                 const std::vector<int64_t>& rows) {
        constexpr double kLeastStep = 3;  // pixels; closer lines would be a grey surface
        const double width = double(s.columns) * s.cell_x, height = double(s.rows) * s.cell_y;
        out_ += "<path fill=\"none\" stroke=\"#d3d7dd\" stroke-width=\"0.6\" d=\"";
        if (width / double(columns.size() + 1) >= kLeastStep) {
            for (const int64_t at : columns)
                out_ += fmt::format("M{:.2f} {:.2f}v{:.2f}", x + s.x + double(at) * s.cell_x, y + s.y, height);
        }
        if (height / double(rows.size() + 1) >= kLeastStep) {
            for (const int64_t at : rows)
                out_ += fmt::format("M{:.2f} {:.2f}h{:.2f}", x + s.x, y + s.y + double(at) * s.cell_y, width);
        }
        out_ += "\"/>\n";
    }
    // The empty grid, its axes named where asked for.
    void background(double x, double y, const Views& v, const std::vector<Slice>& all, bool named) {
        for (const Slice& s : all) {
            rectangle(x + s.x, y + s.y, double(s.columns) * s.cell_x, double(s.rows) * s.cell_y,
                      "fill=\"#f1f2f4\" stroke=\"#9aa0a8\" stroke-width=\"0.7\"");
        }
        if (!named) return;
        const auto upright = [](double at_x, double at_y) {
            return fmt::format(" text-anchor=\"middle\" transform=\"rotate(-90 {:.1f} {:.1f})\"", at_x, at_y);
        };
        const char* const middle = " text-anchor=\"middle\"";
        text(x + v.width() / 2, y + v.all_height() + 12, concat("width, ", v.grid.w), 10, "#555", middle);
        text(x + v.width() + kGap + v.time() / 2, y + v.all_height() + 12, concat("time, ", v.grid.t), 10, "#555",
             middle);
        text(x - 5, y + v.time() + kGap + v.height() / 2, concat("height, ", v.grid.h), 10, "#555",
             upright(x - 5, y + v.time() + kGap + v.height() / 2));
        text(x - 5, y + v.time() / 2, "time", 10, "#555", upright(x - 5, y + v.time() / 2));
    }
    void query(double x, double y, const Views& v, const t3::Token& at) {
        const double radius = std::max(2.2, v.cell * 0.5);
        const auto dot = [&](double dot_x, double dot_y) {
            out_ += fmt::format(
                "<circle cx=\"{:.2f}\" cy=\"{:.2f}\" r=\"{:.1f}\" fill=\"#111\" stroke=\"white\" "
                "stroke-width=\"0.8\"/>\n",
                dot_x, dot_y, radius);
        };
        const double column = x + (double(at.w) + 0.5) * v.cell,
                     row = y + v.time() + kGap + (double(at.h) + 0.5) * v.cell;
        dot(column, row);
        dot(column, y + (double(v.grid.t - 1 - at.t) + 0.5) * v.depth);
        dot(x + v.width() + kGap + (double(at.t) + 0.5) * v.depth, row);
    }
    std::string finish() { return out_ + "</svg>\n"; }

  private:
    std::string out_;
};

// The first positions of an axis' close windows but the first.
std::vector<int64_t> borders_of(int64_t extent, int64_t count, int64_t shift) {
    std::vector<int64_t> at;
    for (int64_t part = 0; part < count; ++part) {
        if (const int64_t first = t3::close_part(extent, count, shift, part).first; first > 0) at.push_back(first);
    }
    return at;
}

std::string percent(double share) {
    return fmt::format("{:.3g} %", 100 * share);
}

}  // namespace

std::string layout_figure(const t3::WindowLayout& layout, const std::vector<t3::Reach>& reach,
                          const std::string& title) {
    const Grid& g = layout.grid;
    const Views v(g);
    const t3::Token query{g.t / 2, g.h / 2, g.w / 2};
    const size_t columns = std::min({layout.cycle(), size_t{8}, reach.size()});
    const double column = std::max(kColumn, v.width() + v.time() + 60), panel = v.all_height(), first = 116,
                 second = first + panel + 128, height = second + panel + 84;
    Figure figure(2 * kMargin + column * double(columns), height, title);
    figure.text(kMargin, 30, title, 17);
    const t3::Saving saving = t3::saving(layout, static_cast<int64_t>(layout.cycle()));
    figure.text(kMargin, 50,
                fmt::format("{} tokens; {:.1f} times fewer multiply-adds than full attention ({:.1f} where branches "
                            "that coincide count twice)",
                            grouped(g.tokens()), saving.computed, saving.as_paper),
                12, "#555");
    figure.text(
        kMargin, 67,
        "Slices through the token in the middle, the dot: its frame, above it time by width, on its right height by "
        "time. Lines are borders of close windows.",
        11, "#555");
    double legend = kMargin + column * double(columns) - 330;
    if (columns == 1) legend = kMargin;
    const std::pair<const char*, const char*> keys[] = {
        {kClose, "close window"}, {kRemote, "remote window"}, {kBoth, "both"}};
    const double legend_y = columns == 1 ? 84 : 30;
    for (const auto& [colour, name] : keys) {
        figure.rectangle(legend, legend_y - 9, 10, 10, fmt::format("fill=\"{}\"", colour));
        figure.text(legend + 15, legend_y, name, 11);
        legend += 112;
    }
    for (size_t i = 0; i < columns; ++i) {
        const double x = kMargin + 8 + column * double(i);
        const auto layer = static_cast<int64_t>(i);
        const t3::Pattern& p = layout.of_layer(layer);
        const std::vector<Slice> all = slices(v, query);
        const TokenSet here(g, query);
        const TokenSet close(g, {t3::close_to(here.boxes()[0], p)}), remote(g, {t3::remote_to(here.boxes()[0], p)});
        figure.text(x, first - 14, concat("Layer ", i, ": pattern ", layout.pattern_of(layer)), 13, "#222",
                    " font-weight=\"bold\"");
        figure.background(x, first, v, all, true);
        const auto in_h = borders_of(g.h, p.h, p.shift.h), in_w = borders_of(g.w, p.w, p.shift.w);
        const auto in_t = borders_of(g.t, p.t, p.shift.t);
        std::vector<int64_t> away = in_t;  // time in the upper slice
        for (int64_t& at : away) at = g.t - at;
        figure.borders(x, first, all[0], in_w, in_h);
        figure.borders(x, first, all[1], in_w, away);
        figure.borders(x, first, all[2], in_t, in_h);
        for (const Slice& s : all) {
            figure.cells(
                x, first, s, [&](const auto& t) { return remote.has(t) && !close.has(t); }, kRemote);
            figure.cells(
                x, first, s, [&](const auto& t) { return close.has(t) && !remote.has(t); }, kClose);
            figure.cells(
                x, first, s, [&](const auto& t) { return close.has(t) && remote.has(t); }, kBoth);
        }
        figure.query(x, first, v, query);
        const double under = first + panel + 32;
        const bool same = t3::branches_coincide(g, p);
        const double pairs = t3::scored_pairs(g, p), tokens = double(g.tokens());
        figure.text(x, under, concat(p, " windows of ", tokens_of_windows(g, p), " tokens"), 12);
        figure.text(x, under + 17, fmt::format("{:.1f} times less than full attention", tokens * tokens / pairs), 12,
                    "#555");
        if (same) figure.text(x, under + 34, "close and remote windows are the same ones", 12, "#555");

        figure.text(x, second - 14, i == 0 ? "Reached after one layer" : fmt::format("Reached after {} layers", i + 1),
                    13, "#222", " font-weight=\"bold\"");
        figure.background(x, second, v, all, false);
        const TokenSet set = t3::reached(layout, query, layer + 1);
        for (const Slice& s : all)
            figure.cells(
                x, second, s, [&](const auto& t) { return set.has(t); }, kReached);
        figure.query(x, second, v, query);
        figure.text(x, second + panel + 20, percent(reach[i].centre) + " of all tokens from the centre", 12);
        figure.text(x, second + panel + 37,
                    concat(percent(reach[i].corner), " from a corner, ", percent(reach[i].mean), " in the mean"), 12,
                    "#555");
    }
    return figure.finish();
}

}  // namespace t3video::apps
