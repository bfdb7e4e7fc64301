// What the numbers of window grids mean.
#include "evaluation/meters/grid.h"

namespace t3video::evaluation {

std::span<const Metric> grid_metrics() {
    static constexpr Metric metrics[] = {
        {.name = "grid_close",
         .title = "Seams of close windows",
         .better = Better::lower,
         .unit = "times chance",
         .range = "about 1 to 2 without seams, rarely above 4; upwards",
         .definition = "Whether the borders of close attention windows show: how much more luma changes across them "
                       "than across other borders of tokens, in multiples of what chance makes of it. What the decoder "
                       "does at every token's border is common to both and drops out. The note says which pattern and "
                       "axis is the worst, and how many levels it is.",
         .formula =
             "Bent difference: D(a, b) = 4 d / (4 + d), d = |a - b| in levels, so that edges of the picture do not "
             "hide small steps. Profile: g(p) = mean of D(Y'(p+r-1), Y'(p-r)) across the line in front of pixel p, "
             "over "
             "all rows (or columns) and frames; r = 1, and again r = cell/4 (from cells of 8 pixels), since decoders "
             "make "
             "slopes of steps; s = 2r - 1 is the distance. Excess: e(p) = g(p) - (g(p-s) + g(p+s))/2. "
             "Token j begins at p(j) = j cell - floor((X cell - side)/2) of X tokens; there is a window border in "
             "front "
             "of it where close_part() has one, ragged and shifted alike. "
             "Elsewhere: places p(j) + k, 0 <= k < cell, whose e does not see across a window border of any pattern "
             "(farther than s + r - 1 from it); of this pattern alone where others leave fewer than 5 of the places "
             "p(j). "
             "Above others: a(j, k) = e(p(j) + k) minus the median of e at the four nearest places of the same k "
             "elsewhere on either side, itself left out. "
             "c = mean of a(j, 0) over the m window borders, without the largest and the smallest eighth of them "
             "(rounded up, where m >= 3). Spread of a set: its root mean square times "
             "(1 + max(kurtosis - 3, 0)/(3m))^(1/4). S: the larger one of the spread of a(j, 0) and of that of all "
             "a(j, k > 0), both elsewhere and at most four tokens from a window border. "
             "Value: c sqrt(m) / sqrt(S^2 + 0.02^2), the largest over patterns that have close windows, both r, and "
             "the "
             "axes width, height and time. Along time: g(t) = mean of D(Y'(t), Y'(t-1)), cell = 4, p(j) = 4j - 3, r = "
             "1, "
             "for films of 4(T-1) + 1 frames. Parts: e(p(j)), j = 1..X-1, of the worst axis and r.",
         .source = "t3video",
         .blindness =
             "A still edge along the whole picture, such as a horizon, that lies on the only border of two "
             "windows looks like a seam. So do blocks of a video codec as large as a window (64 or 128 pixels), "
             "objects as regular as the windows, and lattices of remote windows whose period divides that of "
             "the borders. Seams in rough texture are hardly seen, nor are those of "
             "patterns that leave fewer than 5 other borders of tokens. Steps of much more than 4 levels count "
             "little more than these. Needs the windows that the film was made in."},
        {.name = "grid_remote",
         .title = "Lattices of remote windows",
         .better = Better::lower,
         .unit = "times chance",
         .range = "about 1 to 2 without lattices, rarely above 4; upwards",
         .definition = "Whether the strides of remote attention windows show: whether texture within tokens, or steps "
                       "between them, repeat with the period of the windows, in multiples of what neighbouring periods "
                       "have. The note says which pattern and axis is the worst, and how many levels it is.",
         .formula =
             "Remote window r of n holds the tokens with index mod n = r. With g and e of grid_close, r = 1, along "
             "width "
             "and height, two series x(j) over tokens that lie in the film whole: texture, the mean of g(p) from "
             "p(j) + 2 to p(j+1) - 2; steps, the mean of e at the token's two borders, borders of close windows left "
             "out. Of the N = n m values in the middle, m >= 2 whole periods: "
             "z(j) = x(j) - (x(j-1) + x(j+1))/2 (mirrored at the ends), against leakage; "
             "P(b) = |sum over j of z(j) exp(-2 pi i b j/N)|^2 / (1 - cos(2 pi b/N)). "
             "Value: sqrt of the sum over k = 1..floor(n/2) of P(k m) by the sum over the same k of the mean of P at "
             "the "
             "frequencies up to min(4, m - 1) from k m (between 1 and N/2; at least 0.02^2 N), the largest over both "
             "series, both axes, and patterns that have remote windows, 1 < n < X. Parts: x of the worst.",
         .source = "t3video",
         .blindness =
             "Objects that repeat with the period, fences or windows of a house, look the same; seams of close "
             "windows have the same period where n windows have n tokens each. Lattices in time are not "
             "looked for, nor those of n > X/2. Steps are seen less well where borders of close windows are left out. "
             "Where there are two periods only, chance is known badly. "
             "Needs the windows that the film was made in."},
    };
    return metrics;
}

}  // namespace t3video::evaluation
