#!/bin/sh
# Fails where a part of the program below apps/ speaks the command line's language, which is one front door's of several
# (core/message.h), or uses what belongs to a program rather than to a library: its log, its signals, its progress bar.
# evaluation/vmaf.cpp has the options of another program, which it runs.
# usage: no_command_line_words.sh SRC
set -eu
cd "$1"

find . -type f \( -name '*.h' -o -name '*.cuh' -o -name '*.cpp' -o -name '*.cu' \) | sed 's|^\./||' |
    grep -v -e '^apps/' -e '^evaluation/vmaf\.cpp$' | sort | xargs awk '
        function tell(what) { print FILENAME ":" FNR ": " what; bad = 1 }
        {
            line = $0
            gsub(/\\./, "", line)        # quotes within literals
            gsub(/\047"\047/, "", line)  # a quote as a character
            n = split(line, piece, "\"")  # code at odd places, literals at even ones, up to a comment
            for (i = 1; i <= n; ++i) {
                if (i % 2 == 0) {
                    if (piece[i] ~ /--[a-z]/) tell("names an option: \"" piece[i] "\"")
                    if (piece[i] ~ /t3video (generate|resume|decode|plan|batch|devices|inspect|jobs|bench|module|make-clips|encode|retrofit|evaluate|serve)([^a-z]|$)/)
                        tell("names a command: \"" piece[i] "\"")
                    continue
                }
                comment = index(piece[i], "//")
                code = comment ? substr(piece[i], 1, comment - 1) : piece[i]
                if (code ~ /(log_info|log_warning|set_quiet|watch_interrupts|interrupt_signal|stop_if_interrupted)\(/)
                    tell("calls what programs have")
                if (comment) break
            }
        }
        END { if (NR == 0) { print "no sources found"; bad = 1 }; exit bad }
    ' /dev/null
