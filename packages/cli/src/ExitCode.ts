/**
 * The exit code of a command whose output is complete but that has something to report, such as a failed file among many.
 */

let code = 0

export const setExitCode = (exitCode: number): void => {
  code = exitCode
}

export const exitCode = (): number => code
