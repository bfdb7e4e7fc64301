// HTML character references, read as HTML5 and as ftfy read them.
#include "text/html.h"

#include <gtest/gtest.h>

#include "text/unicode.h"

namespace t3video::text {
namespace {

struct HtmlCase {
    const char *text, *html5, *strict;
};

// Expected: Python's html.unescape, ftfy.fixes.unescape_html.
const HtmlCase kHtmlCases[] = {
    {"", "", ""},
    {"&", "&", "&"},
    {"a & b", "a & b", "a & b"},
    {"&amp;", "&", "&"},
    {"&amp", "&", "&amp"},
    {"&ampere", "&ere", "&ampere"},
    {"&notin;", "\u2209", "\u2209"},
    {"&notit;", "\u00ACit;", "&notit;"},
    {"&not;in;", "\u00ACin;", "\u00ACin;"},
    {"&amp;lt;", "&lt;", "&lt;"},
    {"&&lt;&", "&<&", "&<&"},
    {"&l&gt;", "&l>", "&l>"},
    {"&bogus;", "&bogus;", "&bogus;"},
    {"&hellip", "&hellip", "&hellip"},
    {"&Aacute;&aacute;&AACUTE;", "\u00C1\u00E1&AACUTE;", "\u00C1\u00E1\u00C1"},
    {"&NotEqualTilde;", "\u2242\u0338", "\u2242\u0338"},
    {"&DoubleLongLeftRightArrow;", "\u27FA", "\u27FA"},
    {"&CounterClockwiseContourIntegral;", "\u2233", "&CounterClockwiseContourIntegral;"},
    {"&lt\u00E9;", "<\u00E9;", "&lt\u00E9;"},
    {"&#65;&#x42;&#X43;", "ABC", "ABC"},
    {"&#65 &#x42g;", "A Bg;", "&#65 &#x42g;"},
    {"&#;&#x;&#xg;&# 65;", "&#;&#x;&#xg;&# 65;", "&#;&#x;&#xg;&# 65;"},
    {"&#0;&#xD800;&#1114112;&#18446744073709551681;", "\uFFFD\uFFFD\uFFFD\uFFFD", "\uFFFD\uFFFD\uFFFD\uFFFD"},
    {"&#128;&#x9F;&#x81;", "\u20AC\u0178\u0081", "\u20AC\u0178\u0081"},
    {"[&#8;&#11;&#127;&#xFDEF;&#x1FFFF;]", "[]", "[]"},
    {"&#9;&#10;&#12;&#13;", "\t\n\f\r", "\t\n\f\r"},
    {"&#59;", ";", "&#59;"},
    {"&#000000000000000000000065;", "A", "A"},
    {"&#0000000000000000000000065;", "A", "&#0000000000000000000000065;"},
};

TEST(UnescapeHtml, ReadsReferencesAsHtml5) {
    for (const HtmlCase& c : kHtmlCases) EXPECT_EQ(encode_utf8(unescape_html(decode_utf8(c.text))), c.html5) << c.text;
}

TEST(UnescapeHtml, StrictReadsOnlyWhatIsCertain) {
    for (const HtmlCase& c : kHtmlCases) {
        EXPECT_EQ(encode_utf8(unescape_html_strict(decode_utf8(c.text))), c.strict) << c.text;
    }
}

}  // namespace
}  // namespace t3video::text
