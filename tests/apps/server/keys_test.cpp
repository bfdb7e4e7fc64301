// Files of keys, and how often a key may ask.
#include "apps/server/keys.h"

#include <gtest/gtest.h>

#include <cctype>

#include "core/error.h"
#include "core/sha256.h"
#include "support/files.h"

namespace t3video::server {
namespace {

TEST(Keys, AreFoundByWhatTheyHashTo) {
    const Keys keys = Keys::parse("# who may\n\nanna " + sha256_of("secret") + " requests=30 films=2 priority=-1\n" +
                                      "bert " + sha256_of("other") + "\n",
                                  "keys.txt");
    ASSERT_NE(keys.find("secret"), nullptr);
    EXPECT_EQ(keys.find("secret")->name, "anna");
    EXPECT_EQ(keys.find("secret")->requests, 30);
    EXPECT_EQ(keys.find("secret")->films, 2);
    EXPECT_EQ(keys.find("secret")->priority, -1);
    EXPECT_EQ(keys.find("other")->name, "bert");
    for (const std::string& wrong : {std::string(), std::string("Secret"), sha256_of("secret")})
        EXPECT_EQ(keys.find(wrong), nullptr);
}

TEST(Keys, FilesComeFromAnyEditor) {
    const testing::TemporaryFolder folder;
    std::string hash = sha256_of("secret");
    for (char& c : hash) c = static_cast<char>(std::toupper(c));
    const auto file = testing::write_file(folder / "keys", "\xEF\xBB\xBF# who may\r\nanna " + hash + "\r\n");
    EXPECT_NE(Keys::read(file).find("secret"), nullptr);
}

TEST(Keys, FilesNameTheLineThatIsWrong) {
    const std::string good = "anna " + sha256_of("a") + "\n";
    const std::string wrong[] = {"bert\n",
                                 "bert secret\n",
                                 "b/rt " + sha256_of("b") + "\n",
                                 "bert " + sha256_of("b") + " films=many\n",
                                 "bert " + sha256_of("b") + " size=3\n",
                                 "anna " + sha256_of("b") + "\n",
                                 "bert " + sha256_of("a") + "\n",
                                 "bert " + sha256_of("b") + " films=-1\n",
                                 "bert " + sha256_of("") + "\n"};
    for (const std::string& line : wrong) {
        try {
            Keys::parse(good + line, "keys.txt");
            ADD_FAILURE() << line;
        } catch (const InvalidRequest& error) {
            EXPECT_EQ(std::string(error.what()).find("keys.txt: line 2"), 0u) << error.what();
        }
    }
    EXPECT_THROW(Keys::parse("# none\n", "keys.txt"), InvalidRequest);
}

TEST(Rates, GiveAMinutesRequestsAndThenSomeEachSecond) {
    using namespace std::chrono_literals;
    Rates rates;
    const auto now = Rates::Clock::now();
    for (int i = 0; i < 30; ++i) EXPECT_EQ(rates.wait("anna", 30, now), 0) << i;
    EXPECT_EQ(rates.wait("anna", 30, now), 2);
    EXPECT_EQ(rates.wait("bert", 30, now), 0) << "each key has its own";
    EXPECT_EQ(rates.wait("anna", 30, now + 1s), 1);
    EXPECT_EQ(rates.wait("anna", 30, now + 2s), 0);
    EXPECT_EQ(rates.wait("anna", 30, now + 3s), 1);
    EXPECT_EQ(rates.wait("anna", 30, now + 1h), 0);
    EXPECT_EQ(rates.wait("anyone", 0, now), 0) << "no bound";
}

}  // namespace
}  // namespace t3video::server
