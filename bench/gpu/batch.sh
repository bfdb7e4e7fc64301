#!/bin/sh
# Twenty demo films by one process: that weights are prepared once, that each film's frames are those of a film made
# alone, and how long the films take. usage: batch.sh T3VIDEO [DEVICE, default cuda] [STEPS, default 6]
set -eu
t3video=$(realpath "$1") device=${2:-cuda} steps=${3:-6}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 - <<'LIST'
import json
things = ["red ball", "blue star", "green kite", "yellow fish", "white ring"]
places = ["green hills", "a desert", "snow", "the sea"]
json.dump([{"prompt_en": f"A {a} drifts left over {b}.", "seed": i} for i, (a, b) in
           enumerate((a, b) for a in things for b in places)], open("list.json", "w"))
LIST
start=$(date +%s)
"$t3video" batch list.json --output films --extension .y4m --steps "$steps" --device "$device" 2>log
echo "20 films in $(($(date +%s) - start)) s; preparations, of all films: $(grep -c 'Weights of' log || true)," \
     "of those after the first: $(sed -n '/Film 2 of 20/,$p' log | grep -c 'Weights of' || true)"
sed -n 's/^info: Weights of/Weights of/p' log
same=0
for i in 00000 00007 00019; do
    prompt=$(python3 -c "import json; print(json.load(open('list.json'))[int('$i')]['prompt_en'])")
    seed=$(echo $i | sed 's/^0*//; s/^$/0/')
    "$t3video" generate --prompt "$prompt" --seed "$seed" --output "alone$i.y4m" --steps "$steps" --device "$device" --quiet
    cmp "films/$i.y4m" "alone$i.y4m" && same=$((same + 1))
done
echo "films that are the same as alone: $same of 3"
[ "$same" = 3 ]
