// Text and numbers of a page.
#include "report/html.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace t3video::report {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(Html, TextIsShownAndNotObeyed) {
    EXPECT_EQ(escaped("<script>alert(\"1\" & '2')</script>"),
              "&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;");
    EXPECT_EQ(escaped("caf\xe9 \xf0\x9f\x90\x88 \x1b[2J\n\xe2\x80\xae"), "caf\\xe9 \xf0\x9f\x90\x88 \\x1b[2J \\u202e");
    EXPECT_EQ(link_to("samples/a b\"<>?#%:\xc3\xa9.mp4"), "samples/a%20b%22%3C%3E%3F%23%25%3A%C3%A9.mp4");
    EXPECT_EQ(link_to("javascript:alert(1)"), "javascript%3Aalert%281%29");
}

// RFC 4648, 10.
TEST(Html, Base64) {
    EXPECT_EQ(base64(""), "");
    EXPECT_EQ(base64("f"), "Zg==");
    EXPECT_EQ(base64("fo"), "Zm8=");
    EXPECT_EQ(base64("foo"), "Zm9v");
    EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
    EXPECT_EQ(base64(std::string("\0\xff\xfe\xfb", 4)), "AP/++w==");
}

TEST(Html, NumbersAsPapersWriteThem) {
    EXPECT_EQ(grouped(0), "0");
    EXPECT_EQ(grouped(999), "999");
    EXPECT_EQ(grouped(4980672), "4,980,672");
    EXPECT_EQ(grouped(-123456), "-123,456");
    EXPECT_EQ(readable(0.21349), "0.213");
    EXPECT_EQ(readable(2e-5), "2e-5");
    EXPECT_EQ(readable(1.5e-10), "1.5e-10");
    EXPECT_EQ(readable(3e12), "3e12");
    EXPECT_EQ(readable(12345), "12,345");
    EXPECT_EQ(readable(999.6), "1,000");
    EXPECT_EQ(readable(0), "0");
    EXPECT_EQ(readable(kNaN), "–");
    EXPECT_EQ(readable(-INFINITY), "–");
    EXPECT_EQ(readable_in_column(0.21), "0.210");
    EXPECT_EQ(readable_in_column(12.04), "12.0");
    EXPECT_EQ(readable_in_column(2e-5), "2e-5");
    EXPECT_EQ(readable_duration(0.314), "0.314 s");
    EXPECT_EQ(readable_duration(59.4), "59 s");
    EXPECT_EQ(readable_duration(59.6), "1 min 00 s");
    EXPECT_EQ(readable_duration(7200), "2 h 00 min");
    EXPECT_EQ(readable_duration(200000), "2 d 07 h");
    EXPECT_EQ(readable_duration(kNaN), "–");
    EXPECT_EQ(readable_share(0.0123), "1.23 %");
    EXPECT_EQ(readable_change(-0.12), "−12.0 %");
    EXPECT_EQ(readable_change(0.004), "+0.4 %");
}

}  // namespace
}  // namespace t3video::report
