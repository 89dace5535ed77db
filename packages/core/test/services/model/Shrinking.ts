/**
 * The same failure with fewer steps.
 */

/** Leaves out steps, halves first and then one by one, then parts of them, for as long as it still fails. */
export const shrink = async <S, E>(
  steps: ReadonlyArray<S>,
  failure: E,
  simpler: (step: S) => Iterable<S>,
  failureOf: (steps: ReadonlyArray<S>) => Promise<E | null>
): Promise<{ readonly steps: ReadonlyArray<S>; readonly failure: E }> => {
  for (const fewer of smaller(steps, simpler)) {
    const still = await failureOf(fewer)
    if (still !== null) return shrink(fewer, still, simpler, failureOf)
  }
  return { steps, failure }
}

function* smaller<S>(steps: ReadonlyArray<S>, simpler: (step: S) => Iterable<S>): Iterable<ReadonlyArray<S>> {
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < steps.length; from += size) {
      yield [...steps.slice(0, from), ...steps.slice(from + size)]
    }
  }
  for (const [i, step] of steps.entries()) for (const other of simpler(step)) yield steps.with(i, other)
}
