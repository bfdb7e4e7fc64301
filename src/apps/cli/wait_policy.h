// How threads wait for one another.
#pragma once

namespace t3video::apps {

// The OpenMP libraries let waiting threads spin, up to minutes, on cores that another process could use, or even the
// thread that they wait for; how long, they read from the environment when they are loaded. Starts the program itself
// once again with a short spin there, in the same process (exec) and under the same words; returns where the user has
// chosen (any of the variables is set, as after that start), or where the system refuses.
void wait_without_spinning(char** argv);

}  // namespace t3video::apps
