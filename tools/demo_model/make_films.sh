#!/bin/bash
# Makes the films of the score: the first 24 held-out prompts with a direction, each with seed 0.
# Usage: make_films.sh PROGRAM OUTPUT_FOLDER [MODEL_FOLDER]
# Writes OUTPUT_FOLDER/00.mp4 .. 23.mp4, a contact sheet (.png) beside each, and the prompts as prompts.json.
set -euo pipefail

if [ $# -lt 2 ] || [ $# -gt 3 ]; then
    echo "Usage: make_films.sh PROGRAM OUTPUT_FOLDER [MODEL_FOLDER]" >&2
    exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
program=$1
folder=$2
model=${3:-$here/../../models/demo}

mkdir -p "$folder"
python3 "$here/clips.py" --directed > "$folder/prompts.json"
number=0
python3 -c 'import json, sys; print(*json.load(open(sys.argv[1])), sep="\n")' "$folder/prompts.json" |
while read -r prompt; do
    name=$(printf '%02d' "$number")
    echo "$name  $prompt"
    "$program" generate --quiet --model "$model" --prompt "$prompt" --seed 0 --output "$folder/$name.mp4" < /dev/null
    rm -rf "$folder/$name.mp4.job" "$folder/$name.job"
    number=$((number + 1))
done
