/** Telling what is done, what happened, and what the other system printed there; and holding the outcome to what it should be. */
import { deepStrictEqual } from "node:assert"

export interface Step {
  readonly title: string
  /** What LaminDB prints or does here. */
  readonly lamin: string
  /** Why ours differs, where it does. */
  readonly difference?: string
}

/** Runs the steps one after the other; fails at the first whose outcome is not what it should be. */
export class Walk {
  #steps = 0
  #checks = 0
  readonly #write: (text: string) => void

  constructor(write: (text: string) => void) {
    this.#write = write
  }

  async step(step: Step, run: () => Promise<void>): Promise<void> {
    this.#steps += 1
    this.#write(`\n${this.#steps}. ${step.title}\n`)
    await run()
    this.#write(`   LaminDB: ${step.lamin}\n`)
    if (step.difference !== undefined) this.#write(`   differs: ${step.difference}\n`)
  }

  say(text: string): void {
    for (const line of text.trimEnd().split("\n")) this.#write(`   ${line}\n`)
  }

  /** The outcome, which has to be this. */
  check(what: string, actual: unknown, expected: unknown): void {
    deepStrictEqual(actual, expected, `step ${this.#steps}: ${what} is ${JSON.stringify(actual)} and should be ${JSON.stringify(expected)}`)
    this.#checks += 1
    this.#write(`   ok: ${what}\n`)
  }

  get summary(): string {
    return `${this.#steps} steps, ${this.#checks} outcomes checked`
  }
}
