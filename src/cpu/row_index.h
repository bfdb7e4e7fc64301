// Where rows lie, and which tokens they are, for loops over them.
#pragma once

#include "tensor/op_types.h"

namespace t3video::cpu {

// Of a list that is not there, entry i is first + i.
class Index {
  public:
    explicit Index(const Tensor& list, int64_t first = 0)
        : list_(list.defined() ? list.data<int64_t>() : nullptr), first_(first) {}
    explicit Index(const ops::Tokens& tokens) : Index(tokens.ids, tokens.first) {}

    int64_t operator[](int64_t i) const { return list_ ? list_[i] : first_ + i; }

  private:
    const int64_t* list_;
    int64_t first_;
};

}  // namespace t3video::cpu
