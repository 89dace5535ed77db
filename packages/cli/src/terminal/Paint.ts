/**
 * Colours, or none: everything that is printed goes through one of these, chosen once per stream.
 */

export interface Paint {
  readonly on: boolean
  readonly bold: (text: string) => string
  readonly dim: (text: string) => string
  readonly red: (text: string) => string
  readonly green: (text: string) => string
  readonly yellow: (text: string) => string
  readonly blue: (text: string) => string
  readonly cyan: (text: string) => string
}

const plain = (text: string): string => text
const colour = (open: number, close: number) => (text: string): string => (text === "" ? "" : `\x1b[${open}m${text}\x1b[${close}m`)

const colourless: Paint = { on: false, bold: plain, dim: plain, red: plain, green: plain, yellow: plain, blue: plain, cyan: plain }

const coloured: Paint = {
  on: true,
  bold: colour(1, 22),
  dim: colour(2, 22),
  red: colour(31, 39),
  green: colour(32, 39),
  yellow: colour(33, 39),
  blue: colour(34, 39),
  cyan: colour(36, 39)
}

const isSet = (value: string | undefined): boolean => value !== undefined && value !== ""

/**
 * Colour only on a terminal, and there not with `--no-color`, `NO_COLOR` (see no-color.org) or `TERM=dumb`;
 * `FORCE_COLOR` asks for it anywhere.
 */
export const paintFor = (stream: { readonly isTTY?: boolean }, noColor: boolean, env: NodeJS.ProcessEnv): Paint => {
  if (noColor || isSet(env["NO_COLOR"])) return colourless
  if (isSet(env["FORCE_COLOR"]) && env["FORCE_COLOR"] !== "0") return coloured
  return stream.isTTY === true && env["TERM"] !== "dumb" ? coloured : colourless
}
