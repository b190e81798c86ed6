#!/usr/bin/env bash
# Records a timeline with Nsight Systems, with our ranges (token, layer, operation), kernels and copies:
#   tools/nsight/systems.sh REPORT PROGRAM [ARGUMENT...]
# writes REPORT.nsys-rep and prints where the time goes by range, kernel and copy.
set -euo pipefail
if (($# < 2)); then
  sed -n '2,4s/^# //p' "$0" >&2
  exit 2
fi
report=$1
shift
if ! command -v nsys >/dev/null; then
  echo "systems.sh: nsys (Nsight Systems) is not on the PATH" >&2
  exit 1
fi

nsys profile --trace cuda,nvtx,osrt --cuda-graph-trace node --sample none --cpuctxsw none --force-overwrite true --output "$report" "$@"
nsys stats --force-export true --report nvtx_sum --report nvtx_kern_sum --report cuda_gpu_kern_sum --report cuda_gpu_mem_time_sum "$report.nsys-rep"
