#!/usr/bin/env bash
# Checks and measures Llama.Gpu on this machine's GPU, beside PyTorch and transformers where they are installed. README.md says more.
#   ./run.sh [--short] [--device cuda] [--python python3] [--out results]
set -uo pipefail
kit=$(cd "$(dirname "$0")" && pwd)
program=$kit/program
device=cuda python=python3 out=$PWD/results short=

usage() {
  echo "usage: run.sh [--short] [--device cuda|opencl|simd] [--python PROGRAM] [--out FOLDER]" >&2
  exit 2
}
while (($# > 0)); do
  case $1 in
    --short) short=1 ;;
    --device) device=${2:-}; shift ;;
    --python) python=${2:-}; shift ;;
    --out) out=$(realpath -m "${2:-}"); shift ;;
    *) usage ;;
  esac
  shift || usage
done
case $device in
  cuda) cases=prefill preset=llama-3-8b layers=32 prompt=512 library=cuda ;;
  opencl | simd) cases=prefill-small preset=tiny layers=1 prompt=32 library=cpu ;; # that the kit itself works
  *) usage ;;
esac
deadline=3600
if [[ -n $short ]]; then
  deadline=540
  [[ $device == cuda ]] && cases=prefill-short layers=4
fi

mkdir -p "$out" || exit 1
model=$out/model
export LLAMA_GPU_REQUIRE=${device/simd/} LLAMA_GPU_CACHE=$out/cache TESTINGPLATFORM_TELEMETRY_OPTOUT=1 PYTHONUNBUFFERED=1

# part FILE SECONDS COMMAND...: what the command prints goes to FILE, its errors to FILE.err. A part that has ended, well or not, is not
# run again until its FILE.status is removed; one that ran out of time is.
part() {
  local file=$out/$1 limit=$2 left=$((deadline - SECONDS)) began=$SECONDS status=0
  shift 2
  [[ -e $file.status ]] && return
  ((left < limit)) && limit=$left
  if ((limit < 5)); then
    echo "- ${file##*/}: no time left" >&2
    return
  fi
  timeout --kill-after=5 "$limit" "$@" >"$file" 2>"$file.err" || status=$?
  local state="exit $status, $((SECONDS - began)) s"
  if ((status == 124 || status == 137)); then
    state="out of time after $((SECONDS - began)) s"
  else
    echo "$state" >"$file.status"
  fi
  echo "- ${file##*/}: $state" >&2
}

machine() {
  cat "$kit/version"
  uname -srm
  nproc
  nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.sm,clocks.mem --format=csv
  "$python" -c 'import torch; print("torch", torch.__version__)'
  "$python" -c 'import transformers; print("transformers", transformers.__version__)'
  "$program/llama-gpu" devices
}

tests() { "$program/Llama.Gpu.Tests" --no-ansi --progress off --show-test-results failed --filter "$1"; }
kernels_by_torch() { "$python" "$kit/yardsticks.py" kernels "$library" <"$out/kernels.jsonl"; }
synth() { rm -rf "$model" && "$program/llama-gpu" synth --preset "$preset" --layers "$layers" --type bf16 --out "$model"; }

export -f machine tests kernels_by_torch synth
export kit program python out library model preset layers

part machine.txt 30 bash -c machine
part tests-cuda.txt 90 bash -c 'tests "FullyQualifiedName~Tests.Jit.Cuda"'
part synth.txt 600 bash -c synth
part kernels.jsonl 300 "$program/llama-gpu-bench" --device "$device" --cases "$cases" --rounds 7 --json
part kernels-torch.jsonl 180 bash -c kernels_by_torch
part model.jsonl 300 "$program/llama-gpu" bench --model "$model" --device "$device" --prompt "$prompt" --tokens 32 --rounds 5 --json
part model-transformers.jsonl 300 "$python" "$kit/yardsticks.py" model "$library" "$model" "$prompt" 32
part operations.jsonl 300 "$program/llama-gpu-bench" --device "$device" --rounds 5 --json
# the rest of the suite, in parts, so that what is done stays done
part tests-kernels.txt 400 bash -c 'tests "FullyQualifiedName~Tests.Kernels"'
part tests-jit.txt 400 bash -c 'tests "FullyQualifiedName~Tests.Jit&FullyQualifiedName!~Tests.Jit.Cuda"'
part tests-rest.txt 400 bash -c 'tests "FullyQualifiedName!~Tests.Jit&FullyQualifiedName!~Tests.Kernels"'

results=()
for file in kernels kernels-torch model model-transformers; do
  [[ -s $out/$file.jsonl ]] && results+=("$out/$file.jsonl")
done
if ((${#results[@]} > 0)); then
  "$program/llama-gpu-bench" --compare "${results[@]}" --json >"$out/ratios.jsonl"
  "$program/llama-gpu-bench" --compare "${results[@]}" >"$out/ratios.txt"
fi

{
  cat "$out/machine.txt"
  for file in "$out"/*.txt "$out"/*.jsonl; do
    [[ -e $file.err ]] || continue
    counts=$(grep -E '^ +(failed|succeeded|skipped): ' "$file" | tr -s ' \n' ' ')
    echo "${file##*/}: $(cat "$file.status" 2>/dev/null || echo 'not finished')$counts"
  done
  cat "$out/ratios.txt"
} 2>/dev/null | tee "$out/summary.txt"
