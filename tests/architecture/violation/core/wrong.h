// Includes a folder above its own, on purpose.
#include "ops/linear.h"
