#include "evaluation/metric.h"

#include <algorithm>

#include "evaluation/latents.h"
#include "evaluation/meters/banding.h"
#include "evaluation/meters/colour.h"
#include "evaluation/meters/fidelity.h"
#include "evaluation/meters/flow.h"
#include "evaluation/meters/grid.h"
#include "evaluation/meters/spectrum.h"
#include "evaluation/meters/stillness.h"
#include "evaluation/vmaf.h"

namespace t3video::evaluation {

std::string_view name_of(Better better) {
    return better == Better::higher ? "higher" : better == Better::lower ? "lower" : "neither";
}

std::vector<const Metric*> all_metrics() {
    std::vector<const Metric*> metrics;
    for (const std::span<const Metric> of_meter :
         {fidelity_metrics(), vmaf_metrics(), latent_metrics(), stillness_metrics(), flow_metrics(), colour_metrics(),
          banding_metrics(), spectrum_metrics(), grid_metrics()}) {
        for (const Metric& metric : of_meter) metrics.push_back(&metric);
    }
    return metrics;
}

const Metric* find_metric(std::string_view name) {
    const std::vector<const Metric*> metrics = all_metrics();
    const auto found = std::ranges::find(metrics, name, &Metric::name);
    return found == metrics.end() ? nullptr : *found;
}

}  // namespace t3video::evaluation
