/**
 * Flags that every command takes, before or after its name.
 */
import { Flag, GlobalFlag } from "effect/cli"

const switchFlag = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withoutNegation, Flag.withDescription(description), Flag.withDefault(false))

export const InstanceFlag = GlobalFlag.Setting("instance")({
  flag: Flag.String("instance").pipe(
    Flag.withMetavar("DIR"),
    Flag.withDescription("Work on this instance (else SHEAF_INSTANCE, else the nearest .sheaf/ upwards)"),
    Flag.optional
  )
})

export const JsonFlag = GlobalFlag.Setting("json")({
  flag: switchFlag("json", "Print one JSON document; errors as JSON on stderr")
})

export const NdjsonFlag = GlobalFlag.Setting("ndjson")({
  flag: switchFlag("ndjson", "Print one JSON document a line as results arrive")
})

export const QuietFlag = GlobalFlag.Setting("quiet")({
  flag: switchFlag("quiet", "Print results and errors only: no progress, no notes").pipe(Flag.withAlias("q"))
})

export const VerboseFlag = GlobalFlag.Setting("verbose")({
  flag: switchFlag("verbose", "Show diagnostics, and the trace of an unexpected error, on stderr")
})

export const LockTimeoutFlag = GlobalFlag.Setting("lock-timeout")({
  flag: Flag.Finite("lock-timeout").pipe(
    Flag.withMetavar("SECONDS"),
    Flag.filter((seconds) => seconds >= 0, (seconds) => `Expected 0 or more seconds, got ${seconds}`),
    Flag.withDescription("How long to wait for another process that holds the registry (default 10)"),
    Flag.optional
  )
})

export const NoColorFlag = GlobalFlag.Setting("no-color")({
  flag: switchFlag("no-color", "No colours (NO_COLOR in the environment does the same)")
})

export const GLOBAL_FLAGS = [InstanceFlag, JsonFlag, NdjsonFlag, QuietFlag, VerboseFlag, LockTimeoutFlag, NoColorFlag] as const
