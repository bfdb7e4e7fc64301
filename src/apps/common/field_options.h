// The fields of a table (film/fields.h, training/run/fields.h) as options of a command. A field has name, type, group,
// help, kind, set and get.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "core/message.h"

namespace t3video::apps {

template <class FieldType>
std::string option_names(const FieldType& field) {
    const std::string name = field.name;
    return "--" + name + (name == "prompt" ? ",-p" : name == "output" ? ",-o" : "");
}

// A flag that holds unless it is taken back is an option to do so: --no-record.
template <class Options, class FieldType>
CLI::Option* add_flag(CLI::App& command, Options& options, const FieldType& field) {
    const bool holds = field.get(Options()) == true;
    std::string help = field.help;
    if (holds) help = std::string("Do not ") + static_cast<char>(help[0] - 'A' + 'a') + help.substr(1);
    return command.add_flag_function(
        holds ? std::string("--no-") + field.name : option_names(field),
        [&, holds](int64_t) { field.set(options, Field(field.name, holds ? "false" : "true")); }, help);
}

template <class Options, class FieldType>
CLI::Option* add_value(CLI::App& command, Options& options, const FieldType& field) {
    auto* option = command.add_option_function<std::string>(
        option_names(field), [&](const std::string& text) { field.set(options, Field(field.name, text)); }, field.help);
    const auto value = field.get(Options());
    if (!value.is_null() && value != "")
        option->default_str(value.is_string() ? value.template get<std::string>() : value.dump());
    return option;
}

template <class Options, class FieldType>
CLI::Option* add_list(CLI::App& command, Options& options, const FieldType& field) {
    return command
        .add_option_function<std::vector<std::string>>(
            option_names(field),
            [&](const std::vector<std::string>& texts) {
                for (const std::string& text : texts) field.set(options, Field(field.name, text));
            },
            field.help)
        ->allow_extra_args(false);
}

// What is parsed goes to `options`, which must outlive the command.
template <class Options, class FieldType>
CLI::Option* add_field(CLI::App& command, Options& options, const FieldType& field) {
    const bool flag = field.kind == FieldType::Kind::flag;
    CLI::Option* option = flag                                  ? add_flag(command, options, field)
                          : field.kind == FieldType::Kind::list ? add_list(command, options, field)
                                                                : add_value(command, options, field);
    if (!flag) option->type_name(field.type);
    if (field.group[0] != '\0') option->group(field.group);
    return option;
}

}  // namespace t3video::apps
