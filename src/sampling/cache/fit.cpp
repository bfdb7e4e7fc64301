// Least squares by orthogonal polynomials: their values at x are made orthogonal one after another (modified
// Gram-Schmidt), which loses far less than equations in sums of powers.
#include "sampling/cache/fit.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace t3video::sampling {
namespace {

using Values = std::vector<long double>;

long double dot(const Values& a, const Values& b) {
    long double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
}

// a -= factor * b
void subtract(Values& a, long double factor, const Values& b) {
    for (size_t i = 0; i < a.size(); ++i) a[i] -= factor * b[i];
}

}  // namespace

std::vector<double> fit_polynomial(std::span<const double> x, std::span<const double> y, int degree) {
    require(x.size() == y.size(), "fit: ", x.size(), " and ", y.size(), " values");
    std::vector<double> different(x.begin(), x.end());
    std::ranges::sort(different);
    const auto repeated = std::ranges::unique(different);
    different.erase(repeated.begin(), repeated.end());
    const auto terms = static_cast<size_t>(degree) + 1;
    require_valid(different.size() >= terms, "a polynomial of degree ", degree, " is not told by ", different.size(),
                  " different values; take more steps");
    // Powers of x / scale stay near 1.
    const long double scale = std::max(std::abs(different.front()), std::abs(different.back()));
    std::vector<Values> basis, powers;  // values of orthogonal polynomials; their coefficients, the lowest power first
    Values rest(y.begin(), y.end()), result(terms);
    for (size_t k = 0; k < terms; ++k) {
        Values column(x.size()), coefficients(terms);
        for (size_t i = 0; i < x.size(); ++i)
            column[i] = std::pow(static_cast<long double>(x[i]) / scale, static_cast<long double>(k));
        coefficients[k] = 1;
        for (size_t j = 0; j < k; ++j) {
            const long double share = dot(column, basis[j]);
            subtract(column, share, basis[j]);
            subtract(coefficients, share, powers[j]);
        }
        const long double length = std::sqrt(dot(column, column));
        for (long double& value : column) value /= length;
        for (long double& value : coefficients) value /= length;
        const long double share = dot(rest, column);
        subtract(rest, share, column);
        subtract(result, -share, coefficients);
        basis.push_back(std::move(column));
        powers.push_back(std::move(coefficients));
    }
    std::vector<double> highest_first;
    for (size_t k = terms; k-- > 0;)
        highest_first.push_back(static_cast<double>(result[k] / std::pow(scale, static_cast<long double>(k))));
    return highest_first;
}

}  // namespace t3video::sampling
