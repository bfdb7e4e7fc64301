// Values that are not stored as an array of numbers but follow from stored ones: blocks of quantised weights, numbers
// with a scale, weights with a LoRA on top.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace t3video {

class Encoding {
  public:
    virtual ~Encoding() = default;

    // What messages call it: "q4_k".
    virtual std::string name() const = 0;
    // Of what is stored.
    virtual size_t bytes() const = 0;
    // Of these, in memory of its own rather than in a mapped file.
    virtual size_t copied_bytes() const { return 0; }
    // Whether it gives any: not where the type is one that nothing here reads, and decode() throws.
    virtual bool has_values() const { return true; }
    // Elements that are decoded together. Divides the number of elements, and the length of a row as the file has it.
    virtual int64_t group() const = 0;
    // Elements [first, first + count), both multiples of group(), in row-major order. Threads may call it at once.
    virtual void decode(int64_t first, int64_t count, float* values) const = 0;
};

}  // namespace t3video
