// Pictures' files: PNG as it is read in every build, and what JPEG, WebP, TIFF and HEIF say beside their pixels.
#include "fuzz.h"
#include "media/input/picture_file.h"
#include "media/input/png_reader.h"

using namespace t3video;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    constexpr int64_t kMemory = 256 << 20;
    const auto path = fuzz::input_file(data, size);
    fuzz::expect_contract([&] {
        const media::PictureFile picture = media::look_at_picture(path);
        if (picture.bytes > static_cast<int64_t>(size) || picture.bytes < 0) std::abort();
        return !media::is_png(path);
    });
    fuzz::expect_contract([&] {
        const auto reader = media::open_png(path, kMemory);
        int64_t rows = 0;
        reader->read([&](const uint8_t* row) {
            fuzz::sink = row[3 * reader->width() - 1];
            ++rows;
        });
        if (rows != reader->height()) std::abort();
        return true;
    });
    return 0;
}
