// Identities of a model's files as texts.
#include "training/data/encoders_of.h"

namespace t3video::training {
namespace {

std::string text_of(const nlohmann::json& content) {
    return content.is_string() ? content.get<std::string>() : content.dump();
}

}  // namespace

Encoders encoders_of(session::FileModel& model) {
    const job::ModelContents& contents = model.contents();
    return {model.vae_hash(), text_of(contents.text_encoder), text_of(contents.tokenizer)};
}

}  // namespace t3video::training
