// Whether a folder's pictures are all of a film's frames.
#pragma once

#include <filesystem>
#include <vector>

namespace t3video::evaluation {

// Throws InvalidRequest, naming the folder, where the numbers in the pictures' names leave one out ("picture 3 of 1 to
// 8 is missing") or have one twice (3.png and 00003.png): frames behind it would be compared out of step. Numbers in
// equal steps, and names without numbers, leave out none.
void check_numbers(const std::filesystem::path& folder, const std::vector<std::filesystem::path>& pictures);

}  // namespace t3video::evaluation
