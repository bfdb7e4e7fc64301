// Tensors of types that nothing here reads: they do no harm in a file unless they are asked for.
#pragma once

#include <string>

#include "tensor/stored.h"

namespace t3video::checkpoint {

// A tensor that has a shape and the name of its type, but no values: is_float() is false, and what asks for values all
// the same gets an InvalidRequest beginning with `where`.
Stored unread_tensor(const Shape& shape, std::string type, size_t bytes, std::string where);

}  // namespace t3video::checkpoint
