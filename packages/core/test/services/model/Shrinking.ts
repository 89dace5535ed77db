/**
 * The same failure with fewer steps.
 */

/** Leaves out steps, halves first and then one by one, for as long as it still fails. */
export const shrink = async <S, E>(
  steps: ReadonlyArray<S>,
  failure: E,
  failureOf: (steps: ReadonlyArray<S>) => Promise<E | null>
): Promise<{ readonly steps: ReadonlyArray<S>; readonly failure: E }> => {
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < steps.length; from += size) {
      const fewer = [...steps.slice(0, from), ...steps.slice(from + size)]
      const still = await failureOf(fewer)
      if (still !== null) return shrink(fewer, still, failureOf)
    }
  }
  return { steps, failure }
}
