// Writes pickles opcode by opcode, right ones and wrong ones.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "files.h"

namespace t3video::checkpoint {

class PickleWriter {
  public:
    PickleWriter() { op(0x80).raw(std::string(1, 2)); }

    PickleWriter& raw(const std::string& bytes) {
        bytes_ += bytes;
        return *this;
    }
    PickleWriter& op(int opcode) { return raw(std::string(1, static_cast<char>(opcode))); }
    PickleWriter& global(const std::string& module, const std::string& name) {
        return op('c').raw(module + "\n" + name + "\n");
    }
    PickleWriter& text(const std::string& value) {
        return op('X').raw(raw_bytes(static_cast<uint32_t>(value.size())) + value);
    }
    // The shortest opcode that holds it, as Python chooses.
    PickleWriter& integer(int64_t value) {
        if (value >= 0 && value < 256) return op('K').raw(raw_bytes(static_cast<uint8_t>(value)));
        if (value >= 0 && value < 65536) return op('M').raw(raw_bytes(static_cast<uint16_t>(value)));
        if (value == static_cast<int32_t>(value)) return op('J').raw(raw_bytes(static_cast<int32_t>(value)));
        return op(0x8A).raw("\x08" + raw_bytes(value));
    }
    PickleWriter& integers(const std::vector<int64_t>& values) {
        op('(');
        for (const int64_t value : values) integer(value);
        return op('t');
    }
    PickleWriter& ordered_dict() { return global("collections", "OrderedDict").op(')').op('R'); }

    struct TensorSpec {
        std::string name;
        std::string storage_type = "FloatStorage";
        std::string key = "0";
        int64_t elements = 0, offset = 0;
        std::vector<int64_t> shape, strides;
    };
    PickleWriter& storage(const TensorSpec& spec) {
        op('(').text("storage").global("torch", spec.storage_type).text(spec.key).text("cpu").integer(spec.elements);
        return op('t').op('Q');
    }
    PickleWriter& tensor(const TensorSpec& spec) {
        global("torch._utils", "_rebuild_tensor_v2").op('(');
        storage(spec).integer(spec.offset).integers(spec.shape).integers(spec.strides);
        return op(0x89).ordered_dict().op('t').op('R');
    }
    // A dict of tensors, still to be nested or stopped.
    PickleWriter& dict(const std::vector<TensorSpec>& specs) {
        ordered_dict().op('(');
        for (const TensorSpec& spec : specs) text(spec.name).tensor(spec);
        return op('u');
    }
    std::string stop() { return op('.').bytes_; }
    // As it is: a pickle that breaks off.
    const std::string& bytes() const { return bytes_; }

  private:
    std::string bytes_;
};

// A file as torch wrote it before version 1.6; each storage is of floats.
inline std::string old_pth(const std::string& object, const std::vector<std::pair<std::string, std::string>>& storages,
                           const std::string& magic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", bool little = true) {
    std::string out = PickleWriter().op(0x8A).raw("\x0a" + magic).stop() + PickleWriter().integer(1001).stop();
    out += PickleWriter().op('}').text("little_endian").op(little ? 0x88 : 0x89).op('s').stop() + object;
    PickleWriter keys;
    keys.op(']').op('(');
    for (const auto& [key, bytes] : storages) keys.text(key);
    out += keys.op('e').stop();
    for (const auto& [key, bytes] : storages) out += raw_bytes(uint64_t{bytes.size() / sizeof(float)}) + bytes;
    return out;
}

}  // namespace t3video::checkpoint
