#include "evaluation/page/curves.h"

#include <algorithm>
#include <iterator>

#include "evaluation/page/summary.h"
#include "report/plot.h"

namespace t3video::evaluation {
namespace {

constexpr size_t kMostParts = 240;  // points of a curve: a page has many

// Metrics whose parts are something else than their values of single frames, or lie along another axis.
struct Parts {
    std::string_view metric, title, unit, x_name;
};
constexpr Parts kOtherParts[] = {
    {"colour_drift", "Distance of colour from the first frame", "Delta E", "frame"},
    {"fine_share", "Spectrum", "dB", "radial frequency, 64 = half a cycle per pixel"},
    {"grid_close", "Gradient at token borders beyond their neighbours", "levels", "border along the worst axis"},
    {"grid_remote", "Gradient within token columns beyond their neighbours", "levels", "token along the worst axis"},
    {"latent_distance", "Latent distance", "", "latent frame"},
    {"latent_cosine", "Latent cosine", "", "latent frame"},
};

}  // namespace

std::string curves_of_films(std::span<const CurveOfFilm> films, std::span<const Metric* const> metrics) {
    std::string figures;
    for (const Metric* metric : metrics) {
        const auto other = std::ranges::find(kOtherParts, metric->name, &Parts::metric);
        const bool is_other = other != std::end(kOtherParts);
        report::Plot plot;
        plot.title = is_other ? other->title : metric->title;
        plot.note = is_other ? other->unit : metric->unit;
        plot.x_name = is_other ? other->x_name : "frame";
        for (const auto& [name, hue, film] : films) {
            const Value* value = find_value(*film, std::string(metric->name));
            if (value == nullptr || value->parts.empty()) continue;
            report::Curve curve{name, {}, report::Curve::Form::line, hue, false};
            for (size_t i = 0; i < value->parts.size(); ++i)
                curve.points.push_back({static_cast<double>(i), value->parts[i]});
            plot.last_x = std::max(plot.last_x, static_cast<double>(value->parts.size() - 1));
            curve.points = report::thinned(curve.points, kMostParts);
            plot.curves.push_back(std::move(curve));
        }
        if (!plot.curves.empty()) figures += report::figure_of(plot) + "\n";
    }
    return figures;
}

}  // namespace t3video::evaluation
