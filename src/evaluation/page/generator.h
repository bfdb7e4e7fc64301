// What an evaluation's page says that it was written by, by which it is known again.
#pragma once

namespace t3video::evaluation {

constexpr const char* kGenerator = "t3video evaluation";

}  // namespace t3video::evaluation
