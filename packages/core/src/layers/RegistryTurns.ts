/**
 * Taking turns with other processes at a registry file: how long to hold it, when to leave it to others, how often to look whether it is free.
 *
 * Nobody can be told that the file is free; whoever waits looks at its lock again and again. So a holder who knows of others leaves it alone for longer
 * than they take between two looks; one who does not, for longer than those take who have waited a while.
 */
import { lockingPid } from "./RegistryLockHolder.ts"

/** Milliseconds. `Contended` applies for a while after another process was met. */
const TIMES = {
  linger: 40,
  lingerContended: 5,
  hold: 300,
  contendedFor: 2000,
  pause: 20,
  pauseContended: 60,
  pauseLook: 3,
  /** Between two looks, at first; half as long after each `patience`, so that those who wait longest come first. */
  look: 32,
  lookLeast: 8,
  patience: 500
} as const

export class RegistryTurns {
  readonly #path: string
  #contendedUntil = 0
  /** Process that was met last; 0 when the system does not say. */
  holder: number | null = null

  constructor(path: string) {
    this.#path = path
  }

  /** Another process was in the way. */
  met(pid: number): void {
    this.holder = pid
    this.#contendedUntil = performance.now() + TIMES.contendedFor
  }

  /** How long the file may be held while operations keep coming. Detaching and attaching takes a tenth of that. */
  readonly hold = TIMES.hold

  /** How long it stays attached after the last use. */
  get linger(): number {
    return this.isContended ? TIMES.lingerContended : TIMES.linger
  }

  /** Leaves the file alone until another process has taken it or, more likely, none wants it. */
  async letOthersIn(): Promise<void> {
    if (!this.isContended) return sleep(TIMES.pause)
    for (const until = performance.now() + TIMES.pauseContended; performance.now() < until;) {
      await sleep(TIMES.pauseLook)
      if (lockingPid(this.#path, "write") !== null) return
    }
    this.#contendedUntil = 0
  }

  /** Waits before the next look, by how long it has been waited already. */
  untilNextLook(waited: number): Promise<void> {
    return sleep(Math.max(TIMES.lookLeast, TIMES.look * 0.5 ** (waited / TIMES.patience)) * (0.7 + 0.6 * Math.random()))
  }

  /** Another process was met not long ago. */
  get isContended(): boolean {
    return performance.now() < this.#contendedUntil
  }
}

const sleep = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))
