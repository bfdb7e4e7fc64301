#!/bin/sh
# Time of each kernel of a run, summed by name, and what it moved to and from the card's memory, under Nsight Compute (which
# adds nothing to the kernels' own times). A kernel that memory bounds is as good as its TB/s are near the card's.
# usage: bench/gpu/kernels.sh COMMAND...   such as: bench/gpu/kernels.sh t3video bench dit --device cuda --layer 1 --repeat 0
set -eu
report=$(mktemp)
ncu --clock-control none --metrics gpu__time_duration.sum,dram__bytes.sum --csv --log-file "$report" "$@" >/dev/null
python3 - "$report" <<'PY'
import csv, collections, sys
rows = [line for line in open(sys.argv[1]) if line.startswith('"')]
time, moved, count = collections.Counter(), collections.Counter(), collections.Counter()
ms = {"ns": 1e-6, "nsecond": 1e-6, "us": 1e-3, "usecond": 1e-3, "ms": 1.0, "msecond": 1.0, "s": 1e3, "second": 1e3}
gb = {"byte": 1e-9, "Kbyte": 1e-6, "Mbyte": 1e-3, "Gbyte": 1.0, "Tbyte": 1e3}
for row in csv.DictReader(rows):
    name = row["Kernel Name"][:100]
    value = float(row["Metric Value"].replace(",", ""))
    if row["Metric Name"] == "gpu__time_duration.sum":
        time[name] += value * ms[row["Metric Unit"]]
        count[name] += 1
    else:
        moved[name] += value * gb[row["Metric Unit"]]
for name, t in time.most_common(45):
    print(f"{t:10.3f} ms {count[name]:6d} x {moved[name]:9.2f} GB {moved[name] / t:6.2f} TB/s  {name}")
print(f"{sum(time.values()):10.3f} ms in all")
PY
rm -f "$report"
