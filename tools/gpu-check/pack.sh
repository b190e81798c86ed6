#!/usr/bin/env bash
# Makes gpu-check.tar.xz: the tests, the command line and the benchmark as programs that need no .NET, the files that the tests read,
# and run.sh. Needs the .NET SDK; what comes out needs Linux on x86-64.
#   tools/gpu-check/pack.sh [OUTPUT]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
output=$(realpath -m "${1:-$root/gpu-check.tar.xz}")
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
kit=$stage/gpu-check
most=$((60 * 1000 * 1000))

publish() { # project, further options: all three share one copy of the runtime
  dotnet publish "$root/$1" -c Release -r linux-x64 --self-contained true -v q -p:RunAnalyzers=false -o "$kit/program" "${@:2}" >&2
}
publish Llama.Gpu.Tests -p:TestProgram=true
publish tools/Llama.Gpu.Cli
publish tools/Llama.Gpu.Bench -p:PublishReadyToRun=true
rm -rf "$kit"/program/{Microsoft.CodeCoverage,*.xml,createdump,libmscordbi.so,libmscordaccore.so}

# where the tests look for fixtures: a folder with the solution's file above the program
(cd "$root" && git ls-files -z -- Llama.Gpu.sln '*.csproj' models Llama.Gpu.Tests docs/measurements | tar --null -T - -cf -) | tar -xf - -C "$kit"
cp "$here"/{run.sh,yardsticks.py,README.md} "$kit"
{ git -C "$root" describe --always --dirty; date -u +%F; } >"$kit/version"

tar -C "$stage" --owner=0 --group=0 --sort=name -cf - gpu-check | xz -T0 -9 >"$output"
bytes=$(stat -c %s "$output")
echo "$output: $bytes bytes"
if ((bytes > most)); then
  echo "pack.sh: expected at most $most bytes" >&2
  exit 1
fi
