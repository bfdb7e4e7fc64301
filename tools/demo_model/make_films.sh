#!/bin/bash
# Makes a film with seed 0 of every prompt of a list; without a list, of the 24 held-out prompts of the score.
# Usage: make_films.sh PROGRAM OUTPUT_FOLDER [PROMPTS.json]
# Writes OUTPUT_FOLDER/00.mp4, 01.mp4, ..., a contact sheet (.png) beside each, and the prompts as prompts.json.
set -euo pipefail

if [ $# -lt 2 ] || [ $# -gt 3 ]; then
    echo "Usage: make_films.sh PROGRAM OUTPUT_FOLDER [PROMPTS.json]" >&2
    exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
program=$1
folder=$2

mkdir -p "$folder"
if [ $# -eq 3 ]; then
    cp "$3" "$folder/prompts.json"
else
    python3 "$here/clips.py" --directed > "$folder/prompts.json"
fi
number=0
python3 -c 'import json, sys; print(*json.load(open(sys.argv[1])), sep="\n")' "$folder/prompts.json" |
while read -r prompt; do
    name=$(printf '%02d' "$number")
    echo "$name  $prompt"
    "$program" generate --quiet --model "$here/../../models/demo" --prompt "$prompt" --seed 0 \
        --output "$folder/$name.mp4" --job "$folder/$name.job" < /dev/null
    rm -rf "$folder/$name.job"
    number=$((number + 1))
done
