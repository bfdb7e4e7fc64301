#!/bin/sh
# Fails when a folder of src/ includes one that it may not. usage: include_direction.sh SRC
set -eu
cd "$1"

# folder: what it may include directly. All that those may include is allowed too, except that only ops/ (and later
# distributed/) sees cpu/ and cuda/.
rules='
core:
tensor: core
cpu: tensor
cuda: tensor
ops: tensor cpu cuda
checkpoint: tensor
text: core
media: tensor
report: core
distributed: tensor
nn: ops distributed
t3: nn
models: t3 nn checkpoint
sampling: ops
film: models sampling media text
plan: film
job: film
session: plan job
serving: session
training: session report
evaluation: session report
apps: training evaluation serving
'

grep -rnE --include='*.h' --include='*.cuh' --include='*.cpp' --include='*.cu' '^#include "[a-z0-9_]+/' . |
    sed -E 's|^\./([a-z0-9_]+)/([^:]*):([0-9]+):#include "([a-z0-9_]+)/.*|\1 \4 \1/\2:\3|' |
    awk -v rules="$rules" '
        function reach(folder,   n, i, parts) {   # marks what `folder` may include, transitively
            n = split(direct[folder], parts, " ")
            for (i = 1; i <= n; ++i) if (!((start, parts[i]) in allowed)) {
                if ((parts[i] != "cpu" && parts[i] != "cuda") || start == folder) {
                    allowed[start, parts[i]] = 1
                    reach(parts[i])
                }
            }
        }
        BEGIN {
            lines = split(rules, line, "\n")
            for (l = 1; l <= lines; ++l) if (split(line[l], half, ":") == 2) direct[half[1]] = half[2]
            for (start in direct) { allowed[start, start] = 1; reach(start) }
        }
        !($1 in direct) { print $3 ": folder " $1 "/ has no rule"; bad = 1; next }
        !(($1, $2) in allowed) { print $3 ": " $1 "/ may not include " $2 "/"; bad = 1 }
        END { if (NR == 0) { print "no includes found"; bad = 1 }; exit bad }
    '
