using NUnit.Framework;

// Fixtures run side by side, one more than most machines here have cores: OpenCL's driver compiles one kernel at a time, and those that
// wait for it leave their core to others. Accelerators may be shared; what sets the fake CUDA driver or takes its own time may not run
// beside others and says [NonParallelizable].
[assembly: Parallelizable(ParallelScope.Fixtures)]
[assembly: LevelOfParallelism(3)]
