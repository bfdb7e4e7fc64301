// GGUF: metadata, descriptions, blocks of quantised weights.
#include "checkpoint/gguf/gguf.h"
#include "fuzz.h"

using namespace t3video;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto path = fuzz::input_file(data, size);
    fuzz::expect_contract(
        [&] { return fuzz::touch(checkpoint::read_gguf(std::make_shared<const checkpoint::MappedFile>(path)), size); });
    return 0;
}
