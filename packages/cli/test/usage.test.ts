import { describe, expect, it } from "vitest"
import { describeProgram } from "../src/Program.ts"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { emptyDirectory, PACKAGE, runShell, workplace } from "./Cli.ts"

const place = workplace()

interface Described { readonly name: string; readonly subcommands: ReadonlyArray<Described> }

const everyCommand = (command: Described, path: ReadonlyArray<string> = []): ReadonlyArray<ReadonlyArray<string>> =>
  command.subcommands.flatMap((sub) => [[...path, sub.name], ...everyCommand(sub, [...path, sub.name])])

describe("help", () => {
  it("has the commands of the manual", () => {
    expect(everyCommand(describeProgram()).map((path) => path.join(" ")).sort()).toEqual([
      "add", "alias", "cache", "cat", "collection", "collection append", "collection create", "collection delete", "collection diff", "collection export", "collection list",
      "collection log", "collection show", "completions", "config", "config get", "config set", "convert", "copy", "doctor", "export", "find", "gc", "get", "info",
      "ingest", "init", "label", "label add", "label create", "label list", "label remove", "lineage", "log", "ls", "mv", "restore", "rm", "run", "runs", "show",
      "sql", "status", "storage", "storage add", "storage default", "storage list", "storage remove", "storage show", "storage verify", "tree", "unalias", "verify"
    ])
  })
  it("of every command says what it does and shows an example, on stdout", async () => {
    const paths = everyCommand(describeProgram())
    const helps = await Promise.all(paths.map((path) => place.run(...path, "--help")))
    for (const [i, { code, stderr, stdout }] of helps.entries()) {
      const name = paths[i]!.join(" ")
      expect({ name, code, stderr }).toEqual({ name, code: 0, stderr: "" })
      expect(stdout).toContain(`Usage\n  sheaf ${name}`)
      expect(stdout).toMatch(/\nExamples\n(  #.*\n)?  .*sheaf /)
      expect(stdout.split("\n").every((line) => line.length <= 140)).toBe(true)
    }
  })
  it("of sheaf itself lists the commands and the flags of every command", async () => {
    const { code, stdout } = await place.run("--help")
    expect(code).toBe(0)
    for (const word of ["ingest", "--json", "--instance DIR", "--lock-timeout SECONDS", "--no-color"]) expect(stdout).toContain(word)
  })
  it("is shown on stderr, as a usage error, when no command is given", async () => {
    for (const args of [[], ["storage"]]) {
      const ran = await place.run(...args)
      expect(ran).toMatchObject({ code: 2, stdout: "" })
      expect(ran.stderr).toContain("Usage\n")
    }
    expect(await place.failure("storage")).toMatchObject({ exit: 2, error: { code: "Usage" } })
  })
  it("--version is the package's", async () => {
    const { version } = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8")) as { version: string }
    for (const args of [["--version"], ["-v"], ["ls", "--version"]]) expect(await place.run(...args)).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: "" })
  })
})

describe("a command line that makes no sense", () => {
  const cases: ReadonlyArray<readonly [args: ReadonlyArray<string>, message: string, hint: string]> = [
    [["igest", "x"], "unknown command \"igest\"", "Did you mean sheaf ingest?"],
    [["list"], "unknown command \"list\"", "Did you mean sheaf ls?"],
    [["delete", "x"], "unknown command \"delete\"", "Did you mean sheaf rm?"],
    [["constructor"], "unknown command \"constructor\"", "See sheaf --help."],
    [["storage", "ad", "x"], "unknown command \"ad\" for sheaf storage", "Did you mean sheaf storage add?"],
    [["ls", "--jsno"], "unknown flag --jsno for sheaf ls", "Did you mean --json?"],
    [["ingest", "x", "--exlude", "y"], "unknown flag --exlude for sheaf ingest", "Did you mean --exclude?"],
    [["show", "-dash.csv"], "unknown flag -dash.csv", "as in: sheaf show -- -dash.csv"],
    [["show"], "show needs REF", "sheaf show --help"],
    [["show", "a", "b"], "too many arguments for sheaf show: \"b\"", "sheaf show --help"],
    [["add", "x", "--key"], "--key needs a value", "--key=VALUE"],
    [["add", "x", "--key", "a", "--key", "b"], "--key is given more than once", "sheaf add --help"],
    [["add", "x", "--on-duplicate", "maybe"], "--on-duplicate cannot be \"maybe\"", "\"alias\" | \"reuse\" | \"new\" | \"error\""],
    [["ingest", "x", "--workers", "0"], "--workers cannot be \"0\"", "whole number from 1"],
    [["ls", "--lock-timeout", "-1"], "--lock-timeout cannot be \"-1\"", "0 or more seconds"],
    [["verify", "--sample", "lots"], "--sample cannot be \"lots\"", "5%"],
    [["completions", "tcsh"], "SHELL cannot be \"tcsh\"", "\"bash\" | \"zsh\" | \"fish\""]
  ]
  it.for(cases)("%j", async ([args, message, hint]) => {
    const [text, machine] = await Promise.all([place.run(...args), place.failure(...args)])
    expect(text).toMatchObject({ code: 2, stdout: "" })
    const lines = text.stderr.trimEnd().split("\n")
    expect(lines).toHaveLength(2)
    expect(lines[0]).toBe(`sheaf: ${message}`)
    expect(lines[1]).toContain(hint)
    expect(machine).toMatchObject({ exit: 2, error: { code: "Usage", message, hint: lines[1] } })
  })
  it("--json and --ndjson exclude each other", async () => {
    expect((await place.run("ls", "--json", "--ndjson"))).toMatchObject({ code: 2, stdout: "" })
  })
})

