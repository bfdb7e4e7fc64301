// The digests of FIPS 180-4's examples, and of texts cut at any place.
#include "core/sha256.h"

#include <gtest/gtest.h>

namespace t3video {
namespace {

TEST(Sha256, OfTheStandardsExamples) {
    EXPECT_EQ(sha256_of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(sha256_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(sha256_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    EXPECT_EQ(sha256_of(std::string(1'000'000, 'a')),
              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, DoesNotDependOnHowBytesCome) {
    const std::string text(200, 'x');
    for (size_t cut = 0; cut <= text.size(); ++cut) {
        Sha256 hash;
        hash.add(text.substr(0, cut));
        hash.add(text.substr(cut));
        EXPECT_EQ(hash.text(), sha256_of(text)) << cut;
    }
}

}  // namespace
}  // namespace t3video
