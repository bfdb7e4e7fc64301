#!/bin/sh
# Time of each kernel of a run, summed by name, under Nsight Compute (which adds nothing to the kernels' own times).
# usage: bench/gpu/kernels.sh COMMAND...   such as: bench/gpu/kernels.sh t3video bench dit --device cuda --layer 1 --repeat 0
set -eu
report=$(mktemp)
ncu --clock-control none --metrics gpu__time_duration.sum --csv --log-file "$report" "$@" >/dev/null
python3 - "$report" <<'PY'
import csv, collections, sys
rows = [line for line in open(sys.argv[1]) if line.startswith('"')]
total, count = collections.Counter(), collections.Counter()
scale = {"ns": 1e-6, "nsecond": 1e-6, "us": 1e-3, "usecond": 1e-3, "ms": 1.0, "msecond": 1.0, "s": 1e3}
for row in csv.DictReader(rows):
    name = row["Kernel Name"][:110]
    total[name] += float(row["Metric Value"].replace(",", "")) * scale[row["Metric Unit"]]
    count[name] += 1
for name, ms in total.most_common(30):
    print(f"{ms:10.3f} ms {count[name]:6d} x  {name}")
print(f"{sum(total.values()):10.3f} ms in all")
PY