describe("without an instance", () => {
  it("commands say how to make one", async () => {
    const empty = workplace()
    const lines = [["ls"], ["info"], ["show", "x"], ["ingest", "."], ["config", "get"], ["verify"], ["storage", "list"], ["doctor"]]
    for (const ran of await Promise.all(lines.map((args) => empty.run(...args)))) {
      expect(ran).toMatchObject({ code: 2, stdout: "" })
      expect(ran.stderr).toMatch(/^sheaf: no Sheaf instance in .*\nMake one with: sheaf init/)
    }
    expect((await empty.failure("ls")).error).toMatchObject({ code: "NoInstance", from: empty.directory })
  })
  it("--instance and SHEAF_INSTANCE name one that must exist", async () => {
    expect((await place.failure("ls", "--instance", "/nowhere")).error).toMatchObject({ code: "NoInstance", from: "/nowhere" })
    const ran = await runShell(place.directory, "SHEAF_INSTANCE=/nowhere $SHEAF ls")
    expect(ran.code).toBe(2)
    expect(ran.stderr).toContain("/nowhere")
  })
})

describe("completions", () => {
  it("are valid bash, and complete commands, flags and paths", async () => {
    const directory = emptyDirectory()
    const ran = await runShell(directory, `
      set -e
      $SHEAF completions bash > script.sh
      bash -n script.sh
      source script.sh
      mkdir plate1
      complete_line() { COMP_LINE="$*"; COMP_POINT=\${#COMP_LINE}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _sheaf sheaf "\${COMP_WORDS[COMP_CWORD]}" "\${COMP_WORDS[COMP_CWORD-1]}" || true; echo "\${COMPREPLY[*]}"; }
      complete_line sheaf ing
      complete_line sheaf storage rem
      complete_line sheaf ls --js
      complete_line sheaf ingest pla
      complete_line sheaf add --on-duplicate re
    `)
    expect(ran.stderr).toBe("")
    expect(ran.stdout.trimEnd().split("\n")).toEqual(["ingest", "remove", "--json", "plate1", "reuse"])
  })
  it("exist for zsh and fish, without advice that is wrong here", async () => {
    for (const shell of ["bash", "zsh", "fish"]) {
      const { code, stdout } = await place.run("completions", shell)
      expect(code).toBe(0)
      expect(stdout).toContain("ingest")
      expect(stdout).not.toContain("--completions")
    }
  })
  it("are syntactically right where the shells are there to ask", async () => {
    const ran = await runShell(place.directory, `
      if command -v zsh > /dev/null; then $SHEAF completions zsh | zsh -n; fi
      if command -v fish > /dev/null; then $SHEAF completions fish | fish --no-execute; fi
    `)
    expect(ran).toMatchObject({ code: 0, stderr: "" })
  })
})

describe("colours", () => {
  it("appear when asked for and never with NO_COLOR or --no-color", async () => {
    const line = (env: string, flags: string) => runShell(place.directory, `${env} $SHEAF nonsense ${flags}`)
    expect((await line("", "")).stderr).not.toContain("\x1b")
    expect((await line("FORCE_COLOR=1", "")).stderr).toContain("\x1b[31m")
    expect((await line("FORCE_COLOR=1 NO_COLOR=1", "")).stderr).not.toContain("\x1b")
    expect((await line("FORCE_COLOR=1", "--no-color")).stderr).not.toContain("\x1b")
  })
})
