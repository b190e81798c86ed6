#!/usr/bin/env bash
# Profiles one kernel with Nsight Compute, C# lines included:
#   tools/nsight/compute.sh KERNEL REPORT PROGRAM [ARGUMENT...]
# KERNEL is a regular expression over the names in PTX (Type_Method_TypeArguments, as `llama-gpu kernels --emit ptx` prints them);
# REPORT.ncu-rep is written. NSIGHT_LAUNCHES (3) of its launches are measured after NSIGHT_SKIP (5).
set -euo pipefail
if (($# < 3)); then
  sed -n '2,5s/^# //p' "$0" >&2
  exit 2
fi
kernel=$1 report=$2
shift 2
if ! command -v ncu >/dev/null; then
  echo "compute.sh: ncu (Nsight Compute) is not on the PATH" >&2
  exit 1
fi

# the card's clocks stay as they are: others may use it
ncu --kernel-name "regex:$kernel" --launch-skip "${NSIGHT_SKIP:-5}" --launch-count "${NSIGHT_LAUNCHES:-3}" \
  --clock-control none --set full --import-source yes --nvtx --target-processes all --force-overwrite --export "$report" "$@"

ncu --import "$report.ncu-rep" --page details --print-units base \
  --section SpeedOfLight --section Occupancy --section MemoryWorkloadAnalysis --section WarpStateStats --section LaunchStats
