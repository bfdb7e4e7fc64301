// The polynomial that TeaCache expects a network's change with.
#pragma once

#include <span>
#include <vector>

namespace t3video::sampling {

// Coefficients of the polynomial of this degree, the highest power first, whose values at x miss y by the least sum of
// squares. Throws InvalidRequest for values that do not tell them: fewer than degree + 1 different x.
std::vector<double> fit_polynomial(std::span<const double> x, std::span<const double> y, int degree);

}  // namespace t3video::sampling
