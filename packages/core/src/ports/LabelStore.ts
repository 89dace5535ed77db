/**
 * Port: labels and what carries them. Reference implementation: `layers/DuckDbLabels`; `testing/MemoryLabels` is the model beside it.
 *
 * Every method is one unit of work: all of it happens or nothing.
 */
import { Context, type Effect } from "effect"
import type { ArtifactList } from "../domain/ArtifactList.ts"
import type { Label } from "../domain/Label.ts"
import type { InvalidInput, NotFound } from "../domain/SheafError.ts"
import type { RegistryError } from "./Registry.ts"

/** A label that is to be there. */
export interface NewLabel {
  /** Taken when the label is new. */
  readonly candidateUid: string
  readonly name: string
  readonly type: string | null
  /** Uid of the label above it. */
  readonly parent: string | null
  readonly description: string | null
  /** Uid of the account. */
  readonly account: string | null
}

/** The label that is there now. */
export interface CreatedLabel {
  readonly label: Label
  /** False when it was there already. */
  readonly created: boolean
}

/** Labels, as a registry keeps them. */
export class LabelStore extends Context.Service<LabelStore, {
  /**
   * Makes a label, or gives the one of that type and name. One that is there already takes a parent and a description that it has none of, and keeps others.
   * An unknown parent is `NotFound`, one that is below the label itself `InvalidInput`.
   */
  readonly create: (label: NewLabel) => Effect.Effect<CreatedLabel, RegistryError | NotFound | InvalidInput>
  /** Puts a label below another one, or below none. */
  readonly setParent: (uid: string, parent: string | null) => Effect.Effect<Label, RegistryError | NotFound | InvalidInput>
  /** All labels, by type (those without one first) and name, bytewise. */
  readonly all: Effect.Effect<ReadonlyArray<Label>, RegistryError>
  /** How many live artifacts carry each label, by its uid; those that none carries are left out. */
  readonly counts: Effect.Effect<ReadonlyMap<string, number>, RegistryError>
  /** Gives artifacts a label; those that have it keep it as it is. Gives how many got it. An artifact that does not exist, or the label, is `NotFound`. */
  readonly attach: (label: string, artifacts: ArtifactList, run: string | null) => Effect.Effect<number, RegistryError | NotFound>
  /** Takes a label from artifacts; gives how many had it. */
  readonly detach: (label: string, uids: ReadonlyArray<string>) => Effect.Effect<number, RegistryError>
}>()("@sheaf/core/LabelStore") {}
