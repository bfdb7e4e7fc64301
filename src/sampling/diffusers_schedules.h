// Noise levels as diffusers' schedulers for flow matching space them.
#pragma once

#include "sampling/schedule.h"

namespace t3video::sampling {

// How the levels lie between the first and the last: as flow matching and its shift have them, or by a rule over the
// same range.
enum class Spacing { flow, karras, exponential, beta };

struct DiffusersSpacing {
    Spacing spacing = Spacing::flow;
    double terminal = 0;  // the last level before 0, to which the others are stretched; 0: as it comes
};

// UniPCMultistepScheduler with flow sigmas. Karras' levels run over the range of its table of betas, whatever the
// shift; other rules do not give levels of flow matching there. t = 1000*sigma cut to an integer.
Schedule diffusers_unipc_schedule(const ScheduleOptions& options, const DiffusersSpacing& spacing = {});
// DPMSolverMultistepScheduler with flow sigmas: down from 0.999. t = 1000*sigma cut to an integer.
Schedule diffusers_dpmpp_schedule(const ScheduleOptions& options);
// FlowMatchEulerDiscreteScheduler, in which the shift acts twice. t = 1000*sigma.
Schedule diffusers_flow_match_schedule(const ScheduleOptions& options, const DiffusersSpacing& spacing = {});

// The x at which the symmetric beta distribution with both parameters `a` has collected the share `p`.
double beta_quantile(double p, double a);

}  // namespace t3video::sampling
